import assert from "node:assert/strict";
import test from "node:test";
import { blockAt } from "../../ui/components/token_view/blocks.js";
import { colourOfId, colouring, shadeOfLength } from "../../ui/components/token_view/colour.js";
import { blockStarts } from "../../ui/components/token_view/paint.js";
import { sourceOf } from "../../ui/components/token_view/rows.js";
import { describe } from "../../ui/components/token_view/describe.js";
import { letters, rowOf } from "./rows.js";

const HAND = "\u{1f91a}"; // one character, two UTF-16 units, four bytes
// <s>, " ", the hand in three parts that share its character, "!"
const PARTS = rowOf(` ${HAND}!`, [
  { id: 128000, bytes: [0x3c, 0x73, 0x3e], start: 0, end: 0, flags: 1, piece: "<s>" },
  { id: 9468, bytes: [0x20, 0xf0, 0x9f], start: 0, end: 2, flags: 2 },
  { id: 97, bytes: [0xa4], start: 1, end: 2, flags: 2 },
  { id: 248, bytes: [0x9a], start: 1, end: 2, flags: 2 },
  { id: 0, bytes: [0x21], start: 2, end: 3, piece: "!" },
]);

test("characters and UTF-16 units part behind an emoji", () => {
  const { unit, rtl } = sourceOf(`a${HAND}b`, 3);
  assert.deepEqual([0, 1, 2, 3].map(unit), [0, 1, 3, 4]);
  assert.equal(rtl, false);
  assert.deepEqual([0, 2].map(sourceOf("ab", 2).unit), [0, 2]);
  assert.equal(sourceOf("a \u05d0", 3).rtl, true);
});

test("a token has its id, bytes, text and flags", () => {
  assert.deepEqual([0, 1, 4].map((i) => PARTS.id(i)), [128000, 9468, 0]);
  assert.deepEqual(PARTS.hex(1), ["20", "f0", "9f"]);
  assert.deepEqual(PARTS.hex(0), ["3c", "73", "3e"]);
  assert.deepEqual(rowOf("", [{ bytes: [], start: 0, end: 0 }]).hex(0), []);
  assert.deepEqual([0, 1, 2, 4].map((i) => PARTS.text(i)), ["", ` ${HAND}`, HAND, "!"]);
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => PARTS.special(i)), [true, false, false, false, false]);
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => PARTS.partial(i)), [false, true, true, true, false]);
});

test("tokens that share a character are one run", () => {
  assert.deepEqual([0, 1, 4].map((i) => PARTS.runEnd(i)), [1, 4, 5]);
});

test("a span of characters leads to the tokens that cover it", () => {
  assert.deepEqual(PARTS.covering(1, 2), [1, 2, 3]);
  assert.deepEqual(PARTS.covering(0, 1), [1]);
  assert.deepEqual(PARTS.covering(2, 3), [4]);
  assert.deepEqual(PARTS.covering(1, 1), []);
});

test("only a line feed ends a line", () => {
  const row = rowOf("a\nb\r", letters("a\nb\r"));
  assert.deepEqual([0, 1, 2, 3].map((i) => row.endsLine(i)), [false, true, false, false]);
});

test("what is said about a token", () => {
  const part = new Map(describe(PARTS, 2));
  assert.equal(part.get("id"), "97");
  assert.equal(part.get("bytes"), "a4");
  assert.match(part.get("holds") ?? "", /20 f0 9f \| a4 \| 9a/);
  assert.equal(new Map(describe(PARTS, 0)).get("characters"), "none: the tokenizer added it");
  assert.equal(new Map(describe(PARTS, 4)).get("holds"), undefined);
  const flagged = rowOf("abc", letters("abc").map((token, i) => ({ ...token, flags: [0, 4, 5][i] })));
  const said = [0, 1, 2].map((i) => new Map(describe(flagged, i)).get("special"));
  assert.deepEqual(said, [undefined, "no, but always read as one token", "yes"]);
});

test("an id's colour is the top three bits of its product", () => {
  // (id + 1) * 2654435761 modulo 2^32, written by Python's whole numbers.
  const known = [[0, 4], [1, 1], [2, 6], [100, 3], [9468, 1], [128000, 7], [262143, 7]];
  assert.deepEqual(known.map(([id]) => colourOfId(id)), known.map(([, colour]) => colour));
});

test("neighbouring ids have different colours, and all colours are used alike", () => {
  const counts = new Array(8).fill(0);
  for (let id = 0; id < 8000; id++) {
    assert.notEqual(colourOfId(id), colourOfId(id + 1));
    counts[colourOfId(id)] += 1;
  }
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 20, String(counts));
});

test("a token of more bytes is darker", () => {
  const bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 400];
  assert.deepEqual(bytes.map(shadeOfLength), [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
});

test("colours by position, id, length, role and share", () => {
  const plain = rowOf("aab", [
    { id: 5, bytes: [97], start: 0, end: 1 },
    { id: 5, bytes: [97, 97], start: 1, end: 2 },
    { id: 6, bytes: [98, 98, 98], start: 2, end: 3 },
  ]);
  const names = (/** @type {(i: number) => string} */ name) => [0, 1, 2].map(name);
  assert.deepEqual(names(colouring(plain, "position")), ["tint1", "tint2", "tint1"]);
  assert.deepEqual(names(colouring(plain, "length")), ["l0", "l1", "l2"]);
  const [first, second, third] = names(colouring(plain, "id"));
  assert.equal(second, `${first} alike`);
  assert.doesNotMatch(third, /alike/);
  const roles = rowOf("aab", letters("aab"), { classes: [0, 2, 5] });
  assert.deepEqual(names(colouring(roles, "id")), ["role none even", "role user odd", "role special even"]);
  const shares = rowOf("aab", letters("aab"), { fill: [0, 254, 255] });
  assert.deepEqual(names(colouring(shares, "id")), ["fill", "fill", "plain"]);
});

/** @param {string} text */
function checkedStarts(text) {
  const row = rowOf(text, letters(text));
  const starts = blockStarts(row);
  assert.equal(starts[0], 0);
  assert.equal(starts.at(-1), text.length);
  for (let i = 1; i < starts.length; i++) assert.ok(starts[i] > starts[i - 1] || text === "");
  return starts;
}

test("a block ends where a line ends, and only a very long line is cut", () => {
  const lines = checkedStarts(`${"x".repeat(99)}\n`.repeat(50));
  assert.ok(lines.length > 5);
  assert.deepEqual(lines.map((start) => start % 100), lines.map(() => 0));
  assert.deepEqual(checkedStarts("x".repeat(4500)), [0, 2000, 4000, 4500]);
  assert.deepEqual(checkedStarts("x".repeat(1999)), [0, 1999]);
  assert.deepEqual(checkedStarts(""), [0]);
});

test("tokens that share a character stay in one block", () => {
  // Runs of three from the start: 2,000 is not a multiple of three.
  const tokens = Array.from({ length: 3000 }, (_, i) => ({ bytes: [i & 255], start: Math.floor(i / 3), end: Math.floor(i / 3) + 1 }));
  const starts = blockStarts(rowOf("x".repeat(1000), tokens));
  assert.deepEqual(starts.map((start) => start % 3), [0, 0, 0]);
});

test("every token is in the block that holds it", () => {
  const starts = [0, 3, 4, 9];
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => blockAt(starts, i)), [0, 0, 0, 1, 2, 2, 2, 2, 2]);
  assert.equal(blockAt([0, 5], 4), 0);
});
