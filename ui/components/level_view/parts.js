// What is written where in the view of two levels.

/** @typedef {{ kind: "messages" | "text" | "tokens", name: string, parts: [string, string][], lit: number, special: number[] }} Value */

const MOST = 400;
const PALE = 5;

/**
 * The parts that are drawn, and how many are left out before and after them: of many pale ones the last few are drawn.
 * @param {Value} value
 * @param {number} [most]
 */
export function shownParts({ parts, lit }, most = MOST) {
  const from = Math.max(0, lit - PALE);
  return { from, parts: parts.slice(from, from + most), rest: Math.max(0, parts.length - from - most) };
}
