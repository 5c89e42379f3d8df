import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf, moves, width } from "../../ui/components/grammar_view/steps.js";

test("a column says whether the model was overruled, and whether there was a choice", () => {
  assert.equal(kindOf({ wanted: ["The", "50%"], forced: true, special: false }), "overruled forced");
  assert.equal(kindOf({ wanted: null, forced: false, special: true }), "agreed special");
});

test("arrows move by one and stay inside, Home and End lead to the ends, other keys nowhere", () => {
  assert.deepEqual(["ArrowRight", "ArrowLeft", "Home", "End", "a"].map((key) => moves(key, 3, 5)), [4, 2, 0, 4, undefined]);
  assert.equal(moves("ArrowRight", 4, 5), 4);
});

test("a share is a width, however it was rounded", () => {
  assert.deepEqual([width(0.12345), width(1.0000001), width(-1e-9)], ["12.3%", "100%", "0%"]);
});
