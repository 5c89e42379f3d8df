// Prompts as a rectangle: the row's heading, with what comes next, stays in sight while the tokens scroll.

import { make } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";
import { cellClass, cellTitle, hiddenRuns } from "./layout.js";

/** @import { Cell } from "./layout.js" */

/** @typedef {{ name: string, alone: string, batch: string, moved: string, changed: boolean, cells: Cell[] }} Row */

/**
 * What `batch_grid` in batch_grid/__init__.py sends.
 * @typedef {object} GridData
 * @property {Row[]} rows
 * @property {string} label
 */

/** @param {GridData} data */
function table({ rows, label }) {
  const node = make("table");
  node.append(make("caption", "unseen", label));
  const n = rows[0]?.cells.length ?? 0;
  const head = make("tr");
  head.append(heading("col", "row corner", "Prompt, and what comes next"));
  for (let column = 0; column < n; column += 1) {
    const last = column === n - 1;
    head.append(heading("col", last ? "col last" : "col", last ? `${column + 1} ▸` : String(column + 1)));
  }
  const body = make("tbody");
  for (const row of rows) body.append(line(row, n));
  const thead = make("thead");
  thead.append(head);
  node.append(thead, body);
  return node;
}

/** @param {Row} row @param {number} n */
function line(row, n) {
  const node = make("tr", row.changed ? "changed" : "");
  const first = heading("row", "row", row.name);
  first.append(next("alone", row.alone), next("in this batch", row.batch), make("span", "moved", row.moved));
  node.append(first);
  const runs = hiddenRuns(row.cells);
  for (const [i, cell] of row.cells.entries()) {
    const place = make("td", `${cellClass(cell)}${i === n - 1 ? " last" : ""}`);
    place.append(make("span", "token", cell.label), make("span", "number", String(cell.id)));
    if (cell.position >= 0) place.append(make("span", "number", `at ${cell.position}`));
    place.title = cellTitle(cell, runs[i]);
    node.append(place);
  }
  return node;
}

/** @param {string} where @param {string} what */
function next(where, what) {
  const node = make("span", "next");
  node.append(make("span", "where", where), make("span", "what", what));
  return node;
}

/** @param {"col" | "row"} scope @param {string} name @param {string} text */
function heading(scope, name, text) {
  const node = make("th", name, text);
  node.scope = scope;
  return node;
}

/** What scrolls can be scrolled with the keyboard. */
function holder() {
  const root = make("div", "drawing batch");
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  return root;
}

/**
 * Where not all columns fit, begin at the side that is padded.
 * @param {GridData} data @param {HTMLElement} root
 */
function showPadding({ rows }, root) {
  const side = rows.some(({ cells }) => cells[cells.length - 1]?.pad) ? "right" : "left";
  if (root.dataset.side === side) return;
  root.dataset.side = side;
  requestAnimationFrame(() => {
    root.scrollLeft = side === "right" ? root.scrollWidth : 0;
  });
}

/** @param {GridData} data @param {HTMLElement} root */
function parts(data, root) {
  root.setAttribute("aria-label", data.label);
  showPadding(data, root);
  return [table(data)];
}

export default drawn(holder, parts);
