// A text on its way through a tokenizer: one column a token, one button a word, wrapped like a text.

import { clamp, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";

/** @import { Component } from "../kit/mount.js" */

/** @typedef {[source: string, normal: string, cut: boolean, piece: string, id: number, word: number, kind: string]} Column */

/**
 * What `text_stages` in text_stages/__init__.py sends.
 * @typedef {object} StagesData
 * @property {Column[]} columns
 * @property {number} chosen the word that is lit
 * @property {string} label
 */

const ROWS = { text: "Text", normal: "1 Normalize", cut: "2 Cut", merge: "3 Merge", id: "4 Add, ids" };
/** @type {Record<string, number>} */
const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

class TextStages {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing stages");
    parent.append(this.root);
    this.json = "";
    /** @type {(word: number) => void} */
    this.pick = () => {};
    /** @type {HTMLButtonElement[]} */
    this.words = [];
  }

  /** @param {StagesData} data @param {Component<StagesData>} component */
  update(data, { setTriggerValue }) {
    this.pick = (word) => setTriggerValue("picked", { word });
    const { chosen, ...rest } = data;
    const json = JSON.stringify(rest);
    if (json !== this.json) this.draw(data);
    this.json = json;
    this.light(chosen);
  }

  destroy() {
    this.root.remove();
  }

  /** @param {StagesData} data */
  draw({ columns, label }) {
    const changes = columns.some(([source, normal]) => source !== normal);
    const labels = make("div", "labels");
    for (const [row, name] of Object.entries(ROWS)) {
      if (changes || row !== "normal") labels.append(make("span", `row ${row}`, name));
    }
    const flow = make("div", "flow");
    flow.setAttribute("role", "list");
    flow.setAttribute("aria-label", label);
    this.words = [];
    let last = NaN;
    /** @type {HTMLElement} */
    let place = flow;
    for (const [i, column] of columns.entries()) {
      const word = column[5];
      if (word !== last || word < 0) {
        const item = make("div", "item");
        item.setAttribute("role", "listitem");
        place = word < 0 ? make("div", "word lone") : this.wordButton(word);
        item.append(place);
        flow.append(item);
      }
      last = word;
      place.append(this.column(column, changes, i));
    }
    flow.addEventListener("keydown", (event) => this.key(event));
    this.root.replaceChildren(labels, flow);
  }

  /** @param {number} word */
  wordButton(word) {
    const button = make("button", "word");
    button.type = "button";
    button.dataset.word = String(word);
    button.addEventListener("click", () => {
      this.light(word);
      this.pick(word);
    });
    this.words.push(button);
    return button;
  }

  /** @param {Column} column @param {boolean} changes @param {number} i */
  column([source, normal, cut, piece, id, , kind], changes, i) {
    const node = make("span", `column ${kind}${cut ? " cut" : ""}${i % 2 ? " odd" : ""}`);
    node.append(make("span", "row text", source || "\u00a0"));
    if (changes) node.append(make("span", source === normal ? "row normal" : "row normal changed", normal || "\u00a0"));
    node.append(make("span", "row cut"), make("span", "row merge", piece), make("span", "row id", String(id)));
    return node;
  }

  /** @param {number} word */
  light(word) {
    for (const button of this.words) {
      const on = button.dataset.word === String(word);
      button.setAttribute("aria-pressed", String(on));
      button.tabIndex = on ? 0 : -1;
      if (on) this.reveal(button);
    }
    if (this.words.length && !this.words.some((button) => button.tabIndex === 0)) this.words[0].tabIndex = 0;
  }

  /**
   * Scroll the text, not the page, until this word is in sight.
   * @param {HTMLElement} button
   */
  reveal(button) {
    const [inner, outer] = [button.getBoundingClientRect(), this.root.getBoundingClientRect()];
    if (inner.top < outer.top) this.root.scrollTop += inner.top - outer.top;
    else if (inner.bottom > outer.bottom) this.root.scrollTop += inner.bottom - outer.bottom;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const by = MOVES[event.key];
    const at = event.target instanceof HTMLButtonElement ? this.words.indexOf(event.target) : -1;
    if (!by || at < 0) return;
    this.words[clamp(at + by, 0, this.words.length - 1)].focus();
    used(event);
  }
}

export default mounted(TextStages);
