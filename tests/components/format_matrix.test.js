import assert from "node:assert/strict";
import test from "node:test";
import { decimals, shade } from "../../ui/components/format_matrix/shade.js";

test("the largest value is the strongest, nothing is no colour, and no number loses its contrast", () => {
  assert.equal(shade(8, 8), 60);
  assert.equal(shade(4, 8), 30);
  assert.equal(shade(0, 8), 0);
  assert.equal(shade(-0.001, 8), 0);
  assert.equal(shade(0, 0), 0);
});

test("a cell has room for four characters", () => {
  assert.deepEqual([0, 0.04, 1.25, 12.34, 99.94, 99.96, 130].map(decimals), ["0.0", "0.0", "1.3", "12.3", "99.9", "100", "130"]);
});
