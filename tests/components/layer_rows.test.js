// Where the cells and the bars of Layer by layer are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { barLength, fits, rowsLayout } from "../../ui/components/layer_rows/layout.js";

test("label, cells and bars fill the room, on a phone and on a wide screen", () => {
  for (const [columns, room, unit] of [[7, 340, 1], [7, 560, 1], [4, 900, 1.4], [7, 2000, 1]]) {
    const found = rowsLayout(columns, room, unit);
    assert.ok(Math.abs(found.width - room) < 1e-6, `${columns} columns in ${room}: ${found.width}`);
    assert.ok(found.label + columns * found.cell < found.bars);
    assert.ok(found.longest >= 46 * unit);
  }
});

test("with many columns the drawing is wider than the room, and no cell is too small to press", () => {
  const found = rowsLayout(60, 340, 1);
  assert.ok(found.width > 340);
  assert.ok(found.cell >= 24);
});

test("a bar beyond the axis is as long as the axis, and one that is there is seen", () => {
  assert.equal(barLength(8, 100), 100);
  assert.equal(barLength(0.5, 100), 50);
  assert.equal(barLength(1e-6, 100), 1);
  assert.equal(barLength(0, 100), 0);
});

test("a word fits by its characters", () => {
  assert.ok(fits("9.4", 29, 1));
  assert.ok(!fits("gate_up", 29, 1));
});
