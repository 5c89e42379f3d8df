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
import { Pinned } from "../token_pin/pinned.js";
import { unpack } from "./rows.js";
import { nameToken } from "./describe.js";
import { Teller } from "./teller.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Block, Painter } from "./blocks.js" */
/** @import { Lit } from "../token_pin/pinned.js" */
/** @import { Payload, Row, Spot } from "./rows.js" */


class TokenView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "view");
    this.scroller = make("div", "rows");
    this.root.append(this.scroller);
    this.teller = new Teller(this.root);
    this.pointer = new Pointer();
    /** @type {Lit[]} */
    this.lit = [];
    /** @type {Row[]} */
    this.rows = [];
    this.pinned = new Pinned(this);
    this.version = "";
    this.selectable = false;
    /** @type {Blocks | undefined} */
    this.blocks = undefined;
    /** @type {HTMLElement | undefined} */
    this.exporter = undefined;
    /** @type {Component<Uint8Array>["setStateValue"]} */
    this.setStateValue = () => {};
    this.clicks = 0; // a second click on a token whose card was closed is another one
    /** @type {HTMLElement[]} */
    this.heads = [];
    // Under a resting pointer other tokens pass by while the page scrolls.
    this.onScroll = () => {
      if (!this.focused()) this.dark();
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
      if (found) this.light(found.row, found.i);
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
    this.pinned.destroy();
    this.teller.destroy();
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
    this.scroller.classList.toggle("bounded", payload.height !== null);
    this.scroller.style.maxHeight = payload.height ? `${payload.height / 16}rem` : "";
    this.blocks?.destroy();
    const flows = this.rows.map((row, number) => this.flowsOf(row, number, payload));
    const sections = this.rows.map((row, number) => this.drawRow(row, flows[number], payload));
    this.blocks = new Blocks(this, flows.flat());
    this.scroller.replaceChildren(...drawLegend(this.rows, payload.colourBy), ...sections);
    this.exporter?.remove();
    this.exporter = payload.export ? drawExporter(this, payload.export) : undefined;
    if (this.exporter) this.root.append(this.exporter);
    this.root.dataset.version = version; // what tests wait for
    this.pinned.ask(payload.key);
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
    const [head, bar] = drawHeading(row, payload.mostTokens);
    this.heads[flow.row] = head;
    section.append(head, bar, ...lists.map((list) => list.painter.flow));
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
   */
  light(number, i) {
    this.dark();
    const row = this.rows[number];
    for (const [which, other] of this.rows.entries()) {
      const same = other.covering(row.starts[i], row.ends[i]);
      for (const k of same) this.lit.push([which, k, "same"]);
      if (which !== number && same.length) this.teller.tell(other, same, this.heads[which]);
    }
    this.lit.push([number, i, "here"]);
    for (const mark of this.lit) this.each(mark, (node, name) => node.classList.add(name));
    this.teller.show(row, i, this.heads[number]);
  }

  dark() {
    for (const mark of this.lit) this.each(mark, (node, name) => node.classList.remove(name));
    this.lit = [];
    this.teller.hide();
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
    const { mark: pinned } = this.pinned;
    if (pinned && here(pinned)) this.each(pinned, (node, name) => node.classList.add(name));
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
   * One token of a row is in the tab order, and has a name of its own.
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
    nameToken(row, i, node);
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
    const again = this.pinned.is(number, i);
    this.pinned.set(again ? null : [number, i, "pinned"]);
    this.clicks += 1;
    const place = again ? {} : { row: number, index: i };
    this.setStateValue("selected", { version: this.version, click: this.clicks, ...place });
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
        const { mark } = this.pinned;
        if (mark) this.select(mark[0], mark[1]);
        else {
          found.node.blur();
          this.dark();
        }
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
