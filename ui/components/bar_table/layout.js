// How long the bars are.

/**
 * @typedef {object} Cell
 * @property {number | null} value
 * @property {string} text
 * @property {string} below
 * @property {number | null} low
 * @property {number | null} high
 * @property {string} hover
 */

/**
 * The end of each column's axis: its longest bar with its spread, and 1 where it has none.
 * @param {Cell[][]} rows
 * @param {number} columns
 */
export function ends(rows, columns) {
  return Array.from({ length: columns }, (_, i) => {
    const reached = rows.map((row) => Math.max(row[i].value ?? 0, row[i].high ?? 0));
    return Math.max(...reached) || 1;
  });
}

/**
 * A share of the axis in percent.
 * @param {number} value
 * @param {number} end
 */
export const length = (value, end) => Math.round((1000 * value) / end) / 10;
