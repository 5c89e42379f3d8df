// A matrix of numbers over tokens as a table: the row's heading stays in sight while the tokens scroll.

import { make } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { decimals, shade } from "./shade.js";

/** @import { Component } from "../kit/mount.js" */

/** @typedef {[name: string, below: string, values: number[]]} MatrixRow */

/**
 * What `format_matrix` in format_matrix/__init__.py sends.
 * @typedef {object} MatrixData
 * @property {MatrixRow[]} rows
 * @property {string[]} columns
 * @property {string} label
 * @property {string} unit
 */

class FormatMatrix {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing matrix");
    this.root.tabIndex = 0; // what scrolls can be scrolled with the keyboard
    this.root.setAttribute("role", "group");
    parent.append(this.root);
    this.json = "";
  }

  /** @param {MatrixData} data @param {Component<MatrixData>} _component */
  update(data, _component) {
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    this.root.setAttribute("aria-label", data.label);
    this.root.replaceChildren(this.table(data));
  }

  destroy() {
    this.root.remove();
  }

  /** @param {MatrixData} data */
  table({ rows, columns, label, unit }) {
    const table = make("table");
    table.append(make("caption", "unseen", `${label}, in ${unit}`));
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
    table.append(thead, body);
    return table;
  }
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

export default mounted(FormatMatrix);
