// Where the columns of the picture of layers are, and how long its bars.

import { clamp } from "../kit/dom.js";

// In sixteenths of a rem.
const [LABEL, GAP, CELL, MOST, BARS, NUMBER] = [44, 14, 29, 58, 112, 62];

/**
 * @typedef {object} RowsLayout
 * @property {number} label pixels of the column of layers' numbers
 * @property {number} cell pixels of a cell in width
 * @property {number} bars where the bars begin
 * @property {number} longest pixels of a bar of share 1
 * @property {number} width of the whole
 */

/**
 * The cells take what is left of half of the room, the bars the rest; with many columns the drawing is wider than that.
 * @param {number} columns @param {number} room pixels @param {number} u pixels of a sixteenth of a rem
 * @returns {RowsLayout}
 */
export function rowsLayout(columns, room, u) {
  const narrow = room < 480 * u;
  const label = (narrow ? 32 : LABEL) * u;
  const gap = GAP * u;
  const number = (narrow ? 50 : NUMBER) * u;
  const half = (room - label) * (narrow ? 0.62 : 0.56);
  const cell = clamp(half / Math.max(1, columns), (narrow ? 24 : CELL) * u, MOST * u);
  const bars = label + columns * cell + gap;
  const longest = Math.max((narrow ? 46 : BARS) * u, room - bars - number);
  return { label, cell, bars, longest, width: bars + longest + number };
}

/**
 * Pixels of a bar; one beyond the axis is as long as the axis, and drawn as cut.
 * @param {number} share of the axis @param {number} longest
 */
export const barLength = (share, longest) => Math.max(share > 0 ? 1 : 0, Math.min(1, share) * longest);

/**
 * Whether a word of this many characters fits, at 7 sixteenths a character.
 * @param {string} word @param {number} room pixels @param {number} u
 */
export const fits = (word, room, u) => Array.from(word).length * 7.2 * u <= room;
