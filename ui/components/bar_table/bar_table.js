// Aligned bar charts as one table. A narrow screen stacks the bars of a row, each with its heading.

import { make } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";
import { ends, length } from "./layout.js";

/** @import { Cell } from "./layout.js" */

/**
 * What `bar_table` in bar_table/__init__.py sends.
 * @typedef {object} BarData
 * @property {{name: string, is_quantized: boolean, cells: Cell[]}[]} rows
 * @property {string[]} columns
 * @property {string} label
 */

/** @param {BarData} data */
function table({ rows, columns, label }) {
  const node = make("table");
  node.append(make("caption", "unseen", label));
  const head = make("tr");
  head.append(make("td", "corner"));
  for (const column of columns) {
    const cell = make("th", "col", column);
    cell.scope = "col";
    head.append(cell);
  }
  const thead = make("thead");
  thead.append(head);
  const body = make("tbody");
  const axes = ends(
    rows.map((row) => row.cells),
    columns.length,
  );
  for (const { name, is_quantized: quantized, cells } of rows) {
    const line = make("tr", quantized ? "quantized" : "");
    const first = make("th", "row", name);
    first.scope = "row";
    line.append(first, ...cells.map((cell, i) => bar(cell, axes[i], columns[i])));
    body.append(line);
  }
  node.append(thead, body);
  return node;
}

/** @param {Cell} cell @param {number} end @param {string} column */
function bar(cell, end, column) {
  const node = make("td", cell.value === null ? "unknown" : "known");
  node.append(make("span", "heading", column));
  if (cell.value !== null) {
    const track = make("div", "track");
    track.setAttribute("aria-hidden", "true");
    const fill = make("div", "fill");
    fill.style.width = `${length(cell.value, end)}%`;
    track.append(fill);
    if (cell.low !== null && cell.high !== null && cell.high > cell.low) {
      const spread = make("div", "spread");
      spread.style.left = `${length(cell.low, end)}%`;
      spread.style.width = `${length(cell.high - cell.low, end)}%`;
      track.append(spread);
    }
    node.append(track);
  }
  node.append(make("span", "text", cell.text));
  if (cell.below) node.append(make("span", "below", cell.below));
  if (cell.hover) node.title = cell.hover;
  return node;
}

export default drawn(() => make("div", "drawing bars"), (/** @type {BarData} */ data) => [table(data)]);
