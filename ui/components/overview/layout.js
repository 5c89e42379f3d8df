// Where the parts of the overview stand. Numbers in, numbers out.

import { clamp } from "../kit/dom.js";

const LEAST_COLUMN = 62; // sixteenths of a rem
const WIDEST_COLUMN = 170;
const NARROW = 560;

/**
 * @typedef {object} OverviewLayout
 * @property {boolean} stacked names of the parts stand above them, not beside
 * @property {number} left where the columns begin
 * @property {number} from the first column that is drawn
 * @property {number} n columns that are drawn
 * @property {number} column pixels of one
 */

/**
 * The columns that fit, the chosen one among them.
 * @param {number} columns that there are
 * @param {number} chosen
 * @param {number} room pixels
 * @param {number} unit pixels of a sixteenth of a rem
 * @returns {OverviewLayout}
 */
export function columnsLayout(columns, chosen, room, unit) {
  const stacked = room < NARROW * unit;
  const left = (stacked ? 34 : 128) * unit;
  const n = Math.max(1, Math.min(columns, Math.floor((room - left - 24 * unit) / (LEAST_COLUMN * unit))));
  const from = clamp(chosen - n + 1, 0, columns - n);
  const column = Math.min((room - left - 24 * unit) / n, WIDEST_COLUMN * unit);
  return { stacked, left, from: Math.min(columns - n, Math.max(from, 0)), n, column };
}

/**
 * Pixels of a layer's row: high enough for words where there is room.
 * @param {number} rows
 * @param {number} unit
 */
export const layerRow = (rows, unit) => clamp(465 / rows, 5, 16) * unit;
