// The view: rows, pointer, keyboard, and the way back to Python.

import { activeIn, clamp, make, Pointer, used } from "../kit/dom.js";
import { versionOf } from "../kit/bytes.js";
import { mounted } from "../kit/mount.js";
import { BlockList, Blocks } from "./blocks.js";
import { RTL } from "./characters.js";
import { IdPainter } from "./ids.js";
import { drawHeading, drawLegend } from "./legend.js";
import { RowPainter } from "./paint.js";
import { drawExporter } from "./picture.js";
import { unpack } from "./rows.js";
import { describe, Tooltip } from "./tooltip.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Block, Painter } from "./blocks.js" */
/** @import { Payload, Row, Spot } from "./rows.js" */

/** @typedef {[row: number, i: number, name: string]} Lit a token and the class that marks it */

class TokenView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "view");
    this.scroller = make("div", "rows");
    this.root.append(this.scroller);
    this.tooltip = new Tooltip(this.root);
    this.pointer = new Pointer();
    /** @type {Lit[]} */
    this.lit = [];
    /** @type {Lit | null} */
    this.pinned = null;
    /** @type {Row[]} */
    this.rows = [];
    this.version = "";
    this.selectable = false;
    /** @type {Blocks | undefined} */
    this.blocks = undefined;
    /** @type {HTMLElement | undefined} */
    this.exporter = undefined;
    /** @type {Component<Uint8Array>["setStateValue"]} */
    this.setStateValue = () => {};
    // Going on by keyboard scrolls: the tooltip follows its token. Under a resting pointer others pass by.
    this.onScroll = () => {
      if (this.focused()) this.tooltip.follow();
      else this.tooltip.hide();
    };
    this.listen();
    parent.append(this.root);
  }

  listen() {
    /** @type {HTMLElement["addEventListener"]} */
    const on = (/** @type {string} */ name, /** @type {EventListener} */ handler) => this.root.addEventListener(name, handler);
    on("pointerover", (event) => {
      if (this.pointer.rests(event)) return;
      const found = this.find(event.target);
      if (found) this.light(found.row, found.i, found.node);
      else if (!this.focused()) this.dark();
    });
    on("pointerleave", () => this.relight());
    on("focusin", (event) => {
      const found = this.find(event.target);
      if (found) this.light(found.row, found.i);
    });
    on("focusout", () => this.dark());
    on("click", (event) => {
      const found = this.find(event.target);
      if (!found) return;
      this.focus(found.row, found.i);
      this.select(found.row, found.i);
    });
    on("keydown", (event) => this.key(event));
    addEventListener("scroll", this.onScroll, { capture: true, passive: true });
  }

  destroy() {
    removeEventListener("scroll", this.onScroll, { capture: true });
    this.blocks?.destroy();
    this.root.remove();
  }

  /**
   * @param {Uint8Array} data see token_view/payload.py
   * @param {Component<Uint8Array>} component
   */
  update(data, { setStateValue }) {
    this.setStateValue = setStateValue;
    const version = versionOf(data);
    if (version === this.version) return; // the same content: hover, focus and scroll stay
    this.version = version;
    this.dark();
    const payload = unpack(data);
    this.selectable = payload.selectable;
    this.rows = payload.rows;
    this.root.classList.toggle("selectable", payload.selectable);
    this.scroller.style.maxHeight = payload.height ? `${payload.height}px` : "";
    this.pinned = null;
    this.blocks?.destroy();
    const flows = this.rows.map((row, number) => this.flowsOf(row, number, payload));
    const sections = this.rows.map((row, number) => this.drawRow(row, flows[number], payload));
    this.blocks = new Blocks(this, flows.flat());
    this.scroller.replaceChildren(...drawLegend(this.rows, payload.colourBy), ...sections);
    this.exporter?.remove();
    this.exporter = payload.export ? drawExporter(this, payload.export) : undefined;
    if (this.exporter) this.root.append(this.exporter);
    this.root.dataset.version = version; // what tests wait for
  }

  /** @param {Row} row @param {number} number @param {Payload} payload */
  flowsOf(row, number, payload) {
    /** @type {Painter[]} */
    const painters = payload.show === "ids" ? [] : [new RowPainter(row, payload)];
    if (payload.show !== "text") painters.push(new IdPainter(row, payload));
    for (const painter of painters) painter.flow.row = number;
    row.lists = painters.map((painter) => new BlockList(painter));
    return row.lists;
  }

  /** @param {Row} row @param {BlockList[]} lists @param {Payload} payload */
  drawRow(row, lists, payload) {
    const section = make("section", "row");
    const [{ flow }] = lists.map((list) => list.painter);
    flow.setAttribute("role", "list");
    flow.setAttribute("aria-label", `${row.name}, ${row.facts}. Arrow keys go from token to token.`);
    if (row.length === 0) flow.append(make("span", "nothing", "no tokens"));
    section.append(...drawHeading(row, payload.mostTokens), ...lists.map((list) => list.painter.flow));
    return section;
  }

  /**
   * The token under an event: itself, or the first part where the whole character of a group was met.
   * @param {EventTarget | null} target
   */
  find(target) {
    if (!(target instanceof Element)) return null;
    const node = /** @type {Spot | null} */ (target.closest(".t, .n") ?? target.closest(".group")?.querySelector(".t") ?? null);
    const flow = /** @type {Painter["flow"] | undefined | null} */ (node?.closest(".flow, .below"));
    return node && flow ? { row: flow.row, i: node.place, node } : null;
  }

  focused() { return this.find(activeIn(this.root)); }

  /**
   * @param {number} number of the row
   * @param {number} i
   * @param {Spot} [at] where the pointer is: on the token, or on its id
   */
  light(number, i, at) {
    this.dark();
    const row = this.rows[number];
    for (const [which, other] of this.rows.entries()) {
      for (const k of other.covering(row.starts[i], row.ends[i])) this.lit.push([which, k, "same"]);
    }
    this.lit.push([number, i, "here"]);
    for (const mark of this.lit) this.each(mark, (node, name) => node.classList.add(name));
    this.tooltip.show(row, i, at ?? row.elements[i] ?? row.numbers[i]);
  }

  dark() {
    for (const mark of this.lit) this.each(mark, (node, name) => node.classList.remove(name));
    this.lit = [];
    this.tooltip.hide();
  }

  /**
   * The elements of a marked token, as far as they are drawn.
   * @param {Lit} mark
   * @param {(node: Spot, name: string) => void} change
   */
  each([number, i, name], change) {
    const row = this.rows[number];
    for (const node of [row.elements[i], row.numbers[i]]) if (node) change(node, name);
  }

  /**
   * Puts marks on a block that is drawn after they were set.
   * @param {Block} block
   */
  mark(block) {
    const here = (/** @type {Lit} */ [number, i]) => this.rows[number].lists.includes(block.list) && block.list.holds(block, i);
    for (const mark of this.lit) if (here(mark)) this.each(mark, (node, name) => node.classList.add(name));
    if (this.pinned && here(this.pinned)) this.each(this.pinned, (node, name) => node.classList.add(name));
  }

  /**
   * Whether a block must stay drawn: the keyboard stands in it, or Tab leads to it.
   * @param {Block} block
   */
  needs(block) {
    return this.rows.some((row) => row.lists[0] === block.list && block.list.holds(block, row.stop));
  }

  relight() {
    const found = this.focused();
    if (found) this.light(found.row, found.i);
    else this.dark();
  }

  /**
   * One token of a row is in the tab order. Labels are written when a token gets the focus: 100,000 of
   * them at the start would cost more than the drawing.
   * @param {number} number of the row
   * @param {number} i
   */
  focus(number, i) {
    const row = this.rows[number];
    const [list] = row.lists;
    row.elements[row.stop]?.removeAttribute("tabindex");
    this.blocks?.fill(list.at(i)); // End leads to what was never drawn
    row.stop = i;
    const node = row.elements[i];
    if (!node) return;
    node.tabIndex = 0;
    node.setAttribute("role", "listitem");
    node.setAttribute("aria-setsize", String(row.length));
    node.setAttribute("aria-posinset", String(i + 1));
    const label = describe(row, i).map(([term, value]) => `${term} ${value}`.trim()).join(", ");
    node.setAttribute("aria-label", `${row.text(i) || row.piece(i)}, ${label}`);
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.light(number, i);
  }

  /**
   * @param {number} number of the row
   * @param {number} i
   */
  select(number, i) {
    if (!this.selectable) return;
    const again = this.pinned?.[0] === number && this.pinned[1] === i;
    if (this.pinned) this.each(this.pinned, (node, name) => node.classList.remove(name));
    this.pinned = again ? null : [number, i, "pinned"];
    if (this.pinned) this.each(this.pinned, (node, name) => node.classList.add(name));
    this.setStateValue("selected", again ? null : { version: this.version, row: number, index: i });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const found = this.find(event.target);
    if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
    const { row: number, i } = found;
    const row = this.rows[number];
    const ahead = RTL.test(row.text(i)) ? -1 : 1; // the arrow points where the text goes
    const go = (/** @type {number} */ place) => this.focus(number, clamp(place, 0, row.length - 1));
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowRight: () => go(i + ahead),
      ArrowLeft: () => go(i - ahead),
      ArrowDown: () => this.toRow(number, i, 1),
      ArrowUp: () => this.toRow(number, i, -1),
      Home: () => go(0),
      End: () => go(row.length - 1),
      Enter: () => this.select(number, i),
      " ": () => this.select(number, i),
      Escape: () => {
        found.node.blur();
        this.dark();
      },
    };
    const action = actions[event.key];
    if (!action) return;
    used(event);
    action();
  }

  /**
   * Up and down stay at the same characters.
   * @param {number} number of the row
   * @param {number} i
   * @param {1 | -1} step
   */
  toRow(number, i, step) {
    const row = this.rows[number];
    for (let next = number + step; next >= 0 && next < this.rows.length; next += step) {
      const other = this.rows[next];
      if (other.length === 0) continue;
      const same = other.covering(row.starts[i], row.ends[i]);
      this.focus(next, same[0] ?? Math.min(i, other.length - 1));
      return;
    }
  }
}

export default mounted(TokenView);
