// A sentence with a gap as models see it, and what may fill it in rank order, column beside column.

import { make, shape } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";
import { lines, path } from "./layout.js";

/** @import { Item } from "./layout.js" */

/**
 * What `gap_view` in gap_view/__init__.py sends.
 * @typedef {object} GapData
 * @property {{ name: string, left: string[], gap: string, right: string[], sees_right: boolean, note: string }[]} strips
 * @property {{ title: string, below: string, items: Item[] }[]} columns
 * @property {string} label
 */

/** @param {GapData["strips"][number]} strip */
function sentence({ name, left, gap, right, sees_right: sees, note }) {
  const row = make("div", "strip");
  const head = make("div", "who");
  head.append(make("span", "name", name), make("span", "note", note));
  const text = make("div", "text");
  text.setAttribute("role", "list");
  text.setAttribute("aria-label", `The sentence as ${name} sees it`);
  const box = (/** @type {string} */ kind, /** @type {string} */ label, /** @type {string} */ says) => {
    const node = make("span", `box ${kind}`, label);
    node.setAttribute("role", "listitem");
    node.setAttribute("aria-label", `${label}, ${says}`);
    node.title = says;
    text.append(node);
  };
  for (const label of left) box("seen", label, "before the gap: seen");
  box("gap", gap, "the gap, with this model's first guess");
  for (const label of right) box(sees ? "seen" : "hidden", label, sees ? "after the gap: seen" : "after the gap: hidden");
  row.append(head, text);
  return row;
}

/** @param {GapData["columns"][number]} column @param {number} longest */
function list({ title, below, items }, longest) {
  const node = make("div", "column");
  node.append(make("div", "title", title), make("div", "below", below));
  const ranks = make("ol", "ranks");
  ranks.setAttribute("aria-label", title);
  for (const [i, { name, share, text, hover }] of items.entries()) {
    const item = make("li", i === 0 ? "item first" : "item");
    const bar = make("span", "bar");
    bar.style.width = `${(100 * share) / longest}%`;
    item.append(bar, make("span", "name", name), make("span", "share", text));
    if (hover) item.title = hover;
    ranks.append(item);
  }
  node.append(ranks);
  return node;
}

/** @param {Item[]} left @param {Item[]} right */
function joints(left, right) {
  const rows = Math.max(left.length, right.length, 1);
  const node = shape("svg", { viewBox: `0 0 100 ${rows}`, preserveAspectRatio: "none", class: "joints", "aria-hidden": "true" });
  node.style.setProperty("--rows", String(rows));
  for (const line of lines(left, right)) {
    node.append(shape("path", { d: path(line), class: `${line.way}${line.to === 0 ? " winner" : ""}` }));
  }
  return node;
}

/** @param {GapData} data @param {HTMLElement} root */
function parts({ strips, columns, label }, root) {
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", label);
  const ranks = make("div", "side-by-side");
  ranks.tabIndex = 0; // what scrolls on a phone can be scrolled with the keyboard
  ranks.setAttribute("role", "group");
  ranks.setAttribute("aria-label", "The candidates in rank order");
  for (const [i, column] of columns.entries()) {
    if (i) ranks.append(joints(columns[i - 1].items, column.items));
    ranks.append(list(column, 1));
  }
  return [...strips.map(sentence), ranks];
}

export default drawn(() => make("div", "drawing gaps"), parts);
