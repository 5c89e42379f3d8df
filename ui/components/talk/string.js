// The one string as it grows: a stretch a turn, and of each token whether it was cached, is read now, or was written.

import { counted, make } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { bitsOf } from "../prompt_view/bits.js";
import { Shared } from "./shared.js";

/** @import { Component } from "../kit/mount.js" */

/** @typedef {[text: string, id: number, zone: number, special: boolean, words: string]} GrownToken zone: 0 cached, 1 read, 2 written */

/**
 * @typedef {object} Stretch
 * @property {number} turn its message, -1 for the template's own
 * @property {string} role
 * @property {string} name
 * @property {number} added
 * @property {number} first place of its first token
 * @property {GrownToken[]} tokens
 */

/**
 * @typedef {object} GrowingData
 * @property {Stretch[]} stretches
 * @property {[name: string, n: number, words: string][]} zones
 * @property {[key: number, name: string, chosen: boolean][]} exchanges
 * @property {number | null} pinned token that is looked at
 * @property {string} version
 */

class Growing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "growing");
    this.shared = new Shared(this.root, (turn) => this.light(turn));
    this.json = "";
    /** @type {(name: string, value: unknown) => void} */
    this.send = () => {};
    parent.append(this.root);
  }

  destroy() {
    this.shared.destroy();
    this.root.remove();
  }

  /** @param {GrowingData} data @param {Component<GrowingData>} component */
  update(data, { setTriggerValue }) {
    this.send = setTriggerValue;
    const json = JSON.stringify(data);
    if (json === this.json) return; // the same content: scroll and focus stay
    this.json = json;
    const scroll = this.root.querySelector(".string");
    const top = scroll?.scrollTop ?? 0;
    const body = this.drawString(data);
    this.root.replaceChildren(this.drawTop(data), body);
    body.scrollTop = top;
    this.root.dataset.version = data.version;
  }

  /** @param {GrowingData} data */
  drawTop(data) {
    const top = make("div", "top");
    const zones = make("ul", "zones");
    zones.setAttribute("aria-label", "What the model reads and writes");
    data.zones.forEach(([name, n, words], i) => {
      const item = make("li", `zone z${i}`, name);
      item.title = words;
      item.append(make("b", "", String(n)));
      zones.append(item);
    });
    top.append(zones);
    if (data.exchanges.length > 1) {
      const tabs = make("div", "tabs");
      tabs.setAttribute("role", "group");
      tabs.setAttribute("aria-label", "The string at which reply");
      tabs.append(make("span", "", "At reply"));
      for (const [key, name, chosen] of data.exchanges) {
        const tab = make("button", "tab", name);
        tab.type = "button";
        tab.setAttribute("aria-pressed", String(chosen));
        tab.setAttribute("aria-label", `The string at reply ${name}`);
        tab.addEventListener("click", () => this.send("exchange", key));
        tabs.append(tab);
      }
      top.append(tabs);
    }
    return top;
  }

  /** @param {GrowingData} data */
  drawString(data) {
    const body = make("div", "string");
    body.tabIndex = 0; // it may scroll
    body.setAttribute("role", "group");
    body.setAttribute("aria-label", "The string that the model reads, turn by turn");
    for (const stretch of data.stretches) {
      const row = make("div", `stretch ${stretch.role}`);
      row.dataset.turn = String(stretch.turn);
      const side = make("div", "side");
      side.append(make("b", "", stretch.name), make("span", "", `+${stretch.added}`));
      side.title = `${stretch.name}: ${counted(stretch.added, "token")}`;
      const text = make("div", "text");
      text.append(...stretch.tokens.map((token, i) => this.drawToken(token, stretch.first + i, data)));
      row.append(side, text);
      body.append(row);
    }
    return body;
  }

  /** @param {GrownToken} token @param {number} place @param {GrowingData} data */
  drawToken([text, id, zone, special, words], place, data) {
    const node = zone === 2 ? make("button", "t") : make("span", "t");
    node.classList.add(`z${zone}`);
    if (special) node.classList.add("special");
    if (place % 2) node.classList.add("odd");
    const bits = bitsOf(text).flatMap((bit) => (bit.sign ? [make("span", "sign", bit.sign), bit.text] : [bit.text]));
    node.append(...(text ? bits : [make("span", "sign", "·")]));
    node.title = `token ${place + 1}, id ${id}, ${["from the cache", "read", "written"][zone]}${words}`;
    if (node instanceof HTMLButtonElement) {
      node.type = "button";
      node.setAttribute("aria-label", `${text || "part of a character"}: ${node.title}`);
      node.setAttribute("aria-pressed", String(place === data.pinned));
      node.addEventListener("click", () => this.send("token", place));
    }
    return node;
  }

  /** @param {number | null} turn */
  light(turn) {
    for (const node of this.root.querySelectorAll(".stretch")) {
      if (node instanceof HTMLElement) node.classList.toggle("here", Number(node.dataset.turn) === turn && turn !== null);
    }
  }
}

export default mounted(Growing);
