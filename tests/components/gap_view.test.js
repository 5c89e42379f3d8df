import assert from "node:assert/strict";
import { test } from "node:test";
import { lines, path } from "../../ui/components/gap_view/layout.js";
import { shownParts } from "../../ui/components/level_view/parts.js";

/** @param {string} name */
const item = (name) => ({ name, share: 0.5, text: "50%", hover: "" });

test("every candidate of both columns has one line, which says where it leads", () => {
  const found = lines([item("the"), item("France"), item("Spain")], [item("France"), item("the"), item("Spain")]);
  assert.deepEqual(
    found.map(({ name, from, to, way }) => [name, from, to, way]),
    [
      ["the", 0, 1, "down"],
      ["France", 1, 0, "up"],
      ["Spain", 2, 2, "same"],
    ],
  );
  assert.deepEqual(lines([item("a")], [item("b")]), []);
});

test("a line begins and ends in the middle of its rows", () => {
  assert.equal(path({ from: 1, to: 0, way: "up", name: "" }), "M0 1.5 C45 1.5 55 0.5 100 0.5");
});

test("of many pale parts the last few are drawn, and of too many the first", () => {
  const value = { kind: /** @type {const} */ ("tokens"), name: "", lit: 6, special: [], parts: /** @type {[string, string][]} */ (Array.from("abcdefgh", (one) => [one, ""])) };
  assert.deepEqual(shownParts(value), { from: 1, parts: value.parts.slice(1), rest: 0 });
  assert.deepEqual(shownParts({ ...value, lit: 0 }), { from: 0, parts: value.parts, rest: 0 });
  assert.deepEqual(shownParts({ ...value, lit: 2 }, 4), { from: 0, parts: value.parts.slice(0, 4), rest: 4 });
});
