import assert from "node:assert/strict";
import test from "node:test";
import { pieceOf, placeAfter, toggled } from "../../ui/components/cut_box/places.js";

test("a place is put in and taken out, in order", () => {
  assert.deepEqual(toggled([5], 2), [2, 5]);
  assert.deepEqual(toggled([2, 5], 5), [2]);
  assert.deepEqual(toggled([], 10), [10]);
  assert.deepEqual(toggled([10, 11], 9), [9, 10, 11]);
});

test("letters belong to the pieces that the cuts leave", () => {
  assert.deepEqual(pieceOf(7, [2, 5]), [0, 0, 1, 1, 1, 2, 2]);
  assert.deepEqual(pieceOf(3, []), [0, 0, 0]);
});

test("keys lead from gap to gap and never out of the text", () => {
  assert.equal(placeAfter("ArrowRight", 3, 7), 4);
  assert.equal(placeAfter("ArrowRight", 6, 7), 6);
  assert.equal(placeAfter("ArrowLeft", 1, 7), 1);
  assert.deepEqual([placeAfter("Home", 4, 7), placeAfter("End", 4, 7)], [1, 6]);
  assert.equal(placeAfter(" ", 3, 7), undefined);
});
