// How strong a cell of the matrix is, and what is written in it.

// Of the accent in the ground: with more of it, the number on it would have less than 4.5:1, light or dark.
const STRONGEST = 60;

/**
 * Per cent of the accent in the cell's colour.
 * @param {number} value @param {number} top the largest of all values
 */
export const shade = (value, top) => (top > 0 ? Math.round((STRONGEST * Math.max(0, value)) / top) : 0);

/**
 * A number as a cell has room for it: one decimal, none from a hundred on.
 * @param {number} value
 */
export const decimals = (value) => value.toFixed(value >= 99.95 ? 0 : 1);
