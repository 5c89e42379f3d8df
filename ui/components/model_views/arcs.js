// One head as arcs over the text: from the token that reads to the token that is read, as thick as the share.

import { percent, shape, shortened, used } from "../kit/dom.js";
import { arcPath, arcWidth, arcsLayout } from "./layout.js";
import { FIRST, SINK } from "./weights.js";

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
const STUB = 16; // how far a stub hangs down, in sixteenths of a rem

/** @param {Head} view */
export function arcsOf(view) {
  const { data, weights, head, unit } = view;
  const leftmost = weights.hasSink ? SINK : 0;
  // The first token takes so much of most heads that its arcs would hide all others: it is a stub, with its share.
  const stubs = data.stub || data.first > 0;
  const arcs = [];
  for (let query = 0; query < weights.n; query++) {
    for (let key = leftmost; key <= query; key++) {
      const share = weights.of(head, query, key);
      if (share >= FAINT && !(stubs && data.first + key === 0 && key !== SINK)) arcs.push({ query, key, share });
    }
  }
  const room = arcsLayout(weights.n, view.drawnFor, leftmost);
  // The widest arc that is drawn uses the height.
  const layout = { ...room, columns: 1 + Math.max(1, ...arcs.map(({ query, key }) => query - key)) };
  const { step, width, base, x } = layout;
  const words = base + (stubs ? STUB + 6 : 0) * unit + 14;
  const svg = shape("svg", { width, height: words + 64 * unit, role: "group", "aria-label": `Arcs of head ${head + 1}` });
  for (const { query, key, share } of arcs) {
    const arc = key === query
      ? shape("circle", { cx: x(key), cy: base - 7, r: 5 })
      : shape("path", { d: arcPath(layout, key, query) });
    svg.append(marked(arc, view, query, share, view.say(query, key), "arc"));
  }
  if (stubs) for (let query = 0; query < weights.n; query++) svg.append(...stub(view, query, x(query), base));
  const angle = step < 18 ? 65 : 50;
  if (weights.hasSink) svg.append(sinkLabel(x(SINK) - 3, words, angle));
  for (let i = 0; i < weights.n; i++) svg.append(wordOf(view, i, x(i) - 3, words, angle, ""));
  // The chosen token's own arcs lie on top.
  svg.append(...svg.querySelectorAll(".arc.lit"), ...svg.querySelectorAll("text.stub"));
  return svg;
}

/** @param {SVGElement} arc @param {Head} view @param {number} query @param {number} share @param {string} said @param {string} name */
function marked(arc, view, query, share, said, name) {
  arc.setAttribute("class", query === view.token ? `${name} lit` : name);
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
  const line = shape("line", { x1: x, y1: base + 3, x2: x, y2: base + 3 + STUB * unit });
  const said = `${data.tokens[query]} attends to the first token, ${data.firstToken}: ${(share * 100).toFixed(1)}%`;
  marked(line, view, query, share, said, "arc stub");
  const end = x > 150 * unit;
  const words = shape("text", { x: end ? x - 11 * unit : x + 11 * unit, y: base + 16 * unit }, `${percent(share)} \u2192 first token`);
  words.setAttribute("class", `stub ${end ? "end" : ""} ${query === view.token ? "lit" : ""}`);
  words.dataset.query = String(query);
  return [line, words];
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
