// Which colour a token gets. Boundaries are drawn as well, so that colour is never the only sign.

import { NO_FILL, ROLES } from "./rows.js";

/** @import { Row, Settings } from "./rows.js" */

export const LENGTHS = [1, 2, 3, 4, 5, 7, 9, 13]; // the fewest bytes of each shade

/**
 * Knuth's multiplicative hash: neighbouring ids, which often spell alike, fall on different colours.
 * @param {number} id
 */
export const colourOfId = (id) => Math.imul(id + 1, 2654435761) >>> 29;

/** @param {number} bytes */
export function shadeOfLength(bytes) {
  let level = LENGTHS.length - 1;
  while (level > 0 && bytes < LENGTHS[level]) level -= 1;
  return level;
}

/**
 * A function that gives the class of token `i`.
 * @param {Row} row
 * @param {Settings["colourBy"]} colourBy
 * @returns {(i: number) => string}
 */
export function colouring(row, colourBy) {
  const { fill, classes } = row;
  if (fill) return (i) => (fill[i] === NO_FILL ? "plain" : "fill");
  if (classes) return (i) => `role ${ROLES[classes[i]]} ${i & 1 ? "odd" : "even"}`;
  if (colourBy === "position") return (i) => (i & 1 ? "tint2" : "tint1");
  if (colourBy === "length") return (i) => `l${shadeOfLength(row.bytesOf(i).length)}`;
  const name = (/** @type {number} */ i) => `c${colourOfId(row.id(i))}`;
  // Where two neighbours are of one colour the boundary alone parts them, and is drawn stronger.
  return (i) => (i > 0 && name(i - 1) === name(i) ? `${name(i)} alike` : name(i));
}

/** @param {HTMLElement} node @param {Row} row @param {number} i */
export function shade(node, row, i) {
  if (row.fill && row.fill[i] !== NO_FILL) node.style.setProperty("--share", `${(row.fill[i] / (NO_FILL - 1)) * 100}%`);
}
