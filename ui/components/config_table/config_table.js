// Settings as a table: on a narrow screen each row becomes a block, with nothing left out.

import { make } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";
import { ordered } from "./rows.js";

/** @import { Row } from "./rows.js" */

/**
 * What `config_table` in config_table/__init__.py sends.
 * @typedef {object} ConfigData
 * @property {Row[]} rows
 * @property {string[]} warnings
 * @property {string} label
 */

/** @param {ConfigData} data */
function table({ rows, label }) {
  const node = make("table");
  node.append(make("caption", "unseen", label));
  const head = make("tr");
  for (const title of ["Setting", "Value", "What it does here"]) {
    const cell = make("th", "", title);
    cell.scope = "col";
    head.append(cell);
  }
  const thead = make("thead");
  thead.append(head);
  const body = make("tbody");
  for (const { name, value, said, does, kind } of ordered(rows)) {
    const line = make("tr", kind);
    const first = make("th", "name");
    first.scope = "row";
    // A long name may break after an underscore, and nowhere else.
    for (const part of name.split(/(?<=_)/)) first.append(part, make("wbr"));
    const second = make("td", "value");
    second.append(make("code", "", value), make("span", "said", said));
    line.append(first, second, make("td", "does", does));
    body.append(line);
  }
  node.append(thead, body);
  return node;
}

/** @param {ConfigData} data @returns {Node[]} */
function parts(data) {
  const list = make("ul", "warnings");
  for (const sentence of data.warnings) list.append(make("li", "", sentence));
  return [...(data.warnings.length ? [list] : []), ...(data.rows.length ? [table(data)] : [])];
}

export default drawn(() => make("div", "drawing config"), parts);
