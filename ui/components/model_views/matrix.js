// One head as a matrix: a row for each token that reads, a column for each that is read.

import { shape } from "../kit/dom.js";
import { sinkLabel, wordOf } from "./arcs.js";
import { matrixCell } from "./layout.js";
import { SINK } from "./weights.js";

/** @import { Head } from "./arcs.js" */

const [LABEL, HEAD] = [92, 74];

/** @param {Head} view */
export function matrixOf(view) {
  const { weights, head, unit } = view;
  const [leftmost, before] = weights.hasSink ? [SINK, 1.5] : [0, 0];
  const [label, top] = [LABEL * unit, HEAD * unit];
  const cell = matrixCell(weights.n + before, view.drawnFor - label);
  const size = cell * weights.n;
  // The sink's column is the first, half a cell apart from the tokens'.
  const x = (/** @type {number} */ key) => label + (key === SINK ? 0 : key + before) * cell;
  const svg = shape("svg", { width: x(weights.n) + 60, height: top + size + 8, role: "group", "aria-label": `Matrix of head ${head + 1}` });
  for (let query = 0; query < weights.n; query++) {
    const y = top + query * cell;
    svg.append(wordOf(view, query, label - 6, y + cell / 2 + 4, 0, "end"));
    svg.append(wordOf(view, query, x(query) + cell / 2 + 3, top - 6, -50, ""));
    for (let key = leftmost; key <= query; key++) {
      const box = shape("rect", { x: x(key) + 0.5, y: y + 0.5, width: cell - 1, height: cell - 1, rx: 1.5 });
      box.setAttribute("class", query === view.token ? "box lit" : "box");
      box.dataset.query = String(query);
      box.style.setProperty("--share", `${(Math.sqrt(weights.of(head, query, key)) * 100).toFixed(1)}%`);
      box.append(shape("title", {}, view.say(query, key)));
      svg.append(box);
    }
  }
  if (weights.hasSink) svg.append(sinkLabel(x(SINK) + cell / 2 + 3, top - 6, -50));
  return svg;
}
