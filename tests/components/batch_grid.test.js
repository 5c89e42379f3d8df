import assert from "node:assert/strict";
import test from "node:test";
import { cellClass, cellTitle, hiddenRuns } from "../../ui/components/batch_grid/layout.js";

const own = { label: "Par", id: 7, position: 2, pad: false, seen: true };
const pad = { label: "end", id: 0, position: 0, pad: true, seen: false };

test("padding that is seen looks otherwise than padding that is hidden", () => {
  assert.equal(cellClass(own), "cell");
  assert.equal(cellClass(pad), "cell pad masked");
  assert.equal(cellClass({ ...pad, seen: true }), "cell pad");
});

test("a place says what it is, what the mask does and where it stands", () => {
  assert.deepEqual(hiddenRuns([pad, pad, own, pad]), [1, 2, 0, 1]);
  assert.equal(cellTitle(own, 0), "Par (id 7), the prompt's own token; mask 1: the model looks at it; position 2");
  assert.equal(cellTitle({ ...pad, position: -1 }, 2), "end (id 0), padding; mask 0: hidden from the model, as 1 before it");
});
