// Which numbers of a vector are on the screen, and how they are written. Numbers in, words out.

export const SHOWN = 12;

/**
 * The first of the numbers on the page that holds number `i`, or `step` pages on from it; never beyond the ends.
 * @param {number} i @param {number} width numbers in the vector @param {number} [step]
 */
export function pageStart(i, width, step = 0) {
  const last = Math.max(0, Math.ceil(width / SHOWN) - 1);
  return SHOWN * Math.max(0, Math.min(last, Math.floor(i / SHOWN) + step));
}

/**
 * A number of about one with four digits behind the point, a larger one with fewer; a true minus sign.
 * @param {number} value
 */
export function written(value) {
  const digits = Math.abs(value) < 10 ? 4 : Math.abs(value) < 100 ? 3 : 1;
  return value.toFixed(digits).replace("-", "\u2212");
}

/**
 * How strong a number's colour is, 0 to 1: by the root, as most numbers of a vector are far smaller than its largest.
 * @param {number} value @param {number} most the largest of all, without its sign
 */
export const strength = (value, most) => (most ? Math.sqrt(Math.min(1, Math.abs(value) / most)) : 0);
