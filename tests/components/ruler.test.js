import assert from "node:assert/strict";
import test from "node:test";
import { cutsOf, edgesOf, letterAt, piecesOf } from "../../ui/components/ruler/layout.js";

const ROWS = [{ cuts: [0, 2, 5, 6] }, { cuts: [0, 2, 3, 5, 6] }, { cuts: [0, 2, 5, 6] }];

test("tokens that every row has are told from the others", () => {
  const same = piecesOf(ROWS).map((row) => row.map((piece) => piece.same));
  assert.deepEqual(same, [[true, false, true], [true, false, false, true], [true, false, true]]);
});

test("cuts are counted without the ends", () => {
  assert.deepEqual(cutsOf(ROWS), [[2, 3], [3, 1], [5, 3]]);
  assert.deepEqual(cutsOf([{ cuts: [0, 4] }]), []);
});

test("no letter overlaps the next", () => {
  assert.deepEqual(edgesOf([5, 30, 10], 24, 4), [0, 24, 58, 82]);
  assert.deepEqual(edgesOf([], 24, 4), [0]);
});

test("a place on the screen leads to its letter, the ends to the outermost", () => {
  const edges = [0, 24, 58, 82];
  assert.deepEqual([-5, 0, 23, 24, 60, 500].map((x) => letterAt(edges, x)), [0, 0, 0, 1, 2, 2]);
});
