// Where a row goes.

/**
 * The rows with one of them at another place; the same rows where there is no such place.
 * @template Row
 * @param {Row[]} rows @param {number} from @param {number} to
 */
export function moved(rows, from, to) {
  if (from === to || to < 0 || to >= rows.length) return rows;
  const others = rows.filter((_, i) => i !== from);
  return [...others.slice(0, to), rows[from], ...others.slice(to)];
}

/**
 * The place of a row whose middle was dragged to `y`.
 * @param {number[]} middles of all rows as they lie @param {number} y @param {number} from its own place
 */
export const placeAt = (middles, y, from) => middles.filter((middle, i) => i !== from && middle < y).length;
