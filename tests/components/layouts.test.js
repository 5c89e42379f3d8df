import assert from "node:assert/strict";
import test from "node:test";
import { arcPath, arcsLayout, lensCell, lensRoom, matrixCell } from "../../ui/components/model_views/layout.js";
import { panelsLayout, percent } from "../../ui/components/stage_view/layout.js";

test("tokens fill the line, and a narrow page makes the drawing wider", () => {
  const fits = arcsLayout(10, 660);
  assert.equal(fits.width, 660);
  assert.equal(fits.x(1) - fits.x(0), 60);
  assert.ok(fits.x(0) > 0 && fits.x(9) < 660);
  assert.equal(arcsLayout(100, 360).width, 1360);
  assert.equal(arcsLayout(2, 2000).step, 72);
  // One more place before the first token.
  const sink = arcsLayout(9, 660, -1);
  assert.deepEqual([sink.width, sink.x(-1), sink.x(8)], [660, fits.x(0), fits.x(9)]);
});

/** Numbers of `Mx yCx1 y1 x2 y2 x y`. @param {string} path */
function curve(path) {
  assert.match(path, /^M[-\d.]+ [-\d.]+C([-\d.]+ ){5}[-\d.]+$/);
  const [x0, y0, x1, y1, x2, y2, x3, y3] = path.slice(1).split(/[C ]/).map(Number);
  return { from: [x0, y0], to: [x3, y3], high: (y0 + 3 * y1 + 3 * y2 + y3) / 8, middle: (x0 + 3 * x1 + 3 * x2 + x3) / 8 };
}

test("an arc leads from token to token, wider ones are higher, none leaves the drawing", () => {
  for (const [n, room] of [[2, 400], [3, 1200], [12, 700], [64, 390], [128, 1800]]) {
    const layout = arcsLayout(n, room);
    let before = layout.base;
    for (let query = 1; query < n; query++) {
      const { from, to, high, middle } = curve(arcPath(layout, 0, query));
      assert.ok(Math.abs(from[0] - layout.x(0)) <= 0.06 && Math.abs(to[0] - layout.x(query)) <= 0.06);
      assert.deepEqual([from[1], to[1]], [layout.base, layout.base]);
      assert.ok(Math.abs(middle - (layout.x(0) + layout.x(query)) / 2) <= 0.11);
      assert.ok(high < before, "higher than the narrower one");
      assert.ok(high > 0, "inside the drawing");
      before = high;
    }
    assert.ok(before < layout.base - 85, "the widest arc uses the room");
  }
});

test("cells fill the width between their least and their largest size", () => {
  assert.equal(matrixCell(20, 412), 20);
  assert.deepEqual([matrixCell(500, 412), matrixCell(2, 412)], [11, 26]);
  assert.equal(lensCell(10, 1002), 100);
  assert.deepEqual([lensCell(500, 1002), lensCell(2, 1002)], [62, 132]);
  assert.deepEqual([lensRoom(62), lensRoom(132)], [7, 17]);
});

test("panels share lines evenly and fit the width", () => {
  const labels = ["␣the", "␣coconut"];
  for (const width of [300, 390, 700, 1100, 1900]) {
    for (const n of [1, 4, 7]) {
      const { side, perLine, lines, cell } = panelsLayout(labels, n, width);
      assert.ok(side + perLine * cell <= width + 1e-9);
      assert.ok(perLine * lines >= n && perLine * (lines - 1) < n, "no line is empty");
      assert.ok(perLine === 1 || cell >= 118, "room for a panel's numbers");
    }
  }
  // Four fit in one line of 600, of five: three and two instead of four and one.
  assert.equal(panelsLayout(labels, 5, 600).perLine, 3);
});

test("a panel's height grows by a row for each token", () => {
  const height = (/** @type {number} */ n) => panelsLayout(new Array(n).fill("a"), 1, 900).height;
  assert.equal(height(12) - height(2), 10 * (height(3) - height(2)));
  assert.ok(panelsLayout(["a".repeat(40)], 1, 900).side > panelsLayout(["a"], 1, 900).side);
});

test("shares are written as percent", () => {
  assert.deepEqual([0, 0.0004, 0.0005, 0.1234, 1].map(percent), ["0%", "<0.1%", "0.1%", "12.3%", "100.0%"]);
});
