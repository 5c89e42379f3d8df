// The merges as a table: the same numbers for those who do not see the picture.

import { counted, make } from "../kit/dom.js";

/** @import { Side } from "./merge_tree.js" */

/**
 * @param {Side[]} sides
 * @returns {[summary: HTMLElement, rows: HTMLTableRowElement[], table: HTMLElement]}
 */
export function mergesTable(sides) {
  const last = Math.max(0, ...sides.map(({ nodes }) => nodes.length));
  const summary = make("summary", "", `The ${counted(last, "merge")} as a table`);
  const table = make("table");
  const head = make("tr");
  head.append(cell("th", "Merge"));
  for (const { name } of sides) head.append(cell("th", name), cell("th", "Rank"), cell("th", "Becomes"));
  const top = make("thead");
  top.append(head);
  const body = make("tbody");
  const rows = Array.from({ length: last }, (_, i) => {
    const row = make("tr");
    row.append(cell("td", String(i + 1)));
    for (const { nodes } of sides) {
      const node = nodes[i];
      const [pair, rank, piece] = node ? [node[4], node[3].toLocaleString("en"), node[5]] : ["", "", ""];
      row.append(cell("td", pair, "mono"), cell("td", rank, "number"), cell("td", piece, "mono"));
    }
    body.append(row);
    return row;
  });
  table.append(top, body);
  const scroller = make("div", "rows");
  scroller.append(table);
  return [summary, rows, scroller];
}

/** @param {"th" | "td"} tag @param {string} text @param {string} [className] */
function cell(tag, text, className) {
  const node = make(tag, className, text);
  if (node instanceof HTMLTableCellElement && tag === "th") node.scope = "col";
  return node;
}
