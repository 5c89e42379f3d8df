// One branch as boxes with their probability, and the ten most probable tokens of the chosen step: one of them forks.

import { activeIn, clamp, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { shortPercent } from "../stream_view/tokens.js";
import { Alternatives } from "./alternatives.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * See `path_view` in tree_view/__init__.py.
 * @typedef {object} Data
 * @property {number} number
 * @property {string} name
 * @property {number} at
 * @property {[label: number, p: number, bits: number][]} tokens
 * @property {[labels: number[], shares: number[]][]} others
 * @property {number[][]} ids
 * @property {number[]} entropy
 * @property {[at: number, id: number, number: number][]} taken
 * @property {string[]} labels
 * @property {boolean} frozen
 */

const [FORCED, SPECIAL] = [1, 2];
const PAUSE_MS = 350; // after the last arrow key, before the server hears of the step

class PathView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing path");
    this.list = make("div", "boxes");
    this.list.setAttribute("role", "listbox");
    this.alternatives = new Alternatives((id) => this.fork(id));
    this.root.append(this.list, this.alternatives.root);
    parent.append(this.root);
    this.data = /** @type {Data} */ (/** @type {unknown} */ (null));
    this.json = "";
    this.at = 0;
    /** @type {HTMLElement[]} */
    this.boxes = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.later = undefined;
    /** @type {(value: unknown) => void} */
    this.ask = () => {};
    this.list.addEventListener("click", (event) => {
      const box = event.target instanceof Element && event.target.closest("[data-at]");
      if (box) this.choose(Number(box.getAttribute("data-at")), 0);
    });
    this.list.addEventListener("keydown", (event) => this.press(event));
  }

  destroy() {
    clearTimeout(this.later);
    this.root.remove();
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, { setTriggerValue }) {
    this.ask = (value) => setTriggerValue("asked", value);
    const json = JSON.stringify(data);
    if (json === this.json) return; // the same content: scroll and focus stay
    this.json = json;
    const same = this.data?.number === data.number && this.later !== undefined;
    const held = this.boxes.includes(/** @type {HTMLElement} */ (activeIn(this.root)));
    this.data = data;
    this.list.setAttribute("aria-label", `Tokens of ${data.name}; arrows choose one, Enter forks`);
    this.boxes = data.tokens.map((_, at) => this.box(at));
    this.list.replaceChildren(...this.boxes);
    this.show(same ? Math.min(this.at, data.tokens.length - 1) : data.at, held);
  }

  /** @param {number} at */
  box(at) {
    const { tokens, labels, taken } = this.data;
    const [label, p, bits] = tokens[at];
    const box = make("span", "t");
    box.append(make("span", "text", labels[label] || "\u2205"), make("span", "p", shortPercent(p)));
    box.style.setProperty("--share", `${((1 - p) * 100).toFixed(1)}%`);
    box.classList.toggle("forced", (bits & FORCED) > 0);
    box.classList.toggle("special", (bits & SPECIAL) > 0);
    const leaving = taken.filter((one) => one[0] === at).length;
    if (leaving) box.append(make("span", "forks", leaving > 1 ? `\u2442${leaving}` : "\u2442"));
    box.setAttribute("role", "option");
    box.setAttribute("data-at", String(at));
    box.tabIndex = -1;
    const put = bits & FORCED ? ", put there by you" : "";
    const words = `token ${at + 1}, probability ${shortPercent(p)}${put}${leaving ? ", another branch leaves here" : ""}`;
    box.title = words;
    return box;
  }

  /** @param {number} at @param {boolean} focus */
  show(at, focus) {
    const before = this.boxes[this.at];
    before?.classList.remove("picked");
    if (before) before.tabIndex = -1;
    before?.removeAttribute("aria-selected");
    this.at = at;
    const box = this.boxes[at];
    if (!box) return;
    box.classList.add("picked");
    box.tabIndex = 0;
    box.setAttribute("aria-selected", "true");
    if (focus) box.focus({ preventScroll: true });
    const [from, to] = [box.offsetTop - this.list.offsetTop, box.offsetTop - this.list.offsetTop + box.offsetHeight];
    if (from < this.list.scrollTop) this.list.scrollTop = from - 8;
    else if (to > this.list.scrollTop + this.list.clientHeight) this.list.scrollTop = to - this.list.clientHeight + 8;
    this.alternatives.show(this.data, at);
  }

  /** @param {number} at @param {number} wait */
  choose(at, wait) {
    this.show(at, true);
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      this.later = undefined;
      this.ask({ kind: "step", number: this.data.number, at });
    }, wait);
  }

  /** @param {number} id */
  fork(id) {
    if (this.data.frozen) return;
    clearTimeout(this.later);
    this.later = undefined;
    this.ask({ kind: "fork", number: this.data.number, at: this.at, id });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -this.at, End: this.boxes.length }[event.key];
    if (step !== undefined) this.choose(clamp(this.at + step, 0, this.boxes.length - 1), PAUSE_MS);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.alternatives.move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter") this.alternatives.take();
    else return;
    used(event);
  }
}

export default mounted(PathView);
