import assert from "node:assert/strict";
import test from "node:test";
import { bitsOf } from "../../ui/components/prompt_view/bits.js";
import { RTL, splitCharacters } from "../../ui/components/token_view/characters.js";

/** @param {string} text */
const plain = (text) => [{ kind: "text", text }];
/** @param {string} text */
const symbol = (text) => ({ kind: "symbol", text });

test("ink is one part", () => {
  for (const text of ["token", "\u{1f91a}", "naïve", "语言"]) assert.deepEqual(splitCharacters(text, true), plain(text));
  assert.deepEqual(splitCharacters("", true), []);
});

test("spaces are drawn as they are, or stay under signs", () => {
  assert.deepEqual(splitCharacters("a  b", false), [..."a"].flatMap(plain).concat(plain("  "), plain("b")));
  assert.deepEqual(splitCharacters("  b", true), [{ kind: "space", text: "  ", sign: "··" }, ...plain("b")]);
  assert.deepEqual(splitCharacters("\u00a0\u3000", true), [
    { kind: "space", text: "\u00a0", sign: "⍽" },
    { kind: "space", text: "\u3000", sign: "␣" },
  ]);
});

test("a tab's sign takes its place", () => {
  assert.deepEqual(splitCharacters("\t\tx", true), [{ kind: "mark", text: "→→" }, ...plain("x")]);
  assert.deepEqual(splitCharacters("\tx", false), [...plain("\t"), ...plain("x")]);
});

test("line ends are marked where asked for, and where there is nothing else", () => {
  assert.deepEqual(splitCharacters("a\n", false), [...plain("a"), ...plain("\n")]);
  assert.deepEqual(splitCharacters("a\n", true), [...plain("a"), { kind: "mark", text: "⏎" }, ...plain("\n")]);
  assert.deepEqual(splitCharacters("\n", false), [{ kind: "mark", text: "⏎" }, ...plain("\n")]);
});

test("what cannot be seen has a symbol", () => {
  assert.deepEqual(splitCharacters("a\0b", false), [...plain("a"), symbol("␀"), ...plain("b")]);
  assert.deepEqual(splitCharacters("\x1b\x7f", false), [symbol("␛"), symbol("␡")]);
  assert.deepEqual(splitCharacters("a\u202eb", false), [...plain("a"), symbol("U+202E"), ...plain("b")]);
  assert.deepEqual(splitCharacters("\r\n", false).map(({ kind }) => kind), ["symbol", "mark", "text"]);
});

test("a lone joiner or variation selector is named, beside ink it is drawn with it", () => {
  assert.deepEqual(splitCharacters("\u200d", false), [symbol("U+200D")]);
  assert.deepEqual(splitCharacters("\ufe0f\u200d", false), [symbol("U+FE0F"), symbol("U+200D")]);
  assert.deepEqual(splitCharacters("\u2764\ufe0f", false), plain("\u2764\ufe0f"));
});

test("a mark without its letter sits on a dotted circle", () => {
  assert.deepEqual(splitCharacters("\u0301a", false), plain("\u25cc\u0301a"));
  assert.deepEqual(splitCharacters("e\u0301", false), plain("e\u0301"));
});

test("letters that go from right to left are known", () => {
  for (const letter of ["א", "ع", "ܐ", "\u{1e900}"]) assert.match(letter, RTL);
  for (const letter of ["a", "я", "न", "语", "\u{1f91a}"]) assert.doesNotMatch(letter, RTL);
});

test("a prompt's line ends and tabs have a sign before them, and nothing is lost", () => {
  const text = "a\n\n\tb\r\nc";
  const bits = bitsOf(text);
  assert.equal(bits.map((bit) => bit.text).join(""), text);
  assert.deepEqual(bits.map(({ sign }) => sign ?? "-").join(""), "-⏎⏎⇥-␍⏎-");
  assert.deepEqual(bitsOf(""), []);
});
