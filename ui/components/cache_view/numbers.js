// The numbers of a picture, their colours, and the words for one of them. Numbers in, numbers and words out.

import { written } from "../vector_view/layout.js";

/** @typedef {[red: number, green: number, blue: number]} Colour */

/**
 * One matrix.
 * @typedef {object} Picture
 * @property {string} name
 * @property {number} width
 * @property {Float32Array} values row by row
 * @property {number[]} pairs the dimension that each one is turned with, from 0; -1 for none; empty without rotation
 * @property {number[]} radians how far each is turned from token to token
 */

/**
 * How strong the colour of a number is, 0 to 1: by the root, as most numbers are far smaller than the largest.
 * @param {number} value @param {number} most the largest of all, without its sign
 */
export const strengthOf = (value, most) => (most ? Math.sqrt(Math.min(1, Math.abs(value) / most)) : 0);

/** @param {Float32Array} values */
export function largest(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

/**
 * Red, green, blue and alpha of every number: the ground for zero, one colour for each sign.
 * @param {Float32Array} values @param {number} most
 * @param {{ ground: Colour, below: Colour, above: Colour }} colours
 */
export function pixels(values, most, { ground, below, above }) {
  const out = new Uint8ClampedArray(4 * values.length);
  for (const [i, value] of values.entries()) {
    const [share, colour] = [strengthOf(value, most), value < 0 ? below : above];
    for (let k = 0; k < 3; k++) out[4 * i + k] = ground[k] + (colour[k] - ground[k]) * share;
    out[4 * i + 3] = 255;
  }
  return out;
}

/**
 * What is at one place of a picture.
 * @param {Picture} picture @param {number} row @param {number} column @param {string} token @param {number} position
 */
export function told(picture, row, column, token, position) {
  const value = picture.values[row * picture.width + column];
  const place = `token ${position + 1} \u201c${token}\u201d, dimension ${column + 1}`;
  const pair = picture.pairs[column] ?? -1;
  const number = `${picture.name}: ${place}: ${written(value)}`;
  if (pair < 0) return number;
  const radians = picture.radians[column];
  const turn = (2 * Math.PI) / radians;
  const [digits, tokens] = [radians < 0.01 ? 6 : 3, turn < 100 ? turn.toFixed(1) : Math.round(turn).toLocaleString("en")];
  return `${number} \u00b7 turned with dimension ${pair + 1} by ${radians.toFixed(digits)} radians a token, once round in ${tokens} tokens`;
}
