import assert from "node:assert/strict";
import test from "node:test";
import { arcPath, arcsLayout, lensCell, lensRoom, matrixCell } from "../../ui/components/model_views/layout.js";
import { axisTicks, barLength, chartLayout, dots, stripParts, tick } from "../../ui/components/distribution_view/layout.js";
import { hatched } from "../../ui/components/kit/marks.js";

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
  assert.deepEqual([lensCell(500, 1002), lensCell(2, 1002), lensCell(2, 1002, 1.2)], [56, 200, 240]);
  assert.deepEqual([lensRoom(56), lensRoom(200), lensRoom(240, 1.2)], [6, 24, 24]);
});

test("the length of a bar is its share of a fixed axis, whatever the other bars are", () => {
  for (const plot of [200, 700]) {
    for (const [share, end, part] of [[0.94, 1, 0.94], [0.27, 1, 0.27], [0.04, 0.05, 0.8], [0, 1, 0]]) {
      const { length, cut } = barLength(share, end, plot);
      assert.ok(Math.abs(length - part * plot) < 1e-9);
      assert.equal(cut, false);
    }
  }
  assert.deepEqual(barLength(0.94, 0.05, 300), { length: 300, cut: true });
  assert.deepEqual(axisTicks(1), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(axisTicks(0.05).map(tick), ["0%", "1.25%", "2.5%", "3.75%", "5%"]);
});

test("labels, bars and numbers share the page and do not cover each other", () => {
  for (const width of [320, 390, 800, 1600]) {
    for (const own of [true, false]) {
      for (const count of [true, false]) {
        const at = chartLayout(["␣the", "␣coconut"], width, 16, { own, count });
        assert.ok(at.left > 0 && at.plot > 0.3 * (width - at.left));
        const columns = [at.left + at.plot, at.value, at.own, at.count].filter((x) => x !== null);
        for (let i = 1; i < columns.length; i++) assert.ok(columns[i] - columns[i - 1] >= 60);
        assert.ok(columns[columns.length - 1] <= width);
        assert.equal(at.count !== null, count);
      }
    }
  }
});

test("hatching stays inside its box", () => {
  const numbers = (hatched(10, 20, 33, 14, 6).match(/-?[\d.]+/g) ?? []).map(Number);
  assert.ok(numbers.length >= 20);
  for (const [i, number] of numbers.entries()) {
    const [low, high] = i % 2 ? [20, 34] : [10, 43];
    assert.ok(number >= low - 0.06 && number <= high + 0.06);
  }
  assert.equal(hatched(0, 0, 0, 14, 6), "");
});

test("the strip is the probabilities end to end, the rest last", () => {
  const { parts, rest } = stripParts([0.5, 0.25, 0.125], 800);
  assert.deepEqual(parts, [{ x: 0, width: 400 }, { x: 400, width: 200 }, { x: 600, width: 100 }]);
  assert.deepEqual(rest, { x: 700, width: 100 });
  assert.equal(stripParts([1], 800).rest.width, 0);
});

test("a draw's dot stands where it landed, and dots at one place are stacked inside the lane", () => {
  const found = dots([0.5, 0.1, 0.5, 0.9], 1000, 8, 40);
  assert.deepEqual(found.map(({ x }) => x), [500, 100, 500, 900]);
  assert.equal(found[1].up, found[0].up);
  assert.equal(found[2].up - found[0].up, 8);
  const many = dots(new Array(200).fill(0.3), 1000, 8, 40);
  assert.ok(Math.max(...many.map(({ up }) => up)) <= 40);
});
