// The order of the rows.

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} value
 * @property {string} said
 * @property {string} does
 * @property {"odd" | "acts" | "idle"} kind
 */

/**
 * The rows that surprise first, those that change nothing last.
 * @param {Row[]} rows
 */
export function ordered(rows) {
  const kinds = ["odd", "acts", "idle"];
  return kinds.flatMap((kind) => rows.filter((row) => row.kind === kind));
}
