import assert from "node:assert/strict";
import test from "node:test";
import { largest, pixels, strengthOf, told } from "../../ui/components/cache_view/numbers.js";
import { float32FromBase64 } from "../../ui/components/kit/bytes.js";

test("numbers of 32 bits come back from base64", () => {
  const values = new Float32Array([1.5, -2.25, 0]);
  const text = Buffer.from(values.buffer).toString("base64");
  assert.deepEqual([...float32FromBase64(text)], [...values]);
});

test("zero is the ground, the largest number has the whole colour of its sign", () => {
  const values = new Float32Array([0, 4, -4, 1]);
  assert.equal(largest(values), 4);
  const colours = /** @type {const} */ ({ ground: [255, 255, 255], below: [0, 0, 200], above: [200, 0, 0] });
  const drawn = pixels(values, 4, { ground: [...colours.ground], below: [...colours.below], above: [...colours.above] });
  assert.deepEqual([...drawn.slice(0, 4)], [255, 255, 255, 255]);
  assert.deepEqual([...drawn.slice(4, 8)], [200, 0, 0, 255]);
  assert.deepEqual([...drawn.slice(8, 12)], [0, 0, 200, 255]);
  assert.equal(strengthOf(1, 4), 0.5, "a quarter of the size has half of the colour");
  assert.equal(strengthOf(1, 0), 0);
  assert.ok(drawn[13] > 100 && drawn[13] < 155);
});

test("a place is said with its token, its dimension, and what it is turned with", () => {
  const picture = { name: "Key", width: 2, values: new Float32Array([1, -2, 3, 4]), pairs: [1, 0], radians: [0.5, 0.5] };
  assert.equal(
    told(picture, 0, 1, " nut", 4),
    "Key: token 5 \u201c nut\u201d, dimension 2: \u22122.0000 \u00b7 turned with dimension 1 by 0.500 radians a token, once round in 12.6 tokens",
  );
  assert.equal(told({ ...picture, pairs: [], radians: [] }, 1, 0, "a", 0), "Key: token 1 \u201ca\u201d, dimension 1: 3.0000");
});
