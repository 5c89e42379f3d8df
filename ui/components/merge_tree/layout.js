// Where the letters and the merges of a word lie. Numbers in, numbers out: nothing here knows the page.

import { clamp } from "../kit/dom.js";

/** @typedef {[start: number, end: number]} Span half-open, in bytes of the word; -1 is a space put in front of it */
/** @typedef {[text: string, start: number, end: number]} Letter */
/** @typedef {[start: number, middle: number, end: number, rank: number, pair: string, piece: string]} TreeNode */
/** @typedef {{ symbols: Span[], nodes: TreeNode[] }} Tree */

/**
 * The place on the line of every byte at which a symbol may begin or end. A letter has one width, and so have the
 * bytes of it where a tokenizer starts from bytes.
 * @param {Letter[]} letters
 * @param {Tree[]} trees
 * @param {number} room pixels that there are
 * @param {{ least: number, most: number, atom: number }} sizes of a letter, and of a byte at least
 */
export function columns(letters, trees, room, { least, most, atom }) {
  const edges = new Set(trees.flatMap(({ symbols }) => symbols.flat()));
  const parts = letters.map(([, start, end]) => {
    const inside = [...edges].filter((edge) => start < edge && edge < end).sort((a, b) => a - b);
    return [start, ...inside, end];
  });
  const units = parts.map((places) => Math.max(1, ((places.length - 1) * atom) / least));
  const all = units.reduce((sum, unit) => sum + unit, 0);
  const cell = clamp(room / Math.max(1, all), least, most);
  /** @type {Map<number, number>} */
  const x = new Map();
  let left = 0;
  for (const [i, places] of parts.entries()) {
    const width = (units[i] * cell) / (places.length - 1);
    for (const [k, place] of places.entries()) x.set(place, left + k * width);
    left += units[i] * cell;
  }
  return { x, width: left };
}

/**
 * How high each merge lies: one above the higher of its two parts.
 * @param {Tree} tree
 */
export function heights({ nodes }) {
  /** @type {Map<string, number>} */
  const of = new Map();
  return nodes.map(([start, middle, end]) => {
    const height = 1 + Math.max(of.get(`${start},${middle}`) ?? 0, of.get(`${middle},${end}`) ?? 0);
    of.set(`${start},${end}`, height);
    return height;
  });
}

/**
 * The symbols after so many merges.
 * @param {Tree} tree
 * @param {number} step
 * @returns {Span[]}
 */
export function symbolsAt({ symbols, nodes }, step) {
  const starts = new Set(symbols.map(([start]) => start));
  for (const [, middle] of nodes.slice(0, step)) starts.delete(middle);
  const open = [...starts].sort((a, b) => a - b);
  const last = symbols.length ? symbols[symbols.length - 1][1] : 0;
  return open.map((start, i) => [start, open[i + 1] ?? last]);
}

/**
 * The height at which a merge of this stretch would lie: one above all that lies in it.
 * @param {Tree} tree
 * @param {Span} span
 */
export function heightOver(tree, [start, end]) {
  const of = heights(tree);
  const inside = tree.nodes.map(([low, , high], i) => (low < end && high > start ? of[i] : 0));
  return 1 + Math.max(0, ...inside);
}
