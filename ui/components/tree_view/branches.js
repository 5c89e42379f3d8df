// All branches: a graph whose lines are as thick as the steps are probable, and a row for each, its beginning quiet.

import { make, rootSize } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { evident, fade } from "../kit/room.js";
import { Graph } from "./graph.js";
import { fitting, longest } from "./layout.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Row } from "./layout.js" */

/**
 * See `branches_view` in tree_view/__init__.py.
 * @typedef {object} Data
 * @property {Row[]} rows
 * @property {number} chosen
 * @property {number} at
 * @property {[id: number, label: number, p: number, percent: string][]} stubs
 * @property {string[]} labels
 * @property {string} colour
 * @property {boolean} frozen
 */

const NARROW = 40; // rem, below which leaves have no names
const FINER = 1.6;
const [LEAST, MOST, FIRST_MOST] = [0.2, 9, 4.5]; // rem for a token

/** @extends {Drawing<Data>} */
class BranchesView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "branches");
    this.tools = make("div", "tools");
    this.note = make("span", "note");
    this.note.setAttribute("aria-live", "polite");
    const button = (/** @type {string} */ label, /** @type {string} */ words, /** @type {() => void} */ press) => {
      const made = make("button", "", label);
      made.type = "button";
      made.setAttribute("aria-label", words);
      made.addEventListener("click", press);
      return made;
    };
    this.tools.append(
      button("\u2212", "Closer together", () => this.zoom(1 / FINER)),
      button("+", "Wider apart", () => this.zoom(FINER)),
      button("Fit", "Fit the width of the page", () => this.zoom(0)),
      this.note,
    );
    this.scroller = make("div", "scroller");
    evident(this.scroller);
    this.list = make("div", "rows");
    this.list.setAttribute("role", "group");
    this.list.setAttribute("aria-label", "Branches");
    this.root.append(this.list, this.tools, this.scroller);
    this.wider = 1;
    this.graph = new Graph((asked) => this.ask(asked), (words) => { this.note.textContent = words; });
    /** @type {(value: unknown) => void} */
    this.ask = () => {};
    this.finish(this.scroller, "generation-tree", () => [{ x: 0, y: 0, svg: drawingIn(this.scroller) }]);
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.ask = (value) => component.setTriggerValue("asked", value);
    super.update(data, component);
  }

  /** @param {number} by */
  zoom(by) {
    this.wider = by ? this.wider * by : 1;
    this.draw();
  }

  draw() {
    const { rows, colour } = this.data;
    const width = this.scroller.clientWidth;
    this.drawnFor = width;
    if (!width) return;
    const rem = rootSize();
    this.root.style.setProperty("--branch", colour);
    this.graph.narrow = width < NARROW * rem;
    const room = width - (1 + this.graph.behind(rows)) * rem;
    const fit = fitting(room, longest(rows), LEAST * rem, FIRST_MOST * rem);
    const pixels = Math.min(MOST * rem, Math.max(LEAST * rem, fit * this.wider));
    this.wider = pixels / fit;
    this.scroller.replaceChildren(this.graph.draw(this.data, pixels, rem));
    fade(this.scroller);
    this.list.replaceChildren(...rows.map((row) => this.row(row)));
  }

  /** @param {Row} row */
  row(row) {
    const { chosen } = this.data;
    const button = make("button", "branch");
    button.type = "button";
    button.setAttribute("aria-pressed", String(row.number === chosen));
    const name = make("span", "name", row.name);
    if (row.pinned) name.append(make("span", "pin", " \u{1F4CC}"));
    const text = make("span", "words");
    text.append(make("span", "same", row.before));
    for (const [words, forced] of row.pieces) text.append(make("span", forced ? "own forced" : "own", words));
    if (!row.tokens.length) text.append(make("span", "same", row.common ? " (no further token)" : "(no token)"));
    const n = row.common + row.tokens.length;
    const facts = make("span", "facts");
    facts.append(make("b", "", `${row.bits.toFixed(1)} bits`), ` = ${row.percent}, ${n} tokens, ${row.end}`);
    button.append(name, text, facts);
    button.addEventListener("click", () => this.ask({ kind: "step", number: row.number, at: Math.min(row.common, n - 1) }));
    return button;
  }
}

export default mounted(BranchesView);
