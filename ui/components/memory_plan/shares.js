// One bar of parts that make a whole, each as long as it has parameters.

import { make, percent } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";

/** @import { Component } from "../kit/mount.js" */

/** @typedef {{ label: string, parts: { name: string, n: number, words: string }[] }} Data */

class Shares {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing shares");
    parent.append(this.root);
    this.json = "";
  }

  /** @param {Data} data @param {Component<Data>} _component */
  update(data, _component) {
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    const total = data.parts.reduce((sum, { n }) => sum + n, 0) || 1;
    const bar = make("div", "bar");
    const list = make("ul");
    list.setAttribute("aria-label", data.label);
    for (const [i, { name, n, words }] of data.parts.entries()) {
      const piece = make("i", `shade-${i}`);
      piece.style.flexGrow = String(n / total);
      piece.title = `${name}: ${n.toLocaleString("en")} parameters`;
      bar.append(piece);
      const item = make("li");
      item.append(make("i", `swatch shade-${i}`), make("span", "", `${name} `), make("b", "", percent(n / total)), make("span", "quiet", ` ${words}`));
      list.append(item);
    }
    bar.setAttribute("aria-hidden", "true");
    this.root.replaceChildren(bar, list);
  }

  destroy() {
    this.root.remove();
  }
}

export default mounted(Shares);
