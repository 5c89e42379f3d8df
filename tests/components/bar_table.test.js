import assert from "node:assert/strict";
import { test } from "node:test";
import { ends, length } from "../../ui/components/bar_table/layout.js";

/** @param {number | null} value @param {number | null} high */
const cell = (value, high = null) => ({ value, text: "", below: "", low: null, high, hover: "" });

test("an axis ends at its longest bar or at the end of its spread, and at 1 where nothing is known", () => {
  assert.deepEqual(ends([[cell(4), cell(null)], [cell(3, 9), cell(null)]], 2), [9, 1]);
});

test("a bar is its share of the axis", () => {
  assert.equal(length(3, 9), 33.3);
  assert.equal(length(9, 9), 100);
});
