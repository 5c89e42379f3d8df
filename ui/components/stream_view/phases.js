// The two phases of a reply in numbers, words and a drawing: the prompt read at once, then one token after another.

import { counted } from "../kit/dom.js";

/**
 * The prompt.
 * @typedef {object} Prompt
 * @property {number} n tokens
 * @property {number} reused of them were in a cache already
 * @property {string[]} first labels of the first few
 * @property {string[]} last labels of the last few; none where the first ones are all
 */

/** @param {number} ms */
export function seconds(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 9950 ? 2 : 1)} s`;
}

/**
 * Tokens per second after the first one; null where there are too few.
 * @param {number[]} times milliseconds of each token
 */
export function rate(times) {
  const took = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return times.length > 1 && took > 0 ? ((times.length - 1) * 1000) / took : null;
}

/** What was in a cache is known with the first token. @param {Prompt} prompt @param {boolean} read */
function prefillWords({ n, reused }, read) {
  const tokens = counted(n, "token");
  if (!reused || !read) return read ? `${tokens} read at once` : `reading ${tokens} at once …`;
  const rest = n - reused === 1 ? "1 was read" : `${n - reused} were read at once`;
  return `${reused} of ${tokens} ${reused === 1 ? "was" : "were"} in the cache, ${rest}`;
}

/**
 * The first phase and the second, each in a few words that are true now.
 * @param {Prompt} prompt @param {number[]} times milliseconds of each token @param {boolean} ended
 * @returns {[prefill: string, decode: string]}
 */
export function phaseWords(prompt, times, ended) {
  if (!times.length) return [prefillWords(prompt, false), ended ? "no token was written" : "waits for the prefill"];
  const prefill = `${prefillWords(prompt, true)}, first token after ${seconds(times[0])}`;
  const speed = rate(times);
  const more = times.length - 1;
  if (!more) return [prefill, ended ? "none: the prefill's token was the only one" : "the next token is computed"];
  const steady = speed ? `, ${speed.toFixed(1)} a second (one in ${seconds(1000 / speed)})` : "";
  return [prefill, `${counted(more, "more token")} one by one${steady}`];
}

/**
 * A round number of milliseconds that the time line ends at: 1, 2 or 5 and zeros, at least a second.
 * @param {number} ms
 */
export function axisEnd(ms) {
  for (let ten = 1000; ; ten *= 10) {
    for (const factor of [1, 2, 5]) if (factor * ten >= ms) return factor * ten;
  }
}

/**
 * Where the time line's parts are, in pixels.
 * @param {number[]} times milliseconds of each token @param {number} width
 * @returns {{ end: number, prefill: number, ticks: number[] }}
 */
export function timeline(times, width) {
  const end = axisEnd(times.at(-1) ?? 0);
  const at = (/** @type {number} */ ms) => (ms / end) * width;
  return { end, prefill: at(times[0] ?? 0), ticks: times.map(at) };
}
