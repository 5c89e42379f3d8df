// Each part of the memory as its equation: in words, with this model's numbers, and the rule of thumb beside it.

import { make } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * See `Worked` in memory_plan/__init__.py.
 * @typedef {object} Worked
 * @property {string} kind whose colour it has in the bars
 * @property {string} name
 * @property {string} symbols
 * @property {string} numbers
 * @property {string} result
 * @property {string} exact
 * @property {string} rule
 * @property {string} off
 * @property {string} note
 */

class Equations {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("dl", "drawing equations");
    parent.append(this.root);
    this.json = "";
  }

  /** @param {{ worked: Worked[] }} data @param {Component<{ worked: Worked[] }>} _component */
  update(data, _component) {
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    this.root.replaceChildren(...data.worked.map(line));
  }

  destroy() {
    this.root.remove();
  }
}

/** @param {Worked} worked */
function line({ kind, name, symbols, numbers, result, exact, rule, off, note }) {
  const node = make("div", "worked");
  const head = make("dt");
  head.append(make("i", `dot ${kind}`), make("span", "", name), make("b", "", result));
  const sum = make("dd", "sum");
  sum.append(make("div", "symbols", `= ${symbols}`), make("div", "", `= ${numbers}`), make("div", "", `= ${exact}`));
  const thumb = make("dd", "rule");
  if (rule) thumb.append(make("span", "thumb", "Rule of thumb: "), make("span", "", rule), make("div", "off", off));
  if (note) thumb.append(make("div", "note", note));
  node.append(head, sum, thumb);
  return node;
}

export default mounted(Equations);
