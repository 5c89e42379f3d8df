// Where things stand in the two charts that compare precisions: numbers in, numbers out.

/**
 * Bounds of a chart of bars, in pixels.
 * @typedef {object} Table
 * @property {number} panels how many tokens side by side, each with all precisions under each other; 0 for a table of
 *   one row a token and one column a precision
 * @property {number} left where the bars begin, in a panel or in the table
 * @property {number} column from the beginning of a panel, or of one precision's bars, to that of the next
 * @property {number} plot length of a bar of 100 %
 * @property {number} head height above the first row of a panel, or of the table
 * @property {number} row height of a row
 * @property {number} group height of a panel with the gap under it
 * @property {number} height of all
 * @property {number} letters that a token's label may have
 */

/**
 * A table where bars are long enough in it, else panels: bars of the same token are compared under each other.
 * @param {number} width pixels that there are
 * @param {number} rem
 * @param {number} tokens how many
 * @param {string[]} names of the precisions
 * @param {number} longest letters of the longest token
 * @returns {Table}
 */
export function table(width, rem, tokens, names, longest) {
  const letter = 0.58 * rem;
  const number = 3.6 * rem; // what is written after a bar
  const letters = Math.min(16, Math.max(4, longest));
  const left = letters * letter + rem;
  const column = Math.min(24 * rem, (width - left) / Math.max(1, names.length));
  if (column >= number + 8 * rem) {
    const [head, row] = [2.6 * rem, 1.9 * rem];
    return { panels: 0, left, column, plot: column - number - 0.6 * rem, head, row, group: 0, height: head + tokens * row, letters };
  }
  const name = Math.min(11, Math.max(4, ...names.map((one) => one.length))) * letter + 0.8 * rem;
  const panels = Math.max(1, Math.min(tokens, Math.floor(width / (18 * rem))));
  const each = width / panels;
  const [head, row] = [1.6 * rem, 1.35 * rem];
  const group = head + (names.length + 0.6) * row;
  const plot = Math.max(rem, each - name - number - 0.8 * rem);
  return { panels, left: name, column: each, plot, head, row, group, height: Math.ceil(tokens / panels) * group, letters: Math.floor(each / letter) - 2 };
}

/**
 * Marks of an axis from 0: two to five of them, at 1, 2 or 5 times a power of ten.
 * @param {number} largest
 * @returns {number[]}
 */
export function ticks(largest) {
  if (!(largest > 0)) return [0];
  const step = [1, 2, 5, 10].map((n) => n * 10 ** Math.floor(Math.log10(largest / 4))).find((s) => largest / s <= 4.5) ?? largest;
  const marks = [];
  for (let n = 0; n * step <= largest * 1.0001; n++) marks.push(Number((n * step).toPrecision(6)));
  return marks;
}

/**
 * The powers of ten that hold all numbers above 0, at most seven of them; without any, one.
 * @param {number[]} values
 * @returns {[low: number, high: number]} exponents
 */
export function decades(values) {
  const some = values.filter((value) => value > 0 && Number.isFinite(value));
  if (!some.length) return [-1, 0];
  const high = Math.ceil(Math.log10(Math.max(...some)) - 1e-9) + 0; // no -0
  const low = Math.floor(Math.log10(Math.min(...some)) + 1e-9);
  return [Math.min(high - 1, Math.max(low, high - 7)), high];
}

/**
 * How far up a number stands, 0 to 1; what is not finite stands on top.
 * @param {number} value
 * @param {{ log: boolean, largest: number, low: number, high: number }} axis
 */
export function risen(value, { log, largest, low, high }) {
  if (!Number.isFinite(value)) return 1;
  if (!log) return largest > 0 ? Math.min(1, value / largest) : 0;
  return value > 0 ? Math.min(1, Math.max(0, (Math.log10(value) - low) / (high - low))) : 0;
}

/**
 * Where the column of each token begins, and after the last where all end: as wide as its letters need.
 * @param {string[]} labels
 * @param {number} letter width of a letter
 * @param {number} least width
 * @param {number} room what there is: the columns fill it
 * @returns {number[]}
 */
export function columns(labels, letter, least, room) {
  const widths = labels.map((label) => Math.max(least, (Array.from(label).length + 1) * letter));
  const total = widths.reduce((sum, width) => sum + width, 0);
  const more = total < room && labels.length ? (room - total) / labels.length : 0;
  const starts = [0];
  for (const width of widths) starts.push(starts[starts.length - 1] + width + more);
  return starts;
}

/**
 * A divergence as it is read.
 * @param {number} value in bits
 */
export function bits(value) {
  if (!Number.isFinite(value)) return "\u221e bits";
  if (value === 0) return "0 bits";
  if (value < 1e-6) return "less than 0.000001 bits";
  const written = value >= 100 ? value.toFixed(0) : Number(value.toPrecision(2)).toString();
  return `${value < 0.001 ? value.toFixed(6).replace(/0+$/, "") : written} ${written === "1" ? "bit" : "bits"}`;
}
