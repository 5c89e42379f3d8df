// Texts from one prompt, row under row: the name and its numbers, and the tokens as boxes as on Generate.

import { explained, make } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";
import { endsLine, groupNode } from "../stream_view/boxes.js";
import { Reply } from "../stream_view/tokens.js";

/** @import { Token } from "../stream_view/tokens.js" */

/**
 * What `strategy_rows` in strategy_rows/__init__.py sends.
 * @typedef {object} StrategyRow
 * @property {string} name
 * @property {string} says what the glossary says of it; "" for nothing
 * @property {string[]} facts
 * @property {Token[]} tokens
 * @property {number} same tokens at the beginning that are the base's
 * @property {string} badge
 * @property {string} note
 * @property {boolean} writing
 */
/** @typedef {{ rows: StrategyRow[], base: string }} Rows */

/** @param {StrategyRow} row @param {string} base */
function rowNode(row, base) {
  const node = make("section", "strategy");
  const head = make("div", "head");
  const name = make("h3", "name");
  name.append(explained(make("span", "", row.name), row.says));
  if (row.badge) name.append(make("span", "badge", row.badge));
  const facts = make("ul", "facts");
  facts.append(...row.facts.map((fact) => make("li", "", fact)));
  head.append(name, facts);
  const body = make("div", `flow${row.writing ? " writing" : ""}`);
  const reply = new Reply();
  reply.take(row.tokens);
  for (const group of reply.groups) {
    const box = groupNode(group);
    if (base && group.from + group.tokens.length <= row.same) box.classList.add("same");
    body.append(box);
    if (endsLine(group)) body.append(make("br"));
  }
  node.append(head, body);
  if (row.note) body.append(make("p", "note", row.note));
  return node;
}

/** @param {Rows} data */
function parts({ rows, base }) {
  const nodes = rows.map((row) => rowNode(row, base));
  const known = base && rows.some((row) => row.same > 0);
  const key = "Number: the model’s own probability of the token. Stronger shade: less probable.";
  return [...nodes, make("p", "key", known ? `${key} Pale: the same as ${base} up to there.` : key)];
}

export default drawn(() => make("div", "drawing stream strategies"), parts);
