import assert from "node:assert/strict";
import test from "node:test";
import { boxesOf, boxSays, draftedSays, fateOf, ownOf, passSays } from "../../ui/components/draft_view/passes.js";

/** @import { Pass } from "../../ui/components/draft_view/passes.js" */

/** @type {Pass[]} */
const PASSES = [
  { drafted: [["a", "90%", ""], ["b", "1%", "60%"], ["c", "", "60%"]], accepted: 1, tokens: [["a", false], ["x", true]], source: "Copied.", times: "5 ms" },
  { drafted: [["d", "50%", ""]], accepted: 1, tokens: [["d", false], ["y", false]], source: "", times: "" },
  { drafted: [], accepted: 0, tokens: [["z", false]], source: "Nothing drafted: a plain pass.", times: "" },
  { drafted: [["e", "50%", ""], ["f", "", ""]], accepted: 1, tokens: [["e", false]], source: "", times: "" }, // e ended the text
];

test("the text is what the passes wrote, and each rejected token lies at the place where it was rejected", () => {
  const boxes = boxesOf(PASSES);
  assert.equal(boxes.map((box) => box.label).join(""), "axdyze");
  assert.deepEqual(boxes.map((box) => box.accepted), [true, false, true, false, false, true]);
  assert.deepEqual(boxes.map((box) => box.rejected), [null, "b", null, null, null, null]);
  assert.deepEqual(boxes.map((box) => box.unjudged), [0, 1, 0, 0, 0, 0]);
  assert.deepEqual(boxes.map((box) => box.pass), [0, 0, 1, 1, 2, 3]);
  assert.deepEqual(boxes.map((box) => box.ends), [false, true, false, false, false, false]);
});

test("a drafted token after a rejected one, or after the end, was never judged", () => {
  assert.deepEqual([0, 1, 2].map((i) => fateOf(PASSES[0], i)), ["accepted", "rejected", "unjudged"]);
  assert.deepEqual([0, 1].map((i) => fateOf(PASSES[3], i)), ["accepted", "unjudged"]);
  assert.deepEqual(PASSES.map(ownOf), ["x", "y", "z", null]);
});

test("who cannot see the colours hears the same", () => {
  const boxes = boxesOf(PASSES);
  assert.equal(boxSays(boxes[0]), "Token 1 “a”: drafted and accepted. Pass 1");
  assert.equal(boxSays(boxes[1]), "Token 2 “x”: the model's own, in place of the drafted “b” and 1 token after it. Pass 1");
  assert.equal(draftedSays(PASSES[0], 1), "“b”: rejected, the model gave it 1%, the draft 60%");
  assert.equal(draftedSays(PASSES[0], 2), "“c”: not judged, because one before it was rejected, the draft 60%");
  assert.equal(draftedSays(PASSES[3], 1), "“f”: not judged, because the text had ended");
  assert.equal(passSays(PASSES[0], 0), "Pass 1: 3 tokens drafted, 1 accepted. Copied. 5 ms");
  assert.equal(passSays(PASSES[2], 2), "Pass 3: Nothing drafted: a plain pass.");
});
