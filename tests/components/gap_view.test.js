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

test("of too many parts the pale ones go first", () => {
  const value = { kind: /** @type {const} */ ("tokens"), name: "", lit: 6, parts: /** @type {[string, string][]} */ (Array.from("abcdefgh", (one) => [one, ""])) };
  assert.deepEqual(shownParts(value, 8), { from: 0, parts: value.parts, rest: 0 });
  assert.deepEqual(shownParts(value, 4), { from: 4, parts: value.parts.slice(4), rest: 0 });
  assert.deepEqual(shownParts({ ...value, lit: 2 }, 4), { from: 2, parts: value.parts.slice(2, 6), rest: 2 });
});
