import assert from "node:assert/strict";
import test from "node:test";
import { columnWidth, down, outline, reach, written } from "../../ui/components/block_view/layout.js";

test("columns fill the room, and none is narrower or wider than can be read", () => {
  assert.equal(columnWidth(64, 960, 16), 15);
  assert.equal(columnWidth(64, 300, 16), 0.72 * 16);
  assert.equal(columnWidth(2, 960, 16), 2.4 * 16);
});

test("the axis reaches as far as the furthest weight, what comes back, or level, and never nowhere", () => {
  assert.equal(reach([{ value: -0.3, back: 0.2 }], [{ at: 0.25 }]), 0.3);
  assert.equal(reach([{ value: null, back: -0.5 }], [{ at: 0.25 }]), 0.5);
  assert.equal(reach([], [{ at: -2 }]), 2);
  assert.equal(reach([{ value: 0, back: 0 }], []), 1);
});

test("zero is in the middle, up is more", () => {
  assert.equal(down(0, 2, 100, 10), 50);
  assert.equal(down(2, 2, 100, 10), 10);
  assert.equal(down(-2, 2, 100, 10), 90);
});

test("names do not lie on one another; the ends and zero are written first", () => {
  const tops = [0, 5, 12, 50, 53, 98, 100];
  const found = written(tops, 10, 3);
  assert.deepEqual([...found].sort(), [0, 2, 3, 6]);
  for (const i of found) for (const k of found) assert.ok(i === k || Math.abs(tops[i] - tops[k]) >= 10);
  assert.deepEqual([...written([7, 7, 7], 10, 1)], [0]);
});

test("the outline of a histogram lies between the axis and its largest bin, by density", () => {
  const points = outline([0, 1, 3], [10, 10], 40, (at) => 100 - at);
  assert.deepEqual(points, [[40, 100], [0, 100], [0, 99], [20, 99], [20, 97], [40, 97]]);
  const turned = outline([0, -1, -3], [10, 10], 40, (at) => 100 - at);
  assert.deepEqual(turned.map(([x]) => x), points.map(([x]) => x));
  assert.ok(outline([0, 1], [0], 40, (at) => at).every(([x]) => x === 40));
});
