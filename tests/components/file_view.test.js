import assert from "node:assert/strict";
import test from "node:test";
import { breakLines, columns, lastNotAfter, MAX_HEIGHT, measure, scrollFor, topsOf, windowAt } from "../../ui/components/file_view/layout.js";
import { shadesOf } from "../../ui/components/file_view/minimap.js";
import { tokensIn } from "../../ui/components/file_view/paint.js";
import { letters, rowOf } from "./rows.js";

/**
 * Tokens of these lengths, end to end.
 * @param {string} text in ASCII
 * @param {number[]} lengths
 */
function rowOfLengths(text, lengths) {
  let at = 0;
  return rowOf(text, lengths.map((length) => {
    const start = at;
    at += length;
    return { bytes: Array.from(text.slice(start, at), (char) => char.charCodeAt(0)), start, end: at };
  }));
}

/** @param {string} text @param {number[]} first @param {number[]} second @param {number[][]} both */
function measured(text, first, second, both) {
  const rows = [rowOfLengths(text, first), rowOfLengths(text, second)];
  return measure(rows[0].source, text.length, rows, both);
}

test("a character takes no, one, two or four columns", () => {
  assert.deepEqual(["a", "\t", "я", "漢", "コ", "\u{1f965}", "\u0301", "\u200d"].map((char) => columns(char.codePointAt(0) ?? 0)), [1, 4, 1, 2, 2, 2, 0, 0]);
});

test("cuts of both, and characters that one has alone", () => {
  const { cuts, alone, width } = measured("abcdef", [2, 2, 2], [2, 1, 3], [[1, 0, 0], [1, 0, 0]]);
  assert.deepEqual([...cuts], [3, 0, 3, 2, 1, 0, 0]);
  assert.deepEqual([...alone], [0, 0, 0, 1, 2, 3, 4]);
  assert.ok(width[0][6] > 6);
  assert.equal(width[0][6], width[1][6]);
});

test("rows tile the lines, fit into the width, and end where both cut", () => {
  const text = `${"abc".repeat(40)}\n\nxy\n`;
  const lengths = [...new Array(40).fill(3), 1, 1, 2, 1];
  const other = [...new Array(20).fill(6), 1, 1, 2, 1];
  const found = measured(text, lengths, other, [lengths.map(() => 1), other.map(() => 1)]);
  const starts = [0, 121, 122, 125];
  const { starts: rows, lines } = breakLines(found, starts, 30);
  assert.equal(rows.length, lines.length + 1);
  assert.equal(rows.at(-1), text.length);
  for (const start of starts) assert.ok(rows.includes(start));
  for (let i = 0; i < lines.length; i++) {
    assert.ok(rows[i] < rows[i + 1]);
    assert.equal(lastNotAfter(starts, rows[i]), lines[i]);
    assert.ok(found.width[0][rows[i + 1]] - found.width[0][rows[i]] <= 30);
    if (!starts.includes(rows[i])) assert.equal(rows[i] % 6, 0);
  }
});

test("a token longer than the width is broken inside", () => {
  const text = "x".repeat(100);
  const found = measured(text, [100], [100], [[1], [1]]);
  const { starts } = breakLines(found, [0, 100], 20);
  assert.ok(starts.length > 5);
  for (let i = 1; i < starts.length; i++) assert.ok(starts[i] - starts[i - 1] <= 20);
});

test("an empty text has one row", () => {
  const found = measured("", [], [], [[], []]);
  assert.deepEqual([...breakLines(found, [0, 0], 20).starts], [0, 0]);
});

test("rows on the screen are those between its edges", () => {
  const tops = topsOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], (row) => (row % 2 ? 20 : 10));
  assert.equal(tops[10], 150);
  assert.deepEqual(windowAt(tops, 0, 35), { first: 0, last: 2, top: 0, shift: 0, content: 150 });
  const { first, last } = windowAt(tops, 61, 30);
  assert.deepEqual([first, last], [4, 6]);
  assert.equal(windowAt(tops, 115, 35).last, 9);
  assert.equal(windowAt(topsOf([], () => 1), 0, 100).first, 0);
});

test("what is higher than a browser can scroll is scrolled in proportion", () => {
  const tops = topsOf({ length: 1_000_000 }, () => 74);
  const viewport = 500;
  for (const row of [0, 1, 123_456, 900_001]) {
    const scrolled = scrollFor(tops, tops[row], viewport);
    assert.ok(scrolled <= MAX_HEIGHT);
    const { first, top, shift } = windowAt(tops, scrolled, viewport);
    assert.ok(Math.abs(top - tops[row]) < 1e-3, String(top));
    assert.ok(Math.abs(first - row) <= 1);
    assert.ok(Math.abs(tops[row] + shift - scrolled) < 1e-3, "the row is drawn where the scroller is");
  }
  const end = windowAt(tops, MAX_HEIGHT - viewport, viewport);
  assert.equal(end.last, 999_999);
});

test("the strip is dark where much differs, and a short file does not fill it", () => {
  const tops = topsOf({ length: 10 }, () => 100);
  const shades = shadesOf(tops, (row) => (row === 5 ? 1 : 0), 100);
  assert.equal(shades.length, 100);
  assert.deepEqual([...shades].map((shade) => shade > 0), Array.from({ length: 100 }, (_, y) => y >= 50 && y < 60));
  assert.equal(shadesOf(topsOf([0], () => 20), () => 0, 400).length, 20);
  const crowded = shadesOf(topsOf({ length: 100_000 }, () => 30), (row) => (row === 77_777 ? 1 : 0), 200);
  assert.deepEqual([...crowded].flatMap((shade, y) => (shade > 0.3 ? [y] : [])), [155], "a single line is never lost");
});

test("tokens of a row: those that reach into it, and those without characters between them", () => {
  const row = rowOf("abcdef", [
    { bytes: [60], start: 0, end: 0, flags: 1 },
    { bytes: [97, 98, 99], start: 0, end: 3 },
    { bytes: [60], start: 3, end: 3, flags: 1 },
    { bytes: [100, 101, 102], start: 3, end: 6 },
  ]);
  assert.deepEqual(tokensIn(row, 0, 2), [0, 3]);
  assert.deepEqual(tokensIn(row, 2, 4), [1, 4]);
  assert.deepEqual(tokensIn(row, 4, 6), [3, 4]);
  assert.deepEqual(tokensIn(rowOf("abc", letters("abc")), 1, 2), [1, 2]);
});
