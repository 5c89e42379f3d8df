// Each part of the memory as its equation: in words, with this model's numbers, and the rule of thumb beside it.

import { explained, make } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";

/**
 * See `Worked` in memory_plan/__init__.py.
 * @typedef {object} Worked
 * @property {string} kind whose colour it has in the bars
 * @property {string} name
 * @property {string} says what the glossary says of it; "" for nothing
 * @property {string} symbols
 * @property {string} numbers
 * @property {string} result
 * @property {string} exact
 * @property {string} rule
 * @property {string} off
 * @property {string} note
 */

/** @param {Worked} worked */
function line({ kind, name, says, symbols, numbers, result, exact, rule, off, note }) {
  const node = make("div", "worked");
  const head = make("dt");
  head.append(make("i", `dot ${kind}`), explained(make("span", "", name), says), make("b", "", result));
  const sum = make("dd", "sum");
  sum.append(make("div", "symbols", `= ${symbols}`), make("div", "", `= ${numbers}`), make("div", "", `= ${exact}`));
  const thumb = make("dd", "rule");
  if (rule) thumb.append(make("span", "thumb", "Rule of thumb: "), make("span", "", rule), make("div", "off", off));
  if (note) thumb.append(make("div", "note", note));
  node.append(head, sum, thumb);
  return node;
}

export default drawn(
  () => make("dl", "drawing equations"),
  (/** @type {{ worked: Worked[] }} */ { worked }) => worked.map(line),
);
