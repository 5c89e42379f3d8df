// How large a box is, and how many weights it has in words. Numbers in, numbers and words out.

export const LEAST = 24; // pixels that a box must have to be pressed
const LINE = 0.04; // the least that can be seen

/**
 * The share of its height that a box fills which should be so many pixels wide.
 * @param {number} width
 */
export const filled = (width) => Math.max(LINE, Math.min(1, width / LEAST));

/** @param {number} n */
export function short(n) {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} billion`;
  if (n >= 1e5) return `${(n / 1e6).toFixed(1)} million`;
  return n.toLocaleString("en");
}
