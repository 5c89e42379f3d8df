// The view as a picture: an SVG made of what the browser has laid out, and a PNG made of that SVG.
//
// Every node comes from the DOM API and every text goes through `textContent`, so that serializing escapes it.
// `textLength` keeps each token within its box where the picture is opened without the page's fonts.

import { clamp, make, shape } from "../kit/dom.js";
import { colourAttributes, onePixel, themeColour } from "../kit/plain_colour.js";
import { saveButton } from "../kit/save.js";

/** @import { Block, Blocks } from "./blocks.js" */
/** @import { Row } from "./rows.js" */

/**
 * What is taken a picture of.
 * @typedef {object} Sitter
 * @property {HTMLElement} root
 * @property {HTMLElement} scroller
 * @property {Row[]} rows
 * @property {Blocks | undefined} blocks
 * @property {() => void} dark takes away what is lit
 */

/** @typedef {{ left: number, top: number, width: number, height: number }} Box */
/** @typedef {{ node: HTMLElement, after?: string }} Piece an element, and words below it */

const PICTURE_TOKENS = 3000; // of each row: more make a picture that few programs open
const PICTURE_MARGIN = 16;

/** @param {Element} node @param {string} selector */
const all = (node, selector) => /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll(selector));

/** @param {{ left: number, right: number, top: number }} run @param {DOMRect} box */
const isBeside = (run, box) =>
  Math.min(Math.abs(box.left - run.right), Math.abs(box.right - run.left)) < 1 && Math.abs(run.top - box.top) < 2;

class Picture {
  /** @param {Sitter} view */
  constructor(view) {
    this.view = view;
    this.canvas = onePixel(); // measures text
    /** @type {SVGElement[]} */
    this.shapes = [];
    this.top = 0; // of what is drawn next: on the page, less in the picture
    const box = view.scroller.getBoundingClientRect();
    this.left = box.left - PICTURE_MARGIN;
    this.width = box.width + 2 * PICTURE_MARGIN;
    this.height = PICTURE_MARGIN;
  }

  draw() {
    const { root, scroller } = this.view;
    this.view.dark();
    const pieces = this.pieces(scroller);
    for (const { node } of pieces) node.style.contentVisibility = "visible";
    let bottom = Infinity;
    for (const { node, after } of pieces) {
      const box = node.getBoundingClientRect();
      this.height += clamp(box.top - bottom, 0, 28);
      this.top = box.top - this.height;
      this.element(node);
      this.height += box.height;
      ({ bottom } = box);
      if (after) this.note(after, box);
    }
    for (const { node } of pieces) node.style.contentVisibility = "";
    this.height += PICTURE_MARGIN;
    const size = { width: this.width, height: this.height };
    const svg = shape("svg", { ...size, viewBox: `0 0 ${this.width} ${this.height}`, role: "img" });
    const ground = colourAttributes(themeColour(root, "--st-background-color", "#fff"));
    const names = this.view.rows.map((row) => `${row.name}: ${row.facts}`).join("; ");
    svg.append(shape("title", {}, names), shape("rect", { ...size, ...ground }), ...this.shapes);
    return svg;
  }

  /**
   * What is drawn, from top to bottom: headings whole, and as many blocks as the limit allows.
   * @param {HTMLElement} scroller
   */
  pieces(scroller) {
    /** @type {Piece[]} */
    const found = Array.from(all(scroller, ":scope > .legend"), (node) => ({ node }));
    for (const section of all(scroller, ":scope > .row")) {
      for (const part of all(section, ":scope > *")) {
        const blocks = [.../** @type {Iterable<Block>} */ (all(part, ":scope > .block"))];
        if (blocks.length === 0) {
          found.push({ node: part });
          continue;
        }
        let tokens = 0;
        for (const node of blocks) {
          this.view.blocks?.fill(node);
          found.push({ node });
          tokens += node.querySelectorAll(".t, .n").length;
          if (tokens >= PICTURE_TOKENS) break;
        }
        const last = found[found.length - 1];
        if (last.node !== blocks.at(-1)) last.after = `\u2026 the picture holds the first ${tokens.toLocaleString("en")}`;
      }
    }
    return found;
  }

