import assert from "node:assert/strict";
import test from "node:test";
import { ancestry, COLUMN, corner, edge, fitting, HEAD, size, textTo, thickness } from "../../ui/components/beam_tree/layout.js";

/** @import { Candidate } from "../../ui/components/beam_tree/layout.js" */

/** Two beams: "a" goes on with "c", "b" with "d". @type {Candidate[][]} */
const columns = [
  [["a", 0.6, -0.7, 0, -1], ["b", 0.3, -1.7, 0, -1], ["x", 0.1, -3.3, 2, -1]],
  [["c", 0.5, -1.7, 0, 0], ["d", 0.9, -1.9, 1, 1], ["e", 0.1, -4, 2, 0]],
];

test("a text is followed back to the prompt", () => {
  assert.deepEqual(ancestry(columns, 1, 1), [1, 1]);
  assert.deepEqual(ancestry(columns, 1, 2), [0, 2]);
  assert.equal(textTo(columns, 1, 1), "bd");
  assert.equal(textTo(columns, -1, -1), "");
});

test("a step is a column, a candidate a row, and a line leads from one to the next", () => {
  assert.equal(corner(2, 0, 1).x - corner(1, 0, 1).x, COLUMN);
  assert.ok(corner(0, 0, 2).y >= 2 * HEAD);
  const { width, height } = size(columns, 1);
  assert.ok(width > corner(1, 0, 1).x && height > corner(0, 2, 1).y);
  const [, from, to] = /^M(\S+) .* (\S+) \S+$/.exec(edge(1, 0, 2, 1)) ?? [];
  assert.ok(Number(from) > corner(0, 0, 1).x);
  assert.equal(Number(to), corner(1, 2, 1).x);
});

test("a more probable token has a thicker line, and a long label an ellipsis", () => {
  assert.ok(thickness(0.9, 1) > thickness(0.1, 1));
  assert.equal(fitting("123456789"), "123456789");
  assert.equal(fitting("1234567890"), "12345678\u2026");
});
