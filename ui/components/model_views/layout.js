// Where the views of the model's inside put things. Numbers in, numbers out: nothing here knows the page.

import { clamp } from "../kit/dom.js";

const SIDE = 6; // pixels left of the first token's place
const TURNED = 60; // right of the last one: words are turned and reach over their place
const LEAST_TARGET = 24; // pixels that a finger hits
export const WIDEST_ARC = 14; // pixels of a share of 100 %: an arc is as wide as what it carries, in every head

/**
 * @typedef {object} ArcsLayout
 * @property {number} step from one token to the next
 * @property {number} width of the drawing
 * @property {number} base where arcs end
 * @property {number} tallest how high the widest arc rises
 * @property {number} columns places on the line
 * @property {(i: number) => number} x the middle of place `i`
 */

/**
 * Places of tokens on one line of the given width; where that is too narrow, the drawing is wider.
 * @param {number} n tokens
 * @param {number} room
 * @param {number} [leftmost] the first place: 0 is the first token's, -1 the one before it
 * @returns {ArcsLayout}
 */
export function arcsLayout(n, room, leftmost = 0) {
  const columns = n - leftmost;
  const step = clamp((room - TURNED) / columns, 13, 72);
  const tallest = clamp((step * (columns - 1)) / 2, 90, 210);
  const x = (/** @type {number} */ i) => step * (i - leftmost + 0.5) + SIDE;
  return { step, width: step * columns + TURNED, base: tallest + 26, tallest, columns, x };
}

/**
 * The path of an arc from token `key` to token `query`; a wider arc rises higher, less than in proportion.
 * @param {ArcsLayout} layout
 * @param {number} key
 * @param {number} query
 */
export function arcPath({ step, base, tallest, columns, x }, key, query) {
  const span = (x(query) - x(key)) / (step * Math.max(1, columns - 1));
  const rise = 10 + (tallest - 10) * span ** 0.7;
  const [from, to, top] = [x(key).toFixed(1), x(query).toFixed(1), (base - rise * 1.33).toFixed(1)];
  return `M${from} ${base}C${from} ${top} ${to} ${top} ${to} ${base}`;
}

/**
 * Pixels of a cell of the matrix.
 * @param {number} columns
 * @param {number} room pixels beside the labels
 */
export const matrixCell = (columns, room) => clamp((room - 12) / columns, 11, 26);

/**
 * Pixels of a cell of the lens that shows `n` positions.
 * @param {number} n
 * @param {number} room
 * @param {number} [unit] pixels of a sixteenth of a rem
 */
export const lensCell = (n, room, unit = 1) => clamp((room - 2) / n, 56 * unit, 200 * unit);

/**
 * Characters that fit into a cell of the lens.
 * @param {number} cell pixels
 * @param {number} [unit]
 */
export const lensRoom = (cell, unit = 1) => Math.floor((cell - 6 * unit) / (7.8 * unit));

/**
 * @typedef {object} SquaresLayout
 * @property {number} size of a square
 * @property {number} width
 * @property {number} height
 * @property {(layer: number) => number} x left edge of a layer's column
 * @property {(head: number) => number} y upper edge of a head's row
 */

/**
 * A square for each layer, from left to right, and head, from above; heads that share keys and values stand together.
 * @param {number} layers
 * @param {number} heads
 * @param {number} perGroup heads that share keys and values
 * @param {number} room pixels in width
 * @param {number} tallest pixels in height, where the squares can be as small
 * @returns {SquaresLayout}
 */
export function squaresLayout(layers, heads, perGroup, room, tallest) {
  const gap = perGroup > 1 ? 4 : 0;
  const gaps = gap * (Math.ceil(heads / perGroup) - 1);
  const size = Math.max(LEAST_TARGET, Math.floor(Math.min(room / layers, (tallest - gaps) / heads)));
  return {
    size,
    width: size * layers,
    height: size * heads + gaps,
    x: (layer) => layer * size,
    y: (head) => head * size + gap * Math.floor(head / perGroup),
  };
}

/**
 * Pixels of an arc that carries a share of 0 to 1; none is too thin to be seen.
 * @param {number} share
 * @param {number} [unit]
 */
export const arcWidth = (share, unit = 1) => Math.max(0.5, share * WIDEST_ARC) * unit;
