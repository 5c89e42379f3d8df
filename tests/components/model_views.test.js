import assert from "node:assert/strict";
import test from "node:test";
import { fittingUnit, moved } from "../../ui/components/kit/room.js";
import { onShade } from "../../ui/components/kit/shade.js";
import { arcWidth, squaresLayout } from "../../ui/components/model_views/layout.js";
import { percent } from "../../ui/components/kit/dom.js";
import { FIRST, SINK, Weights } from "../../ui/components/model_views/weights.js";
import { columnsLayout, layerRow } from "../../ui/components/overview/layout.js";

test("an arc is as thick as its share, whatever else is drawn", () => {
  assert.ok(Math.abs(arcWidth(0.82) / arcWidth(0.41) - 2) < 1e-9);
  assert.ok(arcWidth(0.03) < arcWidth(0.82) / 20);
  assert.ok(arcWidth(0.02) >= 0.5, "seen all the same");
});

test("a square for each head: not too small for a finger, groups apart, as large as fits", () => {
  const { size, width, height, x, y } = squaresLayout(30, 9, 3, 870, 300);
  assert.deepEqual([size, width, height], [29, 870, 269]);
  assert.equal(x(29) + size, width);
  assert.deepEqual([y(3) - y(2), y(1) - y(0)], [size + 4, size]);
  assert.equal(y(8) + size, height);
  assert.equal(squaresLayout(30, 9, 3, 300, 300).size, 24);
  assert.equal(squaresLayout(32, 32, 1, 2000, 300).size, 24);
});

test("the overview draws the columns that fit, the chosen one among them", () => {
  for (const room of [358, 500, 900, 1500]) {
    for (const unit of [1, 1.2]) {
      for (let chosen = 0; chosen < 8; chosen++) {
        const { from, n, left, column } = columnsLayout(8, chosen, room, unit);
        assert.ok(from <= chosen && chosen < from + n && from + n <= 8 && from >= 0);
        assert.ok(left + n * column <= room);
        assert.ok(column >= 60 * unit);
      }
    }
  }
  assert.equal(columnsLayout(8, 7, 358, 1).n, 4);
  assert.equal(columnsLayout(8, 0, 900, 1).n, 8);
  assert.deepEqual([layerRow(31, 1), layerRow(200, 1), layerRow(4, 1)], [15, 5, 16]);
});

test("keys go through a table and stop at its edges", () => {
  assert.deepEqual(moved("ArrowDown", [1, 1], [3, 3]), [2, 1]);
  assert.deepEqual(moved("ArrowRight", [1, 2], [3, 3]), [1, 2]);
  assert.deepEqual(moved("Home", [1, 2], [3, 3]), [1, 0]);
  assert.equal(moved("x", [1, 2], [3, 3]), undefined);
});

// The shades of model_views.css and overview.css: a mixture in OKLab of the ground and the strongest shade.
const SHADES = { light: ["#ffffff", "#0d4a60"], dark: ["#12161a", "#a5dcf0"] };
const TEXT = { light: { pale: 0, middle: 0, deep: 1 }, dark: { pale: 1, middle: 0, deep: 0 } }; // luminance

/** @param {string} hex */
function linear(hex) {
  return [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
}

/** @param {number[]} rgb */
function oklab([r, g, b]) {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
}

/** @param {number[]} lab */
function luminance([L, a, b]) {
  const [l, m, s] = [L + 0.3963377774 * a + 0.2158037573 * b, L - 0.1055613458 * a - 0.0638541728 * b, L - 0.0894841775 * a - 1.291485548 * b].map((c) => c ** 3);
  const rgb = [4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s].map((c) => Math.min(1, Math.max(0, c)));
  return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
}

test("text on every shade has a contrast of 4.5, in both themes", () => {
  for (const theme of /** @type {const} */ (["light", "dark"])) {
    const [ground, strong] = SHADES[theme].map((hex) => oklab(linear(hex)));
    for (let share = 0; share <= 1.0001; share += 0.01) {
      const mixed = luminance(ground.map((value, i) => value + (strong[i] - value) * share));
      const text = TEXT[theme][onShade(share)];
      const contrast = (Math.max(mixed, text) + 0.05) / (Math.min(mixed, text) + 0.05);
      assert.ok(contrast >= 4.5, `${theme}, ${share.toFixed(2)}: ${contrast.toFixed(2)}`);
    }
  }
});

test("what a token reads is whole: the drawn, the first token, the others before, and the sink", () => {
  const half = new Uint16Array([65535, 0, 32768, 32767]);
  const weights = new Weights(2, half, null, new Uint16Array([0, 16384]), new Uint16Array([0, 0]));
  assert.equal(weights.nHeads, 1);
  assert.deepEqual([...weights.row(0, 1).keys()], [0, 1]);
  assert.ok(Math.abs(weights.of(0, 1, FIRST) - 0.25) < 1e-4);
  assert.equal(weights.of(0, 1, SINK), 0);
  assert.deepEqual([0.82, 0.031, 0.004, 0].map(percent), ["82%", "3%", "<1%", "0%"]);
});

test("a drawing grows with the screen as far as it can be seen whole", () => {
  assert.equal(fittingUnit(750, 1, 900), 1);
  assert.equal(fittingUnit(750, 1.2, 1080), 1.2);
  assert.equal(fittingUnit(750, 2, 1080), 1.24, "presented: whole, not twice as large");
  assert.equal(fittingUnit(750, 1, 600), 1, "never smaller than can be read");
});
