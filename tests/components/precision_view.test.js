// Where things stand in the charts that compare precisions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bits, columns, decades, risen, table, ticks } from "../../ui/components/precision_view/layout.js";

test("bars are a table where they are long enough, else a panel for each token", () => {
  const two = table(900, 16, 6, ["float32", "nf4"], 8);
  assert.equal(two.panels, 0);
  assert.ok(two.plot >= 128 && two.left + 2 * two.column <= 900);
  for (const width of [360, 940, 1200]) {
    const many = table(width, 16, 6, ["float32", "bfloat16", "int8", "fp4", "nf4", "nf4 double"], 8);
    assert.equal(many.panels, Math.max(1, Math.floor(width / 288)));
    assert.ok(many.left + many.plot + 3.6 * 16 <= many.column, "a full bar and its number fit into a panel");
    assert.equal(many.height, Math.ceil(6 / many.panels) * many.group);
  }
  assert.equal(table(940, 16, 1, ["a", "b", "c", "d", "e", "f"], 3).panels, 1);
});

test("an axis has two to five marks from 0, none beyond what is drawn", () => {
  assert.deepEqual(ticks(0), [0]);
  assert.deepEqual(ticks(3.2), [0, 1, 2, 3]);
  for (const largest of [1e-6, 0.0123, 0.99, 1, 4.4, 17, 250]) {
    const marks = ticks(largest);
    assert.ok(marks.length >= 2 && marks.length <= 5 && marks[0] === 0 && marks[marks.length - 1] <= largest * 1.0001, String(marks));
  }
});

test("powers of ten hold all that is above 0, at most seven of them", () => {
  assert.deepEqual(decades([0, 0]), [-1, 0]);
  assert.deepEqual(decades([0.002, 3, 0]), [-3, 1]);
  assert.deepEqual(decades([1e-12, 1, Number.POSITIVE_INFINITY]), [-7, 0]);
  assert.deepEqual(decades([0.1]), [-2, -1]);
});

test("0 stands on the ground, what is not finite on top, and order is kept", () => {
  const plain = { log: false, largest: 2, low: 0, high: 0 };
  const log = { log: true, largest: 2, low: -3, high: 1 };
  assert.deepEqual([0, 1, 2, Number.POSITIVE_INFINITY].map((v) => risen(v, plain)), [0, 0.5, 1, 1]);
  assert.deepEqual([0, 1e-9, 0.1, 10].map((v) => risen(v, log)), [0, 0, 0.5, 1]);
  assert.equal(risen(0, { ...plain, largest: 0 }), 0);
});

test("columns are as wide as their letters and fill the room", () => {
  assert.deepEqual(columns(["a", "abcd"], 10, 30, 0), [0, 30, 80]);
  assert.deepEqual(columns(["a", "abcd"], 10, 30, 100), [0, 40, 100]);
  assert.deepEqual(columns([], 10, 30, 100), [0]);
});

test("a divergence is never written as 0 where it is not", () => {
  assert.deepEqual([0, 1e-9, 3.7e-5, 0.2134, 1, 123.4, Number.POSITIVE_INFINITY].map(bits), [
    "0 bits", "less than 0.000001 bits", "0.000037 bits", "0.21 bits", "1 bit", "123 bits", "\u221e bits",
  ]);
});
