// Numbers and words of the columns; nothing here draws.

import { clamp } from "../kit/dom.js";

/**
 * @typedef {object} Candidate
 * @property {string} label
 * @property {number} own probability in the model's own distribution
 * @property {number | null} left once the others are struck out; null where it is struck out itself
 * @property {boolean} drawn
 * @property {boolean} special
 * @property {string} own_text
 * @property {string} left_text
 */

/**
 * @typedef {object} Step
 * @property {string} label
 * @property {boolean} special
 * @property {number} struck_out
 * @property {string} struck_out_text
 * @property {string} allowed how many tokens might come
 * @property {number} allowed_share of the logarithmic axis
 * @property {[label: string, probability: string] | null} wanted what was struck out and stood first
 * @property {boolean} forced
 * @property {Candidate[]} candidates
 * @property {string} says
 */

/**
 * The classes of a column.
 * @param {Pick<Step, "wanted" | "forced" | "special">} step
 */
export const kindOf = ({ wanted, forced, special }) =>
  [wanted ? "overruled" : "agreed", ...(forced ? ["forced"] : []), ...(special ? ["special"] : [])].join(" ");

/**
 * Where a key leads in a row that wraps, or undefined for a key that leads nowhere.
 * @param {string} key @param {number} at @param {number} n
 */
export function moves(key, at, n) {
  if (key === "Home") return 0;
  if (key === "End") return n - 1;
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  return step === undefined ? undefined : clamp(at + step, 0, n - 1);
}

/**
 * A share of 0 to 1 as a width.
 * @param {number} share
 */
export const width = (share) => `${Math.round(clamp(share, 0, 1) * 1000) / 10}%`;
