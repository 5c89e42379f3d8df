// A pipeline as one box at the left; beside each of its steps the line of code and the values of a person's own way.

import { counted, make } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";
import { shownParts } from "./parts.js";

/** @import { Value } from "./parts.js" */

const MANY = 30;

/** @typedef {{ title: string, where: string, source: string, same: string, differs: boolean, code: string, values: Value[] }} Level */

/**
 * What `level_view` in level_view/__init__.py sends.
 * @typedef {object} LevelData
 * @property {Level[]} levels
 * @property {string} call
 * @property {string} prepared
 * @property {string} label
 */

/** @param {Value} value */
function drawnValue(value) {
  const node = make("div", `value ${value.kind}`);
  node.append(make("div", "facts", value.name));
  const { from, parts, rest } = shownParts(value);
  const body = make("div", "body");
  body.setAttribute("role", "list");
  body.setAttribute("aria-label", value.name);
  if (parts.length > MANY) body.tabIndex = 0; // what scrolls can be scrolled with the keyboard
  if (from) body.append(more(`${counted(from, "token")} before`));
  for (const [i, [text, other]] of parts.entries()) body.append(part(value, text, other, from + i));
  if (rest) body.append(more(`and ${rest} more`));
  node.append(body);
  return node;
}

/** @param {string} text */
function more(text) {
  const node = make("span", "more", text);
  node.setAttribute("role", "listitem");
  return node;
}

/** @param {Value} value @param {string} text @param {string} other @param {number} at */
function part({ kind, lit, special }, text, other, at) {
  const node = make("span", `part${at < lit ? " pale" : ""}${special.includes(at) ? " special" : ""}`);
  node.setAttribute("role", "listitem");
  if (kind === "tokens") node.append(make("span", "token", text), make("span", "id", other));
  else if (kind === "messages") node.append(make("span", "role", text), make("span", "content", other));
  else {
    node.textContent = text;
    if (other) node.classList.add(other);
  }
  return node;
}

/** @param {Level} level @param {number} i */
function row({ title, where, source, same, differs, code, values }, i) {
  const node = make("li", "level");
  const left = make("div", "pipe");
  left.append(make("span", "title", `${i + 1} ${title}`));
  if (source) left.append(make("code", "source", source), make("span", "where", where));
  if (same) left.append(make("span", differs ? "same differs" : "same", `${differs ? "\u2260" : "\u2713"} ${same}`));
  const right = make("div", "hand");
  right.append(make("code", "line", code), ...values.map(drawnValue));
  node.append(left, right);
  return node;
}

/** @param {LevelData} data @param {HTMLElement} root */
function parts({ levels, call, prepared, label }, root) {
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", label);
  const heads = make("div", "heads");
  const one = make("div", "pipe head");
  one.append(make("span", "title", "One line: the pipeline"), make("code", "source", call));
  const two = make("div", "hand head");
  two.append(make("span", "title", "The same by hand: tokenizer and model"), make("code", "line", prepared));
  heads.append(one, two);
  const list = make("ol", "levels");
  list.append(...levels.map(row));
  return [heads, list];
}

export default drawn(() => make("div", "drawing two"), parts);
