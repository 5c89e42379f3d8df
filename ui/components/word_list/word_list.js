// The words of a glossary: a row is a button that opens its word; arrow keys go from row to row.

import { activeIn, clamp, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * See `Row` in word_list/__init__.py.
 * @typedef {{ key: string, word: string, says: string, term: string, reading: string }} Row
 */

/** @typedef {{ rows: Row[], code: string, language: string, opened: string }} Data */

class WordList {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing words");
    parent.append(this.root);
    this.json = "";
    /** @type {(key: string) => void} */
    this.press = () => {};
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.press = (key) => component.setTriggerValue("pressed", key);
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    const at = /** @type {HTMLElement | null} */ (activeIn(this.root));
    const focus = at?.dataset.key;
    const head = make("div", "head");
    head.append(make("span", "", "Word"), make("span", "", "What it means here"), make("span", "", data.language));
    const list = make("ul");
    list.append(...data.rows.map((row) => this.item(row, data)));
    this.root.replaceChildren(...(data.rows.length ? [head, list] : []));
    this.buttons().find((button) => focus && button.dataset.key === focus)?.focus({ preventScroll: true });
  }

  buttons() {
    return [...this.root.querySelectorAll("button")];
  }

  /** @param {Row} row @param {Data} data */
  item(row, { code, opened }) {
    const button = make("button", row.key === opened ? "row open" : "row");
    button.type = "button";
    button.dataset.key = row.key;
    button.setAttribute("aria-expanded", String(row.key === opened));
    const term = make("span", "term");
    const name = make("span", "", row.term);
    name.lang = code;
    term.append(name);
    if (row.reading) {
      const reading = make("span", "reading", row.reading);
      reading.lang = `${code}-Latn`;
      term.append(" ", reading);
    }
    button.append(make("span", "word", row.word), " ", make("span", "says", row.says), " ", term);
    button.addEventListener("click", () => this.press(row.key));
    const item = make("li");
    item.append(button);
    return item;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const buttons = this.buttons();
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (activeIn(this.root)));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    used(event);
    buttons[clamp(to, 0, buttons.length - 1)].focus();
  }

  destroy() {
    this.root.remove();
  }
}

export default mounted(WordList);
