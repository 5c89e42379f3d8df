// What stands above the tokens: headings, and what the colours mean.

import { make } from "../kit/dom.js";
import { LENGTHS } from "./colour.js";
import { ROLES } from "./rows.js";

/** @import { Row, Settings } from "./rows.js" */

/**
 * @param {Row} row
 * @param {number} mostTokens of all rows
 */
export function drawHeading(row, mostTokens) {
  const heading = make("div", "heading");
  const bar = make("div", "bar");
  const title = make("span", "title");
  if (row.colour) {
    const dot = make("span", "dot");
    dot.style.background = row.colour;
    bar.style.setProperty("--of-row", row.colour);
    title.append(dot);
  }
  title.append(make("span", "name", row.name));
  if (row.subtitle) title.append(make("span", "subtitle", row.subtitle));
  heading.append(title, make("span", "facts", row.facts));
  bar.style.setProperty("--share", `${mostTokens ? (row.count / mostTokens) * 100 : 0}%`);
  return [heading, bar];
}

function drawScale() {
  const scale = make("div", "legend");
  scale.append(make("span", "scale", "bytes per token"));
  for (const [level, low] of LENGTHS.entries()) {
    const next = LENGTHS[level + 1];
    const range = next === undefined ? `${low}+` : next - low > 1 ? `${low}\u2013${next - 1}` : String(low);
    scale.append(make("span", `key l${level}`, range));
  }
  return scale;
}

/** @param {Row[]} rows @param {Settings["colourBy"]} colourBy */
export function drawLegend(rows, colourBy) {
  if (colourBy === "length" && rows.some((row) => !row.classes && !row.fill)) return [drawScale()];
  /** @type {Set<string>} */
  const used = new Set();
  for (const row of rows) for (const number of row.classes ?? []) used.add(ROLES[number]);
  used.delete("none");
  if (used.size === 0) return [];
  const legend = make("div", "legend");
  legend.append(...ROLES.filter((role) => used.has(role)).map((role) => make("span", `key role ${role}`, role)));
  return [legend];
}