  /** @param {HTMLElement} node */
  element(node) {
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility === "hidden") return;
    for (const box of node.getClientRects()) if (box.width && box.height) this.box(node, style, box);
    for (const child of node.childNodes) {
      if (child instanceof Text) this.text(child, style);
      else if (child instanceof HTMLElement) this.element(child);
    }
  }

  /** @param {HTMLElement} node @param {CSSStyleDeclaration} style @param {Box} box */
  box(node, style, box) {
    const [x, y] = [box.left - this.left, box.top - this.top];
    const place = { x, y, width: box.width, height: box.height };
    const border = parseFloat(style.borderTopWidth) || 0;
    const radius = Math.min(parseFloat(style.borderTopRightRadius) || 0, box.height / 2);
    const ground = colourAttributes(style.backgroundColor);
    const filled = ground["fill-opacity"] !== 0;
    if (border) {
      const half = border / 2;
      const inner = { x: x + half, y: y + half, width: box.width - border, height: box.height - border, rx: radius };
      /** @type {Record<string, string | number>} */
      const line = { ...colourAttributes(style.borderTopColor, "stroke"), "stroke-width": border };
      if (style.borderTopStyle === "dashed") line["stroke-dasharray"] = "3 2";
      this.shapes.push(shape("rect", { ...inner, ...(filled ? ground : { fill: "none" }), ...line }));
    } else if (filled) {
      this.shapes.push(shape("rect", { ...place, rx: Math.min(radius, 2), ...ground }));
    }
    const edge = /^(.+) ([\d.]+)px 0px 0px 0px inset$/.exec(style.boxShadow);
    if (edge) this.shapes.push(shape("rect", { ...place, width: Number(edge[2]), ...colourAttributes(edge[1]) }));
    const under = border ? 0 : parseFloat(style.borderBottomWidth) || 0;
    if (under) {
      const line = { ...place, y: y + box.height - under, height: under };
      this.shapes.push(shape("rect", { ...line, ...colourAttributes(style.borderBottomColor) }));
    }
    if (node.classList.contains("bar")) {
      const part = getComputedStyle(node, "::before");
      const bar = { ...place, width: parseFloat(part.width) || 0, ...colourAttributes(part.backgroundColor) };
      this.shapes.push(shape("rect", bar));
    }
    if (node.dataset.sign) this.line(node.dataset.sign, box, style, 0.62);
  }

  /**
   * One <text> for each line that a run of text takes.
   * @param {Text} node
   * @param {CSSStyleDeclaration} style
   */
  text(node, style) {
    if (!node.data.trim()) return;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = range.getClientRects();
    if (boxes.length === 1) {
      this.line(node.data, boxes[0], style);
      return;
    }
    /** @type {Box & { text: string, right: number } | undefined} */
    let run;
    let at = 0;
    for (const char of node.data) {
      range.setStart(node, at);
      at += char.length;
      range.setEnd(node, at);
      const box = range.getBoundingClientRect();
      if (!box.width) {
        if (run) run.text += char; // a mark on the letter before it
        continue;
      }
      // On one line, but apart: right-to-left text around it drew the space and the word to two places.
      if (run && isBeside(run, box)) {
        run.text += char;
        run.left = Math.min(run.left, box.left);
        run.right = Math.max(run.right, box.right);
        continue;
      }
      if (run) this.run(run, style);
      run = { text: char, left: box.left, right: box.right, top: box.top, width: 0, height: box.height };
    }
    if (run) this.run(run, style);
  }

  /** @param {Box & { text: string, right: number }} run @param {CSSStyleDeclaration} style */
  run({ text, left, right, top, height }, style) {
    if (text.trim()) this.line(text, { left, top, width: right - left, height }, style);
  }

  /** @param {string} text @param {Box} box @param {CSSStyleDeclaration} style @param {number} [opacity] */
  line(text, box, style, opacity = 1) {
    this.canvas.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = this.canvas.measureText("x");
    /** @type {Record<string, string | number>} */
    const attributes = {
      x: box.left - this.left,
      y: box.top - this.top + (box.height - up - down) / 2 + up,
      "font-family": style.fontFamily.replaceAll('"', "'"),
      "font-size": parseFloat(style.fontSize),
      "font-weight": style.fontWeight,
      textLength: box.width,
      lengthAdjust: "spacingAndGlyphs",
      style: "white-space:pre",
      ...colourAttributes(style.color),
    };
    if (opacity !== 1) attributes.opacity = opacity;
    this.shapes.push(shape("text", attributes, text));
  }

  /** @param {string} text @param {Box} box */
  note(text, box) {
    this.height += 4;
    this.top = 0;
    const style = getComputedStyle(this.view.root);
    this.canvas.font = `${style.fontSize} ${style.fontFamily}`;
    const { width } = this.canvas.measureText(text);
    this.line(text, { left: box.left, top: this.height, width, height: 24 }, style);
    this.height += 24;
  }
}

/**
 * @param {Sitter} view
 * @param {string} name of the file, without its ending
 */
export function drawExporter(view, name) {
  const bar = make("div", "save");
  bar.append(make("span", "", "Save the picture"));
  for (const kind of /** @type {const} */ (["SVG", "PNG"])) {
    const button = saveButton(kind, kind, name, () => new Picture(view).draw());
    button.setAttribute("aria-label", `Save the picture as ${kind}`);
    bar.append(button);
  }
  return bar;
}
