// The tokens of a text in one row, and the vector of the chosen one below, twelve numbers at a time.

import { activeIn, clamp, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { pageStart, SHOWN, strength, written } from "./layout.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * @typedef {object} VectorData
 * @property {string[]} tokens labels
 * @property {boolean[]} special of each token
 * @property {number} chosen its place
 * @property {number} id
 * @property {number[]} values of the chosen token's vector
 * @property {string} more said below the numbers
 */

class VectorView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "vector");
    this.row = make("div", "tokens");
    this.row.setAttribute("role", "listbox");
    this.row.setAttribute("aria-label", "Tokens of the text");
    this.head = make("div", "head");
    this.strip = make("ol", "strip");
    this.foot = make("div", "foot");
    this.root.append(this.row, this.head, this.strip, this.foot);
    parent.append(this.root);
    /** @type {VectorData} */
    this.data = { tokens: [], special: [], chosen: 0, id: -1, values: [], more: "" };
    this.json = "";
    this.from = 0; // the first number that is shown
    /** @type {(index: number) => void} */
    this.pick = () => {};
    this.row.addEventListener("click", (event) => {
      const place = event.target instanceof HTMLElement && event.target.dataset.i;
      if (place) this.choose(Number(place));
    });
    this.row.addEventListener("keydown", (event) => this.key(event));
  }

  destroy() {
    this.root.remove();
  }

  /** @param {VectorData} data @param {Component<VectorData>} component */
  update(data, { setTriggerValue }) {
    this.pick = (index) => setTriggerValue("picked", { index });
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    const same = JSON.stringify(data.tokens) === JSON.stringify(this.data.tokens);
    this.data = data;
    if (!same) this.drawTokens();
    this.mark(data.chosen);
    this.drawStrip();
  }

  drawTokens() {
    const boxes = this.data.tokens.map((token, i) => {
      const box = make("span", this.data.special[i] ? "token special" : "token", token);
      box.setAttribute("role", "option");
      box.dataset.i = String(i);
      box.title = `token ${i + 1}: ${token}`;
      return box;
    });
    this.row.replaceChildren(...boxes);
  }

  /** @param {number} index */
  mark(index) {
    for (const [i, box] of [...this.row.children].entries()) {
      box.setAttribute("aria-selected", String(i === index));
      if (box instanceof HTMLElement) box.tabIndex = i === index ? 0 : -1;
    }
    const box = this.row.children[index];
    if (!(box instanceof HTMLElement)) return;
    const { offsetLeft, offsetWidth } = box;
    const { scrollLeft, clientWidth } = this.row;
    const inside = offsetLeft >= scrollLeft && offsetLeft + offsetWidth <= scrollLeft + clientWidth;
    if (!inside) this.row.scrollLeft = offsetLeft - clientWidth / 3;
  }

  /** @param {number} index */
  choose(index) {
    const held = this.row.contains(activeIn(this.row));
    this.mark(index);
    const box = this.row.children[index];
    if (held && box instanceof HTMLElement) box.focus();
    this.root.classList.add("old"); // until the numbers of this token are there
    this.pick(index);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const focused = activeIn(this.row);
    const at = focused ? [...this.row.children].indexOf(focused) : -1;
    const last = this.row.children.length - 1;
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last, Enter: at, " ": at }[event.key];
    if (next === undefined || at < 0) return;
    used(event);
    this.choose(clamp(next, 0, last));
  }

  drawStrip() {
    const { values, tokens, chosen, id, more } = this.data;
    this.root.classList.remove("old");
    this.from = pageStart(this.from, values.length);
    const end = Math.min(values.length, this.from + SHOWN);
    const name = make("b", "token", tokens[chosen]);
    const where = make("span", "", `id ${id} \u2192 row ${id} of the matrix: ${values.length} numbers`);
    this.head.replaceChildren(name, where, this.turner(values.length, end));
    const most = values.reduce((best, value) => Math.max(best, Math.abs(value)), 0);
    this.strip.start = this.from + 1;
    this.strip.setAttribute("aria-label", `Numbers ${this.from + 1} to ${end} of the vector`);
    this.strip.replaceChildren(...values.slice(this.from, end).map((value, i) => {
      const cell = make("li", value < 0 ? "below" : "above");
      cell.style.setProperty("--share", `${strength(value, most) * 100}%`);
      cell.append(make("span", "value", written(value)), make("span", "dimension", String(this.from + i + 1)));
      cell.title = `dimension ${this.from + i + 1}: ${value}`;
      return cell;
    }));
    this.foot.textContent = more;
    this.root.dataset.id = String(id); // what tests wait for
  }

  /** @param {number} width @param {number} end */
  turner(width, end) {
    const turner = make("span", "turner");
    const button = (/** @type {string} */ sign, /** @type {string} */ name, /** @type {number} */ step) => {
      const node = make("button", "", sign);
      node.type = "button";
      node.title = name;
      node.setAttribute("aria-label", name);
      node.disabled = pageStart(this.from, width, step) === this.from;
      node.addEventListener("click", () => {
        this.from = pageStart(this.from, width, step);
        this.drawStrip();
      });
      return node;
    };
    const said = make("span", "", `${this.from + 1}\u2013${end} of ${width}`);
    turner.append(button("\u2039", "Twelve numbers back", -1), said, button("\u203a", "The next twelve numbers", 1));
    return turner;
  }
}

export default mounted(VectorView);
