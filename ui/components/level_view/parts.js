// What is written where in the view of two levels.

/** @typedef {{ kind: "messages" | "text" | "tokens", name: string, parts: [string, string][], lit: number }} Value */

const MOST = 400;

/**
 * The parts that are drawn, and how many are left out before them: pale ones of a long prompt first.
 * @param {Value} value
 * @param {number} [most]
 */
export function shownParts({ parts, lit }, most = MOST) {
  const out = Math.max(0, parts.length - most);
  const from = Math.min(out, lit || out);
  return { from, parts: parts.slice(from, from + most), rest: Math.max(0, parts.length - from - most) };
}
