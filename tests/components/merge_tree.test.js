import assert from "node:assert/strict";
import test from "node:test";
import { columns, heightOver, heights, symbolsAt } from "../../ui/components/merge_tree/layout.js";

/** @import { Letter, Span, Tree, TreeNode } from "../../ui/components/merge_tree/layout.js" */

/** @param {number} start @param {number} middle @param {number} end @returns {TreeNode} */
const node = (start, middle, end) => [start, middle, end, 1, "", ""];
/** @param {number} first @param {number} last @returns {Span[]} */
const bytes = (first, last) => Array.from({ length: last - first }, (_, i) => [first + i, first + i + 1]);

/** " coconut" in Llama 3.1. @type {Tree} */
const llama = {
  symbols: bytes(0, 8),
  nodes: [node(4, 5, 6), node(0, 1, 2), node(6, 7, 8), node(3, 4, 6), node(0, 2, 3), node(3, 6, 8), node(0, 3, 8)],
};
/** The same in Phi-3, with a space in front. @type {Tree} */
const phi = { symbols: bytes(-1, 8), nodes: [node(4, 5, 6), node(0, 1, 2), node(6, 7, 8), node(3, 4, 6), node(0, 2, 3)] };
const SIZES = { least: 30, most: 90, atom: 20 };

test("each merge lies above its parts", () => {
  assert.deepEqual(heights(llama), [1, 1, 1, 2, 2, 3, 4]);
  assert.equal(heightOver(phi, [3, 8]), 3);
  assert.equal(heightOver({ symbols: bytes(0, 2), nodes: [] }, [0, 2]), 1);
});

test("the symbols at a step cover the word", () => {
  assert.deepEqual(symbolsAt(llama, 0), bytes(0, 8));
  assert.deepEqual(symbolsAt(llama, 4), [[0, 2], [2, 3], [3, 6], [6, 8]]);
  assert.deepEqual(symbolsAt(llama, 99), [[0, 8]]);
  assert.deepEqual(symbolsAt(phi, 5), [[-1, 0], [0, 3], [3, 6], [6, 8]]);
  assert.deepEqual(symbolsAt({ symbols: [], nodes: [] }, 3), []);
});

test("letters share the line, and the bytes of one letter share it", () => {
  /** @type {Letter[]} */
  const letters = [["a", 0, 1], ["\u00e9", 1, 3], ["b", 3, 4]];
  const chars = { symbols: /** @type {Span[]} */ ([[0, 1], [1, 3], [3, 4]]), nodes: [] };
  const whole = columns(letters, [chars], 150, SIZES);
  assert.deepEqual([whole.width, whole.x.get(1), whole.x.get(3)], [150, 50, 100]);
  assert.equal(whole.x.has(2), false);
  const split = columns(letters, [chars, { symbols: bytes(0, 4), nodes: [] }], 100, SIZES);
  const [from, middle, to] = [1, 2, 3].map((place) => split.x.get(place) ?? NaN);
  assert.ok(Math.abs(middle - from - (to - middle)) < 1e-9);
  assert.ok(middle - from >= SIZES.atom - 1e-9);
  assert.equal(columns(letters, [chars], 9000, SIZES).width, 3 * SIZES.most);
  assert.equal(columns(letters, [chars], 10, SIZES).width, 3 * SIZES.least);
});
