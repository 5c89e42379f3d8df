// The boxes of tokens as elements. A box is made once; only a group that was open is touched again.

import { make } from "../kit/dom.js";
import { drawText, RTL } from "../token_view/characters.js";
import { isBytes, isSpecial, shortPercent } from "./tokens.js";

/** @import { Group, Token } from "./tokens.js" */

/**
 * The element of a group, made anew.
 * @param {Group} group
 */
export function groupNode(group) {
  const alone = group.tokens.length === 1 && !isBytes(group.tokens[0]);
  return alone ? tokenNode(group.tokens[0], group.from) : partsNode(group);
}

/** @param {Token} token @param {number} at */
function tokenNode(token, at) {
  const [, label, p] = token;
  const node = make("span", `t${isSpecial(token) ? " special" : ""}${RTL.test(label) ? " rtl" : ""}`);
  const text = make("span", "text");
  drawText(text, label, false);
  if (!label) text.append("\u2205");
  node.append(text, number(node, p, `token ${at + 1}: probability ${shortPercent(p)}`));
  return node;
}

/** The characters once, below them the parts as bytes. @param {Group} group */
function partsNode(group) {
  const node = make("span", `group${group.open ? " open" : ""}`);
  const whole = make("span", "text");
  const last = group.from + group.tokens.length;
  const places = group.tokens.length > 1 ? `tokens ${group.from + 1} to ${last}` : `token ${last}`;
  if (group.open) whole.append("\u2026");
  else drawText(whole, group.text, false);
  node.title = `${places}: ${said(group)}`;
  const parts = make("span", "parts");
  for (const [i, [, hex, p]] of group.tokens.entries()) {
    const part = make("span", "part");
    part.append(make("span", "hex", hex), number(part, p, `token ${group.from + i + 1}: probability ${shortPercent(p)}`));
    parts.append(part);
  }
  node.append(whole, parts);
  return node;
}

/** @param {Group} group */
function said({ open, broken, tokens, text }) {
  if (open) return "bytes of a character that is not whole yet";
  if (broken || text.includes("\ufffd")) return "bytes that form no character";
  return tokens.length > 1 ? "these bytes form the character together" : "bytes";
}

/**
 * The number under a box, whose shade it sets: stronger where the token was less probable.
 * @param {HTMLElement} node @param {number} p @param {string} title
 */
function number(node, p, title) {
  node.style.setProperty("--share", `${((1 - p) * 100).toFixed(1)}%`);
  node.title = title;
  const under = make("span", "p", shortPercent(p));
  under.setAttribute("aria-hidden", "true"); // between the words of a text that is read aloud it would only disturb
  return under;
}

/** Whether the line ends behind a group. @param {Group} group */
export const endsLine = (group) => group.text.endsWith("\n") && !isSpecial(group.tokens[0]);
