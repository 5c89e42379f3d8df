// What a tooltip and a screen reader say about a token.

import { make } from "../kit/dom.js";
import { drawText } from "./characters.js";
import { GROUP } from "./paint.js";
import { ROLES } from "./rows.js";

/** @import { Row } from "./rows.js" */

/** @param {Row} row @param {number} i @returns {[term: string, value: string][]} */
export function describe(row, i) {
  const [start, end] = [row.starts[i], row.ends[i]];
  const hex = row.hex(i);
  /** @type {[term: string, value: string][]} */
  const facts = [["id", String(row.id(i))], ["piece", row.piece(i)]];
  const bytes = hex.length > 48 ? `${hex.slice(0, 48).join(" ")} \u2026` : hex.join(" ");
  facts.push(["bytes", hex.length > 4 ? `${bytes} (${hex.length})` : bytes]);
  facts.push(["characters", start === end ? (hex.length ? "none: the tokenizer added it" : "none: no token has this id") : places(start, end)]);
  if (row.partial(i)) facts.push(["holds", `part of ${start === end ? "a character" : wholeOf(row, i)}`]);
  const special = row.special(i) ? "yes" : "no";
  facts.push(["special", special === "no" && row.added(i) ? "no, but always read as one token" : special]);
  if (row.classes?.[i]) facts.push(["role", ROLES[row.classes[i]]]);
  if (row.notes?.[i]) facts.push(["", row.notes[i]]);
  facts.push(["place", `${(i + 1).toLocaleString("en")} of ${row.count.toLocaleString("en")}`]);
  return facts;
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

export class Tooltip {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.node = make("div", "tooltip");
    this.node.setAttribute("role", "tooltip");
    // In the top layer where the browser has one: no scrolling ancestor can cut it off.
    this.layered = typeof this.node.showPopover === "function";
    if (this.layered) this.node.popover = "manual";
    this.node.hidden = true;
    /** @type {Element | undefined} */
    this.anchor = undefined;
    host.append(this.node);
  }

  /** @param {Row} row @param {number} i @param {Element | undefined} anchor */
  show(row, i, anchor) {
    const headline = make("div", "headline");
    const shown = make("bdi");
    if (row.partial(i)) shown.textContent = row.hex(i).join(" ");
    else if (row.special(i) || row.empty(i)) shown.textContent = row.piece(i);
    else drawText(shown, row.text(i).replaceAll("\n", "\u23ce"), true);
    headline.append(shown);
    const list = make("dl");
    for (const [term, value] of describe(row, i)) {
      const detail = make("dd", term === "" ? "note" : "");
      detail.append(make("bdi", "", value));
      list.append(make("dt", "", term), detail);
    }
    this.node.replaceChildren(headline, list);
    this.node.hidden = false;
    if (this.layered && !this.node.matches(":popover-open")) this.node.showPopover();
    this.anchor = anchor;
    this.move();
  }

  // Beside the last line box of its token.
  move() {
    const { anchor } = this;
    if (!anchor) return;
    const rects = anchor.getClientRects();
    const box = rects[rects.length - 1] ?? anchor.getBoundingClientRect();
    const own = this.node.getBoundingClientRect();
    const left = Math.max(8, Math.min(box.left, innerWidth - own.width - 8));
    const below = box.bottom + 8;
    const top = below + own.height > innerHeight - 8 && box.top - own.height - 8 > 0 ? box.top - own.height - 8 : below;
    this.node.style.left = `${left}px`;
    this.node.style.top = `${top}px`;
  }

  follow() {
    if (!this.node.hidden) this.move();
  }

  hide() {
    if (this.node.hidden) return;
    if (this.layered && this.node.matches(":popover-open")) this.node.hidePopover();
    this.node.hidden = true;
  }
}
