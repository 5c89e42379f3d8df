import assert from "node:assert/strict";
import { test } from "node:test";
import { moved, placeAt } from "../../ui/components/order_list/order.js";
import { parts, ribbon } from "../../ui/components/stage_flow/layout.js";

/** @param {number[]} shares @param {boolean[]} struck @param {number} others @param {number} gone */
const strip = (shares, struck, others, gone) => ({
  shares, struck, others, others_struck: gone, rule: "", does: "", removes: false, texts: [],
});

test("the parts of a strip lie end to end and fill it, what goes of the others at its end", () => {
  const found = parts(strip([0.5, 0.125], [true, false], 0.25, 0.125), 800);
  assert.deepEqual(found, [
    { x: 0, width: 400, struck: true },
    { x: 400, width: 100, struck: false },
    { x: 500, width: 200, struck: false },
    { x: 700, width: 100, struck: true },
  ]);
});

test("a ribbon begins and ends as wide as its parts", () => {
  const path = ribbon({ x: 10, width: 20, struck: false }, { x: 40, width: 60, struck: false }, 0, 30);
  assert.equal(path, "M10.0 0C10.0 15 40.0 15 40.0 30L100.0 30C100.0 15 30.0 15 30.0 0Z");
});

test("a row goes to its new place and the others close up", () => {
  const rows = ["a", "b", "c", "d"];
  assert.deepEqual(moved(rows, 0, 2), ["b", "c", "a", "d"]);
  assert.deepEqual(moved(rows, 3, 0), ["d", "a", "b", "c"]);
  for (const to of [1, -1, 4]) assert.equal(moved(rows, 1, to), rows);
});

test("a dragged row takes the place that its middle is at", () => {
  const middles = [10, 30, 50, 70];
  assert.deepEqual([0, 29, 31, 51, 99].map((y) => placeAt(middles, y, 0)), [0, 0, 1, 2, 3]);
  assert.deepEqual([0, 29, 31, 60, 99].map((y) => placeAt(middles, y, 3)), [0, 1, 2, 3, 3]);
});
