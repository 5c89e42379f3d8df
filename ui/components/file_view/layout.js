// Where the lines of a file are broken into rows, and which rows are on the screen. Nothing here knows the page.

/** @import { Row, Source } from "../token_view/rows.js" */

const PAD = 0.55; // columns that the edge of a token takes
const HEX = 0.62; // width of a letter of a byte in hex, in columns
const TAB = 4;
export const MAX_HEIGHT = 8_000_000; // pixels: browsers stop drawing somewhat above

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NOTHING = /\p{M}|\p{Default_Ignorable_Code_Point}/u;

/**
 * Columns of a fixed-width font that a character takes.
 * @param {number} code
 */
export function columns(code) {
  if (code === 9) return TAB;
  if (code < 0x300 || (code >= 0x370 && code < 0x483)) return 1;
  if (code >= 0x4e00 && code < 0xa000) return 2;
  const char = String.fromCodePoint(code);
  if (NOTHING.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/**
 * What a text's characters are to two encodings of it, all arrays with one place more than there are characters.
 * @typedef {object} Measured
 * @property {Float64Array[]} width of each encoding: columns from the start of the text to each character
 * @property {Uint8Array} cuts bit 0 where the first encoding cuts, bit 1 where the second does
 * @property {Int32Array} alone how many characters before each one are in a token that one encoding alone has
 */

/**
 * @param {Pick<Source, "text" | "unit">} source
 * @param {number} length of the text in characters
 * @param {Row[]} rows the two encodings
 * @param {ArrayLike<number>[]} both for each token of each encoding: 1 where the other one has it too
 * @returns {Measured}
 */
export function measure(source, length, rows, both) {
  const cuts = new Uint8Array(length + 1);
  const alone = new Int32Array(length + 1);
  const extra = rows.map(() => new Float64Array(length + 1));
  for (const [which, row] of rows.entries()) {
    for (let i = 0; i < row.length;) {
      const next = row.runEnd(i);
      cuts[row.starts[i]] |= 1 << which;
      extra[which][row.starts[i]] += extraColumns(row, i, next);
      for (let k = i; k < next; k++) if (!both[which][k]) alone.fill(1, row.starts[k], row.ends[k]);
      i = next;
    }
  }
  const width = rows.map(() => new Float64Array(length + 1));
  for (let i = 0, differing = 0; i < length; i++) {
    for (const [which, sums] of width.entries()) sums[i + 1] = extra[which][i];
    const mark = alone[i];
    alone[i] = differing;
    differing += mark;
    const wide = columns(source.text.codePointAt(source.unit(i)) ?? 0);
    for (const sums of width) sums[i + 1] += sums[i] + wide;
    if (i + 1 === length) alone[length] = differing;
  }
  return { width, cuts, alone };
}

/**
 * Columns that the edges of tokens take, and their bytes where several share a character.
 * @param {Row} row @param {number} from @param {number} to
 */
function extraColumns(row, from, to) {
  let wide = PAD * (to - from);
  if (row.special(from)) return wide + 2 + row.piece(from).length;
  if (to - from === 1 && !row.partial(from)) return row.empty(from) ? wide + row.piece(from).length : wide;
  for (let i = from; i < to; i++) wide += HEX * (3 * row.bytesOf(i).length - 1) + PAD;
  return wide + PAD;
}

/**
 * Rows on the screen: pieces of lines, each of which fits into the width.
 * @typedef {object} Broken
 * @property {Int32Array} starts first character of each row, and the length of the text
 * @property {Int32Array} lines number of the line of each row, from 0
 */

/**
 * Breaks lines that are too long where both encodings cut; where they do not within a width, anywhere.
 * @param {Measured} measured
 * @param {ArrayLike<number>} lineStarts first character of each line, and the length of the text
 * @param {number} capacity columns
 * @returns {Broken}
 */
export function breakLines({ width, cuts }, lineStarts, capacity) {
  /** @type {number[]} */
  const starts = [];
  /** @type {number[]} */
  const lines = [];
  for (let line = 0; line + 1 < lineStarts.length; line++) {
    const end = lineStarts[line + 1];
    let at = lineStarts[line];
    do {
      starts.push(at);
      lines.push(line);
      at = breakAt(width, cuts, at, end, capacity);
    } while (at < end);
  }
  starts.push(lineStarts[lineStarts.length - 1]);
  return { starts: Int32Array.from(starts), lines: Int32Array.from(lines) };
}

/** @param {Float64Array[]} width @param {Uint8Array} cuts @param {number} from @param {number} end @param {number} capacity */
function breakAt(width, cuts, from, end, capacity) {
  let [fits, over] = [from, end + 1];
  while (fits + 1 < over) {
    const middle = (fits + over) >> 1;
    if (width.every((sums) => sums[middle] - sums[from] <= capacity)) fits = middle;
    else over = middle;
  }
  if (fits >= end) return end;
  for (let at = fits; at > from; at--) if (cuts[at] === 3) return at;
  return Math.max(fits, from + 1);
}

/**
 * Where each row begins in pixels, and where the last one ends.
 * @param {ArrayLike<number>} rows
 * @param {(row: number) => number} height
 */
export function topsOf(rows, height) {
  const tops = new Float64Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) tops[i + 1] = tops[i] + height(rows[i]);
  return tops;
}

/**
 * The last place whose value is not larger; the values ascend.
 * @param {ArrayLike<number>} values
 * @param {number} wanted
 */
export function lastNotAfter(values, wanted) {
  let [low, high] = [0, values.length];
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * The rows between two heights. Where all rows are higher together than a browser can scroll, the scroller is shorter
 * and each of its pixels stands for several: `shift` is what then lies between a row's top and its place in the scroller.
 * @param {Float64Array} tops
 * @param {number} scrolled pixels
 * @param {number} viewport pixels
 */
export function windowAt(tops, scrolled, viewport) {
  const total = tops[tops.length - 1];
  const content = Math.min(total, MAX_HEIGHT);
  const reach = Math.max(1, content - viewport);
  const top = content === total ? scrolled : (Math.min(scrolled, reach) / reach) * (total - viewport);
  const first = lastNotAfter(tops, top);
  const last = Math.min(tops.length - 2, lastNotAfter(tops, top + viewport));
  return { first: Math.min(first, Math.max(0, tops.length - 2)), last, top, shift: scrolled - top, content };
}

/**
 * How far to scroll so that this height is at the top.
 * @param {Float64Array} tops
 * @param {number} top pixels
 * @param {number} viewport pixels
 */
export function scrollFor(tops, top, viewport) {
  const total = tops[tops.length - 1];
  const wanted = Math.max(0, Math.min(top, total - viewport));
  if (total <= MAX_HEIGHT) return wanted;
  return (wanted / (total - viewport)) * (MAX_HEIGHT - viewport);
}
