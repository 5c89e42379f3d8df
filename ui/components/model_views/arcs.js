// One head as arcs over the text: from the token that reads to the token that is read, as thick as the share.

import { shape, shortened, used } from "../kit/dom.js";
import { arcPath, arcWidth, arcsLayout } from "./layout.js";
import { FIRST, SINK, percent } from "./weights.js";

/** @import { AttentionData } from "./attention.js" */
/** @import { Weights } from "./weights.js" */

/**
 * The view that a head is drawn for.
 * @typedef {object} Head
 * @property {AttentionData} data
 * @property {Weights} weights
 * @property {number} head
 * @property {number} token
 * @property {number} unit
 * @property {number} drawnFor
 * @property {(token: number) => void} chooseToken
 * @property {(token: number) => void} light
 * @property {(query: number, key: number) => string} say
 */

const FAINT = 0.02; // weights below this share are not drawn as arcs
const STUB = 18;

/** @param {Head} view */
export function arcsOf(view) {
  const { data, weights, head, unit } = view;
  const leftmost = weights.hasSink ? SINK : 0;
  const layout = arcsLayout(weights.n, view.drawnFor, leftmost);
  const { step, width, base, x } = layout;
  const svg = shape("svg", { width, height: base + 78 * unit, role: "group", "aria-label": `Arcs of head ${head + 1}` });
  // The first token takes so much of most heads that its arcs would hide all others: it is a stub, with its share.
  const stubs = data.stub || data.first > 0;
  for (let query = 0; query < weights.n; query++) {
    for (let key = leftmost; key <= query; key++) {
      const share = weights.of(head, query, key);
      if (share < FAINT || (stubs && data.first + key === 0 && key !== SINK)) continue;
      const arc = key === query
        ? shape("circle", { cx: x(key), cy: base - 7, r: 5 })
        : shape("path", { d: arcPath(layout, key, query) });
      svg.append(marked(arc, view, query, share, view.say(query, key)));
    }
    if (stubs && weights.toFirst(head, query) >= FAINT) svg.append(...stub(view, query, x(query), base));
  }
  const angle = step < 18 ? 65 : 50;
  if (weights.hasSink) svg.append(sinkLabel(x(SINK) - 3, base + 14, angle));
  for (let i = 0; i < weights.n; i++) svg.append(wordOf(view, i, x(i) - 3, base + 14, angle, ""));
  // The chosen token's own arcs lie on top.
  svg.append(...svg.querySelectorAll(".arc.lit"), ...svg.querySelectorAll(".stub"));
  return svg;
}

/** @param {SVGElement} arc @param {Head} view @param {number} query @param {number} share @param {string} said */
function marked(arc, view, query, share, said) {
  arc.setAttribute("class", query === view.token ? "arc lit" : "arc");
  arc.dataset.query = String(query);
  arc.style.setProperty("--weight", share.toFixed(4));
  arc.style.strokeWidth = `${arcWidth(share, view.unit).toFixed(2)}px`;
  arc.append(shape("title", {}, said));
  return arc;
}

/** @param {Head} view @param {number} query @param {number} x @param {number} base */
function stub(view, query, x, base) {
  const { data, weights, head, unit } = view;
  const share = weights.of(head, query, FIRST);
  const [left, top] = [x - STUB * unit * 0.7, base - 3 - STUB * unit];
  const line = shape("line", { x1: x, y1: base - 3, x2: left, y2: top });
  const said = `${data.tokens[query]} attends to the first token, ${data.firstToken}: ${(share * 100).toFixed(1)} %`;
  marked(line, view, query, share, said);
  const own = data.first + query === 0;
  const words = `${percent(share)} \u2192 ${own ? "itself" : "first token"}`;
  const end = left > 130 * unit;
  const text = shape("text", { x: end ? left - 6 : left + 6, y: top - 4, class: `stub ${end ? "end" : ""} ${query === view.token ? "lit" : ""}` }, words);
  text.dataset.query = String(query);
  return [line, text];
}

/**
 * A token's word, which chooses the token.
 * @param {Head} view @param {number} token @param {number} x @param {number} y @param {number} angle @param {string} className
 */
export function wordOf(view, token, x, y, angle, className) {
  const { data } = view;
  const text = shortened(data.tokens[token], 9);
  /** @type {Record<string, string>} */
  const turn = angle ? { transform: `rotate(${angle} ${x.toFixed(1)} ${y.toFixed(1)})` } : {};
  const chosen = token === view.token ? "chosen" : "";
  const node = shape("text", { x, y, class: `token pick ${className} ${chosen}`, tabindex: 0, role: "button", ...turn }, text);
  node.append(shape("title", {}, `${data.tokens[token]}, token ${data.first + token + 1}`));
  node.addEventListener("click", () => view.chooseToken(token));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    used(event);
    view.chooseToken(token);
  });
  node.addEventListener("pointerenter", () => view.light(token));
  node.addEventListener("pointerleave", () => view.light(view.token));
  return node;
}

/** @param {number} x @param {number} y @param {number} angle */
export function sinkLabel(x, y, angle) {
  const turn = `rotate(${angle} ${x.toFixed(1)} ${y.toFixed(1)})`;
  const node = shape("text", { x, y, class: "token sink", transform: turn }, "sink");
  node.append(shape("title", {}, "The attention sink: one more logit in the softmax, with no token behind it"));
  return node;
}
