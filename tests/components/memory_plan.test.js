import assert from "node:assert/strict";
import test from "node:test";
import { legendPlaces, nearest, parts, planLayout, size, ticks, verdict } from "../../ui/components/memory_plan/bars.js";

const row = { spec: "nf4", label: "nf4", note: "", quantized: 40, constants: 5, kept: 20, table: 0, chosen: true };
const table = { cache: [[1, 2], [4, 8]], work: [[3, 3], [0, 3]] };

test("a bar is the sum of its parts at the sliders' place, and what has no size is no part", () => {
  const { found, total } = parts(row, table, 10, 1, 1);
  assert.deepEqual(found.map(({ kind, bytes }) => [kind, bytes]), [
    ["quantized", 40], ["constants", 5], ["kept", 20], ["cache", 8], ["work", 3], ["reserve", 10],
  ]);
  assert.equal(total, 86);
  const plain = parts({ ...row, quantized: 0, constants: 0 }, table, 0, 1, 0);
  assert.deepEqual(plain.found.map(({ kind }) => kind), ["kept", "cache"]);
  assert.equal(plain.total, 24);
});

test("sizes have the unit in which they are short", () => {
  assert.deepEqual(
    [12, 131_072, 999_499, 999_500, 173_000_000, 999_500_000, 5_591_500_000, 99_949_000_000, 812_000_000_000, 1_623_000_000_000].map(size),
    ["12 bytes", "131 kB", "999 kB", "1 MB", "173 MB", "1.0 GB", "5.6 GB", "99.9 GB", "812 GB", "1,623 GB"],
  );
});

test("what is just as large as the card fits", () => {
  assert.equal(verdict(16e9, 16e9), "fits, 0 bytes left");
  assert.equal(verdict(16e9 + 1e9, 16e9), "does not fit, 1.0 GB too much");
});

test("an axis has round marks from 0 and never more than there is room for", () => {
  assert.deepEqual(ticks(24e9, 6), [0, 5e9, 10e9, 15e9, 20e9]);
  for (const end of [3e8, 1.2e9, 24e9, 121e9, 2e12]) {
    for (const most of [2, 5, 9]) {
      const found = ticks(end, most);
      assert.ok(found.length >= 1 && found.length <= most + 1, `${end} ${most}: ${found}`);
      assert.ok(found[found.length - 1] <= end * 1.001);
    }
  }
});

test("a number that is no position moves the slider to the nearest", () => {
  assert.equal(nearest([1, 2, 4, 8], 5), 2);
  assert.equal(nearest([1, 2, 4, 8], 8), 3);
  assert.equal(nearest([1, 2, 4, 8], 1000), 3);
});

test("the legend goes on in a new line where there is no room", () => {
  const { places, lines } = legendPlaces(["a".repeat(20), "b".repeat(20), "c"], 360, 16);
  assert.deepEqual(places.map(({ line }) => line), [0, 1, 1]);
  assert.equal(lines, 2);
  assert.equal(legendPlaces(["a", "b"], 900, 16).lines, 1);
});

test("on a phone the words stand above the bar, which then has the whole width", () => {
  const phone = planLayout([row], 362, 16);
  assert.ok(phone.narrow);
  assert.equal(phone.left, 0);
  assert.ok(phone.plot > 340 && phone.plot <= 362);
  const wide = planLayout([row], 1000, 16);
  assert.ok(!wide.narrow);
  assert.ok(wide.left + wide.plot < 1000 - 200);
});
