import assert from "node:assert/strict";
import { test } from "node:test";
import { axisNumbers, fitting, lanes, longest, onPath, thickness } from "../../ui/components/tree_view/layout.js";

/** @param {number} number @param {number} of @param {number} common @param {number} own */
const row = (number, of, common, own) => ({
  number, of, common, pinned: false, before: "", bits: 0, percent: "", name: "", end: "",
  tokens: Array.from({ length: own }, () => /** @type {[number, number, number]} */ ([0, 1, 0])),
  pieces: /** @type {[string, number][]} */ ([]),
});

test("a branch lies below the one that it leaves, the last to leave nearest, so that no line crosses another", () => {
  const rows = [row(1, 1, 0, 9), row(2, 1, 3, 4), row(4, 1, 6, 2), row(5, 2, 5, 1), row(7, 7, 0, 2)];
  const laid = lanes(rows);
  assert.deepEqual(laid.map((one) => one.row.number), [1, 4, 2, 5, 7]);
  for (const { row: one, lane } of laid.filter((found) => found.row.of !== found.row.number)) {
    const parent = laid.find((found) => found.row.number === one.of)?.lane ?? -1;
    const between = laid.filter((found) => found.lane > parent && found.lane < lane);
    assert.ok(between.every((found) => found.from > one.common), "what lies between begins further right");
  }
});

test("a path runs through the branches that it has its beginning from", () => {
  const rows = [row(1, 1, 0, 9), row(2, 1, 3, 4), row(5, 2, 5, 1)];
  assert.deepEqual([...onPath(rows, 5)], [[5, 6], [2, 5], [1, 3]]);
  assert.deepEqual([...onPath(rows, 1)], [[1, 9]]);
  assert.deepEqual([...onPath(rows, 3)], []);
  assert.equal(longest(rows), 9);
});

test("a line is thicker where the step was more probable, and never gone", () => {
  assert.ok(thickness(0) > 0);
  assert.ok(thickness(0.2) < thickness(0.6));
  assert.equal(thickness(1) - thickness(0.5), thickness(0.5) - thickness(0));
});

test("tokens fit the room within limits, and their numbers can be read", () => {
  assert.deepEqual([fitting(800, 10, 3, 72), fitting(800, 4, 3, 72), fitting(800, 2000, 3, 72)], [72, 72, 3]);
  assert.deepEqual(axisNumbers(5, 50, 40), [1, 2, 3, 4, 5]);
  const far = axisNumbers(200, 4, 48);
  assert.deepEqual(far.slice(0, 3), [1, 20, 40]);
  assert.equal(far.at(-1), 200);
});
