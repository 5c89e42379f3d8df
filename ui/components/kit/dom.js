// Elements of HTML and SVG. Every text goes through `textContent`, so nothing of a person's text becomes markup.

export const SVG = "http://www.w3.org/2000/svg";
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML cannot hold
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/**
 * An HTML element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/**
 * A small button with a sign, which says in words what it does.
 * @param {string} sign @param {string} words @param {boolean} works @param {() => void} does
 */
export function signed(sign, words, works, does) {
  const node = make("button", "act", sign);
  node.type = "button";
  node.title = words;
  node.setAttribute("aria-label", words);
  node.disabled = !works;
  node.addEventListener("click", does);
  return node;
}

/**
 * Let a label say what it means while the pointer or the focus is on it; one that has nothing to say stays as it is.
 * @template {HTMLElement} Node
 * @param {Node} node @param {string} says plain text
 */
export function explained(node, says) {
  if (!says) return node;
  node.classList.add("explained");
  node.dataset.says = says;
  node.tabIndex = 0;
  node.setAttribute("aria-description", says);
  return node;
}

/**
 * An SVG element; numbers are rounded to hundredths.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, typeof value === "number" ? String(Math.round(value * 100) / 100) : value);
  }
  if (text !== undefined) node.textContent = text.replace(NOT_XML, "\ufffd");
  return node;
}

/**
 * The text, or as many of its characters as fit and an ellipsis.
 * @param {string} text
 * @param {number} room characters that fit
 */
export function shortened(text, room) {
  const letters = Array.from(text);
  return letters.length <= room ? text : `${letters.slice(0, Math.max(1, room - 1)).join("")}\u2026`;
}

/**
 * A number and its noun, singular for 1.
 * @param {number} n @param {string} noun
 */
export const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

/**
 * A share of 0 to 1 in whole percent; what is there is never 0%.
 * @param {number} share
 */
export const percent = (share) => (share > 0 && share < 0.005 ? "<1%" : `${Math.round(share * 100)}%`);

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/**
 * Mark a key as used: Streamlit's own shortcuts are not meant inside a component.
 * @param {Event} event
 */
export function used(event) {
  event.preventDefault();
  event.stopPropagation();
}

/**
 * The element that has the keyboard, as seen from inside a component.
 * @param {Element} node
 */
export const activeIn = (node) => /** @type {Document | ShadowRoot} */ (node.getRootNode()).activeElement;

/** Pixels of one rem: it grows with the screen and in the presenter view. */
export const rootSize = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;

/**
 * Whether a key goes into a text that somebody writes, from inside a component or not.
 * @param {Event} event
 */
export function isWriting(event) {
  const at = event.composedPath()[0];
  return at instanceof Element && at.closest("input:not([type=checkbox]), textarea, select, [contenteditable=true]") !== null;
}

/** Tell a pointer that moves from one under which the page scrolls: only the first is a wish. */
export class Pointer {
  constructor() {
    this.x = NaN;
    this.y = NaN;
  }

  /** @param {{ clientX: number, clientY: number }} event */
  rests({ clientX, clientY }) {
    const rests = clientX === this.x && clientY === this.y;
    this.x = clientX;
    this.y = clientY;
    return rests;
  }
}
