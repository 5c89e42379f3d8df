import assert from "node:assert/strict";
import test from "node:test";
import {
  moved,
  nextRole,
  withCall,
  withoutCall,
  withoutTurn,
  withRole,
  withTurn,
} from "../../ui/components/prompt_view/turns.js";

/** @import { Turn } from "../../ui/components/prompt_view/turns.js" */

/** @param {string} role @param {number} at @returns {Turn} */
const turn = (role, at) => ({
  at,
  role,
  fields: [{ name: "content", label: "Text", text: `${role} says` }],
  calls: [],
  more: "",
});
const TALK = Object.freeze([turn("system", 0), turn("user", 1), turn("assistant", 2)]);
const talk = () => [...TALK];
/** @param {Turn[]} turns */
const order = (turns) => turns.map(({ at }) => at);

test("turns are moved, and stay where there is no place to go", () => {
  assert.deepEqual(order(moved(talk(), 0, 2)), [1, 2, 0]);
  assert.deepEqual(order(moved(talk(), 2, 1)), [0, 2, 1]);
  const turns = talk();
  assert.equal(moved(turns, 0, -1), turns);
  assert.equal(moved(turns, 2, 3), turns);
});

test("a new turn is whose turn it is, and the system's comes first", () => {
  assert.equal(nextRole(talk(), 1), "assistant");
  assert.equal(nextRole(talk(), 2), "user");
  assert.equal(nextRole([], -1), "user");
  assert.deepEqual(withTurn(talk(), 1).map(({ role }) => role), ["system", "user", "assistant", "assistant"]);
  const system = withTurn([turn("user", 0)], -1)[0];
  assert.deepEqual([system.role, system.at, system.fields[0].text], ["system", null, ""]);
});

test("what is taken away is gone, and the rest as it was", () => {
  assert.deepEqual(withoutTurn(talk(), 1), [TALK[0], TALK[2]]);
  const calling = withCall(withCall(talk(), 2), 2);
  assert.equal(calling[2].calls.length, 2);
  assert.deepEqual(withoutCall(withoutCall(calling, 2, 0), 2, 0), talk());
  assert.deepEqual(talk(), TALK);
});

test("an answer of a tool has a field for the tool's name, once", () => {
  const twice = withRole(withRole(talk(), 1, "tool"), 1, "tool");
  assert.deepEqual(twice[1].fields.map(({ name }) => name), ["content", "name"]);
  assert.equal(twice[1].role, "tool");
});
