// The template, line by line.

import { make } from "../kit/dom.js";
import { drawPane } from "./string.js";

/** @typedef {HTMLDivElement & { number: number }} LineNode */

/**
 * @param {string[]} texts @param {number[]} wrote lines that wrote something
 * @returns {[pane: HTMLDivElement, lines: LineNode[]]}
 */
export function drawSource(texts, wrote) {
  const pane = drawPane("source", "The template. Arrow keys go from line to line.");
  const writers = new Set(wrote);
  const lines = texts.map((text, i) => {
    const row = Object.assign(make("div", writers.has(i + 1) ? "line wrote" : "line"), { number: i + 1 });
    row.append(make("span", "number", String(i + 1)), make("code", "", text || " "));
    return row;
  });
  if (lines.length) lines[0].tabIndex = 0;
  pane.append(...lines);
  return [pane, lines];
}
