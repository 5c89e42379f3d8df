// A list that a person orders: drag a row, press its arrows, or hold Alt and press an arrow key.

import { activeIn, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { moved, placeAt } from "./order.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * See `Ordered` in order_list/__init__.py.
 * @typedef {{ name: string, label: string, note: string, strong: boolean }} Row
 */

/** @typedef {{ rows: Row[], label: string }} Data */

class OrderList {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("ol", "drawing order");
    this.said = make("p", "unseen");
    this.said.setAttribute("aria-live", "polite");
    parent.append(this.root, this.said);
    /** @type {Row[]} */
    this.rows = [];
    this.json = "";
    /** @type {(order: string[]) => void} */
    this.send = () => {};
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.send = (order) => component.setTriggerValue("moved", order);
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    this.rows = data.rows;
    this.root.setAttribute("aria-label", data.label);
    this.draw();
  }

  draw() {
    const at = /** @type {HTMLElement | null} */ (activeIn(this.root));
    const focus = at?.dataset.focus;
    this.root.replaceChildren(...this.rows.map((row, i) => this.item(row, i)));
    const again = [...this.root.querySelectorAll("[data-focus]")].find((node) => node instanceof HTMLElement && node.dataset.focus === focus);
    if (focus && again instanceof HTMLElement) again.focus();
  }

  /** @param {Row} row @param {number} i */
  item(row, i) {
    const item = make("li", row.strong ? "row strong" : "row");
    item.tabIndex = 0;
    item.dataset.focus = `${row.name} row`;
    item.setAttribute("aria-label", `${i + 1}: ${row.label} ${row.note}. Alt and an arrow key move it.`);
    item.append(make("span", "grip", "\u2807"), make("span", "place", `${i + 1}`), make("span", "name", row.label));
    item.append(make("span", "note", row.note));
    for (const [step, sign, word] of /** @type {const} */ ([[-1, "\u2191", "earlier"], [1, "\u2193", "later"]])) {
      const arrow = make("button", "arrow", sign);
      arrow.type = "button";
      arrow.dataset.focus = `${row.name} ${word}`;
      arrow.setAttribute("aria-label", `Apply ${row.label} ${word}`);
      arrow.disabled = i + step < 0 || i + step >= this.rows.length;
      arrow.addEventListener("click", () => this.move(i, i + step));
      item.append(arrow);
    }
    item.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      used(event);
      if (event.altKey) this.move(i, i + step);
      else if (this.root.children[i + step] instanceof HTMLElement) this.rowAt(i + step).focus();
    });
    this.drag(item, i);
    return item;
  }

  /** @param {number} i */
  rowAt(i) {
    return /** @type {HTMLElement} */ (this.root.children[i]);
  }

  /** @param {number} from @param {number} to */
  move(from, to) {
    const rows = moved(this.rows, from, to);
    if (rows === this.rows) return;
    this.rows = rows;
    this.draw();
    this.said.textContent = `${rows[to].label} is now ${to + 1} of ${rows.length}`;
    this.send(rows.map((row) => row.name));
  }

  /** @param {HTMLElement} item @param {number} from */
  drag(item, from) {
    item.addEventListener("pointerdown", (event) => {
      const at = event.target;
      if (event.button !== 0 || (at instanceof Element && at.closest("button"))) return;
      if (event.pointerType === "touch" && !(at instanceof Element && at.closest(".grip"))) return; // it scrolls
      const middles = this.rows.map((_, i) => this.rowAt(i).offsetTop + this.rowAt(i).offsetHeight / 2);
      const start = event.clientY;
      let to = from;
      item.setPointerCapture(event.pointerId);
      item.classList.add("dragged");
      const follow = (/** @type {PointerEvent} */ now) => {
        const by = now.clientY - start;
        to = placeAt(middles, middles[from] + by, from);
        item.style.transform = `translateY(${by}px)`;
        for (const [i, other] of [...this.root.children].entries()) {
          if (!(other instanceof HTMLElement) || i === from) continue;
          const makesRoom = (i > from && i <= to) || (i < from && i >= to);
          other.style.transform = makesRoom ? `translateY(${(i > from ? -1 : 1) * item.offsetHeight}px)` : "";
        }
      };
      const drop = (/** @type {PointerEvent} */ now) => {
        item.removeEventListener("pointermove", follow);
        item.classList.remove("dragged");
        for (const other of this.root.children) if (other instanceof HTMLElement) other.style.transform = "";
        if (now.type === "pointerup") this.move(from, to);
      };
      item.addEventListener("pointermove", follow);
      item.addEventListener("pointerup", drop, { once: true });
      item.addEventListener("pointercancel", drop, { once: true });
    });
  }

  destroy() {
    this.root.remove();
    this.said.remove();
  }
}

export default mounted(OrderList);
