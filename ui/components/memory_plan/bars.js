// What of a plan is drawn, and where. Numbers in, numbers and words out; nothing here knows the page.

/**
 * One precision: see `PlanRow` in memory_plan/__init__.py. Sizes are bytes.
 * @typedef {object} Row
 * @property {string} spec
 * @property {string} label
 * @property {string} note
 * @property {number} quantized
 * @property {number} constants
 * @property {number} kept
 * @property {number} table which of the tables holds its cache and its activations
 * @property {boolean} chosen
 */

/**
 * Bytes for every position of the two sliders, [context][people].
 * @typedef {{ cache: number[][], work: number[][] }} Table
 */

/** @typedef {"quantized" | "constants" | "kept" | "cache" | "work" | "reserve"} Kind */

/** @type {readonly [Kind, string][]} */
export const KINDS = [
  ["quantized", "quantized weights"],
  ["constants", "their constants"],
  ["kept", "unquantized weights"],
  ["cache", "KV cache"],
  ["work", "activations"],
  ["reserve", "kept free"],
];

/**
 * The parts of a row's bar from the left, those of no size left out, and their sum.
 * @param {Row} row @param {Table} table @param {number} reserve @param {number} context place in the table
 * @param {number} people place in the table
 */
export function parts(row, table, reserve, context, people) {
  const { quantized, constants, kept } = row;
  const size = { quantized, constants, kept, cache: table.cache[context][people], work: table.work[context][people], reserve };
  const found = KINDS.map(([kind, name]) => ({ kind, name, bytes: size[kind] })).filter(({ bytes }) => bytes > 0);
  return { found, total: found.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Bytes as a person reads them, in powers of ten: 166 MB, 5.6 GB.
 * @param {number} bytes
 */
export function size(bytes) {
  if (bytes >= 99_950_000_000) return `${Math.round(bytes / 1e9).toLocaleString("en")} GB`;
  if (bytes >= 999_500_000) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 999_500) return `${Math.round(bytes / 1e6)} MB`;
  return bytes >= 1000 ? `${Math.round(bytes / 1e3)} kB` : `${bytes} bytes`;
}

/**
 * Whether a total fits, in words.
 * @param {number} total @param {number} memory of the card
 */
export function verdict(total, memory) {
  return total <= memory ? `fits, ${size(memory - total)} left` : `does not fit, ${size(total - memory)} too much`;
}

/**
 * Round numbers of bytes along an axis from 0, never more of them than fit.
 * @param {number} end @param {number} most
 */
export function ticks(end, most) {
  const least = end / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= least) ?? 10 * power;
  const found = [];
  for (let i = 0; i * step <= end * 1.0001; i++) found.push(Math.round(i * step));
  return found;
}

/**
 * The place of a number among ascending ones: its own, or that of the nearest.
 * @param {number[]} among @param {number} value
 */
export function nearest(among, value) {
  let best = 0;
  for (const [i, one] of among.entries()) if (Math.abs(one - value) < Math.abs(among[best] - value)) best = i;
  return best;
}

/**
 * Where the legend's entries stand: as many on a line as there is room for.
 * @param {string[]} texts @param {number} width @param {number} rem
 */
export function legendPlaces(texts, width, rem) {
  let [x, line] = [0, 0];
  const places = texts.map((text) => {
    const wide = (1.3 + 0.47 * text.length + 1.1) * rem;
    if (x > 0 && x + wide > width) [x, line] = [0, line + 1];
    const at = { x, line };
    x += wide;
    return at;
  });
  return { places, lines: line + 1 };
}

/**
 * Columns and heights of the picture; where there is little room, a row's words stand above its bar.
 * @param {Row[]} rows @param {number} width @param {number} rem
 */
export function planLayout(rows, width, rem) {
  const narrow = width < 44 * rem;
  const longest = Math.max(...rows.map(({ label, note }) => Math.max(label.length, 0.9 * note.length)));
  const left = narrow ? 0 : Math.min(0.5 * longest + 1.2, 15) * rem;
  const words = narrow ? 0 : 13.5 * rem;
  return { narrow, left, plot: Math.max(4 * rem, width - left - words - 0.5 * rem), row: (narrow ? 3.1 : 2.1) * rem, bar: 1.25 * rem };
}
