// What a browser remembers of its classes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { merged, secretIn } from "../../ui/components/class_keeper/memory.js";

const SECRET = "a".repeat(43);
const DAY = 24 * 3600 * 1000;

test("the secret is read from the part after # alone, and only where it has its form", () => {
  assert.equal(secretIn(`#teacher=${SECRET}`), SECRET);
  for (const other of ["", "#top", "#teacher=short", `#teacher=${SECRET}&x=1`, `?teacher=${SECRET}`]) assert.equal(secretIn(other), null);
});

test("one browser stays one student, whatever another tab joins as", () => {
  const first = merged({}, "BCDFGH", { student: "first", teacher: null }, 1);
  assert.deepEqual(merged(first, "BCDFGH", { student: "second", teacher: null }, 2), first);
  assert.equal(merged(first, "BCDFGH", { student: null, teacher: SECRET }, 3).BCDFGH?.teacher, SECRET);
});

test("nothing is remembered of a class that is only looked at, and old ones are forgotten", () => {
  assert.deepEqual(merged({}, "BCDFGH", { student: null, teacher: null }, 1), {});
  const memory = merged({}, "BCDFGH", { student: "me", teacher: null }, 1);
  assert.deepEqual(Object.keys(merged(memory, "JKLMNP", { student: "me", teacher: null }, 11 * DAY)), ["JKLMNP"]);
});
