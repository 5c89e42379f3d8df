// What the view and a screen reader say about a token.

import { counted } from "../kit/dom.js";
import { GROUP, ROLES } from "./rows.js";

/** @import { Row } from "./rows.js" */

/** @param {Row} row @param {number} i @returns {[term: string, value: string][]} */
export function describe(row, i) {
  const [start, end] = [row.starts[i], row.ends[i]];
  const hex = row.hex(i);
  /** @type {[term: string, value: string][]} */
  const facts = [];
  if (row.notes?.[i]) facts.push(["", row.notes[i]]);
  facts.push(["id", String(row.id(i))], ["piece", row.piece(i)]);
  const bytes = hex.length > 48 ? `${hex.slice(0, 48).join(" ")} \u2026` : hex.join(" ");
  facts.push(["bytes", hex.length > 4 ? `${bytes} (${hex.length})` : bytes]);
  facts.push(["characters", start === end ? (hex.length ? "none: the tokenizer added it" : "none: no token has this id") : places(start, end)]);
  if (row.partial(i)) facts.push(["holds", `part of ${start === end ? "a character" : wholeOf(row, i)}`]);
  if (row.special(i)) facts.push(["special", "yes"]);
  else if (row.added(i)) facts.push(["special", "no, but always read as one token"]);
  if (row.classes?.[i]) facts.push(["role", ROLES[row.classes[i]]]);
  facts.push(["place", `${(i + 1).toLocaleString("en")} of ${row.count.toLocaleString("en")}`]);
  return facts;
}

/**
 * What the tokens of another row are that cover the same characters, in one line.
 * @param {Row} row @param {number[]} tokens
 */
export function elsewhere(row, tokens) {
  const shown = tokens.slice(0, 12).map((i) => `${spelled(row, i)} ${row.id(i)}`);
  return `${counted(tokens.length, "token")} here: ${shown.join(" \u00b7 ")}${tokens.length > 12 ? " \u2026" : ""}`;
}

/** @param {Row} row @param {number} i */
function spelled(row, i) {
  if (row.partial(i)) return `\u27e8${row.hex(i).join(" ")}\u27e9`;
  return (row.text(i) || row.piece(i)).replaceAll(" ", "\u2423").replaceAll("\n", "\u23ce").replaceAll("\t", "\u21e5");
}

/**
 * A half-open pair that counts from 0, as a person counts: from 1, the last one included.
 * @param {number} start @param {number} end
 */
export function places(start, end) {
  return end === start + 1 ? String(end) : `${start + 1}\u2013${end}`;
}

/**
 * The character that token `i` is a part of, and all the bytes it takes.
 * @param {Row} row
 * @param {number} i
 */
function wholeOf(row, i) {
  const parts = row.covering(row.starts[i], row.ends[i]);
  const from = parts[0] ?? i;
  const to = Math.min(parts.at(-1) ?? i, from + GROUP - 1);
  const bytes = [];
  for (let k = from; k <= to; k++) bytes.push(row.hex(k).join(" "));
  const text = row.text(i).replaceAll("\ufffd", "").trim();
  return parts.length > 1 && text ? `${text}  =  ${bytes.join(" | ")}` : "a character";
}

/**
 * Makes an element the one of its row that Tab reaches, with a name of its own. Not all get one: 100,000 names at the
 * start would cost more than the drawing, and what a person reads through has its text as its name.
 * @param {Row} row @param {number} i @param {HTMLElement} node
 */
export function nameToken(row, i, node) {
  node.tabIndex = 0;
  node.setAttribute("aria-setsize", String(row.count));
  node.setAttribute("aria-posinset", String(i + 1));
  const said = describe(row, i).map(([term, value]) => `${term} ${value}`.trim()).join(", ");
  node.setAttribute("aria-label", `${row.text(i) || row.piece(i)}, ${said}`);
}
