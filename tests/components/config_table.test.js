import assert from "node:assert/strict";
import { test } from "node:test";
import { ordered } from "../../ui/components/config_table/rows.js";

test("rows that surprise stand first, rows that change nothing last, else as they came", () => {
  /** @param {string} name @param {"odd" | "acts" | "idle"} kind */
  const row = (name, kind) => ({ name, kind, value: "", said: "", does: "" });
  const rows = [row("a", "idle"), row("b", "acts"), row("c", "odd"), row("d", "acts"), row("e", "odd")];
  assert.deepEqual(ordered(rows).map(({ name }) => name), ["c", "e", "b", "d", "a"]);
});
