// The characters of a token as they are drawn: white space marked, what cannot be seen as a symbol.

import { make } from "../kit/dom.js";

export const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
// Never drawn as they are: controls, line separators, and what would reorder or hide the text around it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
export const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;
const IGNORABLE = /^\p{Default_Ignorable_Code_Point}+$/u; // a lone joiner or variation selector
const MARK = /^\p{M}/u;
const SPACE = /^[\n\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/;
const RUNS = /\n|\t+| +|\u00a0+|[\u1680\u2000-\u200a\u202f\u205f\u3000]+|[^\n\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+/g;
/** @type {Record<string, string>} */
const SIGNS = { "\n": "\u23ce", "\t": "\u2192", " ": "\u00b7", "\u00a0": "\u237d" };

/**
 * A part of a token's text: as it is, a symbol or a sign in place of what is there, or white space with a sign over it.
 * @typedef {{ kind: "text" | "symbol" | "mark", text: string } | { kind: "space", text: string, sign: string }} Part
 */

/** @param {string} char */
const codePoint = (char) => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** @param {string} char */
function symbolFor(char) {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "\u2421" : codePoint(char);
}

/**
 * White space of one kind.
 * @param {string} run
 * @param {boolean} marked
 * @returns {Part[]}
 */
function splitSpace(run, marked) {
  const sign = SIGNS[run[0]] ?? "\u2423";
  if (run[0] === "\n") return [.../** @type {Part[]} */ (marked ? [{ kind: "mark", text: sign }] : []), { kind: "text", text: "\n" }];
  if (!marked) return [{ kind: "text", text: run }];
  // The sign of a tab has a width of its own: a tab stop counted inside a token would mislead.
  if (run[0] === "\t") return [{ kind: "mark", text: sign.repeat(run.length) }];
  return [{ kind: "space", text: run, sign: sign.repeat(run.length) }];
}

/**
 * What is neither white space nor a lone mark.
 * @param {string} run
 * @returns {Part[]}
 */
function splitInk(run) {
  /** @type {Part[]} */
  const parts = [];
  let plain = "";
  for (const char of run) {
    if (!UNSEEN.test(char)) {
      plain += char;
      continue;
    }
    if (plain) parts.push({ kind: "text", text: plain });
    parts.push({ kind: "symbol", text: symbolFor(char) });
    plain = "";
  }
  if (plain) parts.push({ kind: "text", text: plain });
  return parts;
}

/**
 * @param {string} text
 * @param {boolean} whitespace mark spaces, tabs and line ends; nothing but line ends is marked in any case
 * @returns {Part[]}
 */
export function splitCharacters(text, whitespace) {
  if (IGNORABLE.test(text)) return Array.from(text, (char) => ({ kind: "symbol", text: codePoint(char) }));
  // A mark without its letter sits on a dotted circle; in one text node, or it would not join the circle.
  const based = text.charCodeAt(0) >= 0x300 && MARK.test(text) ? `\u25cc${text}` : text;
  const marked = whitespace || /^[\r\n]+$/.test(based);
  return (based.match(RUNS) ?? []).flatMap((run) => (SPACE.test(run) ? splitSpace(run, marked) : splitInk(run)));
}

/** @param {HTMLElement} node @param {string} text @param {boolean} whitespace */
export function drawText(node, text, whitespace) {
  for (const part of splitCharacters(text, whitespace)) {
    if (part.kind === "text") {
      node.append(part.text);
      continue;
    }
    const drawn = make("i", part.kind, part.text);
    // The real spaces stay in the page, the sign lies over them: what a person copies is the text.
    if (part.kind === "space") drawn.dataset.sign = part.sign;
    node.append(drawn);
  }
}
