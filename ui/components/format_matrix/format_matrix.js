// A matrix of numbers over tokens as a table: the row's heading stays in sight while the tokens scroll.

import { make } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";
import { decimals, shade } from "./shade.js";

/** @typedef {[name: string, below: string, values: number[]]} MatrixRow */

/**
 * What `format_matrix` in format_matrix/__init__.py sends.
 * @typedef {object} MatrixData
 * @property {MatrixRow[]} rows
 * @property {string[]} columns
 * @property {string} label
 * @property {string} unit
 */

/** @param {MatrixData} data */
function table({ rows, columns, label, unit }) {
  const node = make("table");
  node.append(make("caption", "unseen", `${label}, in ${unit}`));
  const head = make("tr");
  head.append(make("td", "corner"));
  for (const column of columns) head.append(heading("col", column));
  const top = Math.max(...rows.flatMap(([, , values]) => values));
  const body = make("tbody");
  for (const [number, [name, below, values]] of rows.entries()) {
    const line = make("tr", number === 0 ? "own" : "");
    const first = heading("row", name);
    first.append(make("span", "below", below));
    line.append(first, ...values.map((value, i) => cell(value, top, `${name}, ${columns[i]}: ${value.toFixed(2)} ${unit}`)));
    body.append(line);
  }
  const thead = make("thead");
  thead.append(head);
  node.append(thead, body);
  return node;
}

/** @param {"col" | "row"} scope @param {string} text */
function heading(scope, text) {
  const node = make("th", scope, text);
  node.scope = scope;
  return node;
}

/** @param {number} value @param {number} top @param {string} title */
function cell(value, top, title) {
  const node = make("td", "cell", decimals(value));
  node.style.setProperty("--share", `${shade(value, top)}%`);
  node.title = title;
  return node;
}

/** What scrolls can be scrolled with the keyboard. */
function holder() {
  const root = make("div", "drawing matrix");
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  return root;
}

/** @param {MatrixData} data @param {HTMLElement} root */
function parts(data, root) {
  root.setAttribute("aria-label", data.label);
  return [table(data)];
}

export default drawn(holder, parts);
