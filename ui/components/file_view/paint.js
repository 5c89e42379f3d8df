// One row of the file as elements: the tokens of both encodings, or once where both have the same.

import { make } from "../kit/dom.js";
import { drawText, RTL } from "../token_view/characters.js";

/** @import { File, Form } from "./file.js" */

/** @typedef {HTMLElement & { which: number, place: number }} Spot the element of a token */

/**
 * The tokens that have a character from `start` to `end`, with those that have none and stand between them.
 * @param {import("../token_view/rows.js").Row} row
 * @param {number} start @param {number} end
 */
export function tokensIn(row, start, end) {
  let from = 0;
  for (let high = start === 0 ? 0 : row.length; from < high;) {
    const middle = (from + high) >> 1;
    if (row.reach[middle] > start) high = middle;
    else from = middle + 1;
  }
  let to = from;
  while (to < row.length && (row.starts[to] < end || row.empty(to))) to += 1;
  return [from, to];
}

/**
 * The tokens of one encoding, from character `start` to `end`; a token that goes on in another row is open at that side.
 * @param {File} file
 * @param {number} which encoding
 * @param {number} start @param {number} end
 */
export function paintTokens(file, which, start, end) {
  const row = file.rows[which];
  const line = make("div", "tokens");
  const rtl = file.source.rtl && RTL.test(row.slice(start, end));
  if (rtl) line.classList.add("rtl");
  const [from, to] = tokensIn(row, start, end);
  for (let i = from; i < to;) {
    const next = Math.min(to, row.runEnd(i));
    if (next - i > 1 || row.partial(i)) line.append(group(file, which, [i, next], [start, end]));
    else line.append(token(file, which, i, [start, end]));
    i = next;
  }
  return line;
}

/** @param {File} file @param {number} which @param {number} i @param {string} className */
function spot(file, which, i, className) {
  const shade = i % 2 ? "odd" : "even";
  const only = file.both[which][i] ? "" : " alone";
  return Object.assign(make("span", `t ${className} ${shade}${only}`), { which, place: i });
}

/** @param {File} file @param {number} which @param {number} i @param {[start: number, end: number]} window */
function token(file, which, i, [start, end]) {
  const row = file.rows[which];
  const special = row.special(i);
  const node = spot(file, which, i, special ? "special" : "box");
  if (special || row.empty(i)) {
    node.append(row.piece(i));
    if (!special) node.classList.add("added");
    return node;
  }
  if (row.starts[i] < start) node.classList.add("from");
  if (row.ends[i] > end) node.classList.add("on");
  draw(node, row.slice(Math.max(start, row.starts[i]), Math.min(end, row.ends[i])));
  return node;
}

/** @param {HTMLElement} node @param {string} text */
function draw(node, text) {
  const [ink, ...ends] = text.split("\n");
  if (ink) drawText(node, ink, false);
  for (const after of ends) {
    node.append(make("i", "mark", "\u23ce"));
    if (after) drawText(node, after, false);
  }
}

/**
 * Tokens that share characters: the characters once, then the bytes of each.
 * @param {File} file @param {number} which
 * @param {[from: number, to: number]} tokens @param {[start: number, end: number]} window
 */
function group(file, which, [from, to], [start, end]) {
  const row = file.rows[which];
  const node = make("span", "group");
  const far = row.ends.subarray(from, to).reduce((a, b) => Math.max(a, b), 0);
  const whole = make("span", "whole");
  draw(whole, row.slice(Math.max(start, row.starts[from]), Math.min(end, far)).replaceAll("\ufffd", ""));
  node.append(whole);
  for (let i = from; i < to; i++) {
    const part = spot(file, which, i, "part");
    part.append(row.hex(i).join(" "));
    node.append(part);
  }
  return node;
}

/**
 * A row of the file: one line, or a piece of a long one.
 * @param {File} file
 * @param {{ start: number, end: number, line: number, first: boolean }} row `first`: the line begins with it
 * @param {(which: number, form: Form) => void} copy
 */
export function paintRow(file, { start, end, line, first }, copy) {
  const node = make("div", "row");
  node.setAttribute("role", "listitem");
  node.setAttribute("aria-label", file.words(line));
  node.append(make("span", "number", first ? String(line + 1) : ""));
  const differs = file.alone(start, end) > 0;
  for (const which of differs ? [0, 1] : [0]) {
    const tokens = paintTokens(file, which, start, end);
    tokens.classList.add(differs ? `of-${which}` : "of-both");
    node.append(tokens);
  }
  const buttons = lineButtons(file, line, copy);
  for (const button of buttons.querySelectorAll("button")) button.tabIndex = -1; // those below the lines are for keys
  node.append(buttons);
  return node;
}

/**
 * Buttons that copy the ids of a line.
 * @param {File} file
 * @param {number} line
 * @param {(which: number, form: Form) => void} copy
 */
export function lineButtons(file, line, copy) {
  const node = make("span", "copy");
  for (const [which, name] of file.names.entries()) {
    const buttons = copyButtons(`the ids of line ${line + 1} in ${name}`, (form) => copy(which, form));
    node.append(make("span", "of", `${name}:`), ...buttons);
  }
  return node;
}

/**
 * Two buttons that copy ids.
 * @param {string} what
 * @param {(form: Form) => void} copy
 */
export function copyButtons(what, copy) {
  return /** @type {Form[]} */ (["Python", "JSON"]).map((form) => {
    const button = make("button", "", form);
    button.type = "button";
    button.setAttribute("aria-label", `Copy ${what} as ${form === "Python" ? "a Python list" : "JSON"}`);
    button.addEventListener("click", () => copy(form));
    return button;
  });
}
