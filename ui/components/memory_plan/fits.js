// Cards and precisions as a table: whether a model fits, and with how much context. A press chooses both.

import { make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { moved } from "../kit/room.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * What is said of one precision on one card: see `Cell` in memory_plan/__init__.py.
 * @typedef {{ state: "whole" | "fits" | "less" | "no", text: string, title: string }} Cell
 */

/** @typedef {{ key: string, name: string, below: string, chosen: boolean, cells: Cell[] }} Line */

/**
 * @typedef {object} Data
 * @property {string} label
 * @property {{ spec: string, label: string, chosen: boolean }[]} columns
 * @property {Line[]} lines
 * @property {[state: Cell["state"], meaning: string][]} meanings
 */

/** What each state is told by, besides its shade. @type {Record<Cell["state"], string>} */
const SIGNS = { whole: "\u2713", fits: "\u25d0", less: "\u25cb", no: "\u2717" };

class Fits {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing cards");
    parent.append(this.root);
    this.json = "";
    /** @type {HTMLButtonElement[][]} */
    this.buttons = [];
    /** @type {(value: unknown) => void} */
    this.choose = () => {};
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, { setTriggerValue }) {
    this.choose = (value) => setTriggerValue("chose", value);
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    const at = this.focused();
    this.root.replaceChildren(this.table(data), this.key(data));
    if (at) this.buttons[at[0]]?.[at[1]]?.focus();
  }

  destroy() {
    this.root.remove();
  }

  /** @returns {[row: number, column: number] | undefined} */
  focused() {
    for (const [r, line] of this.buttons.entries()) for (const [c, one] of line.entries()) if (one.matches(":focus")) return [r, c];
    return undefined;
  }

  /** @param {Data} data */
  table({ label, columns, lines }) {
    const table = make("table");
    table.append(make("caption", "unseen", label));
    const head = make("tr");
    head.append(make("td"));
    for (const column of columns) head.append(heading("col", column.label, column.chosen));
    const thead = make("thead");
    thead.append(head);
    const body = make("tbody");
    this.buttons = lines.map((line, r) => {
      const row = make("tr");
      const name = heading("row", line.name, line.chosen);
      name.append(make("span", "below", line.below));
      const buttons = line.cells.map((cell, c) => this.cell(cell, line, columns[c], [r, c]));
      row.append(
        name,
        ...buttons.map((button) => {
          const box = make("td");
          box.append(button);
          return box;
        }),
      );
      body.append(row);
      return buttons;
    });
    const all = this.buttons.flat();
    const first = all.find((one) => one.getAttribute("aria-pressed") === "true") ?? all[0];
    if (first) first.tabIndex = 0;
    table.append(thead, body);
    return table;
  }

  /** @param {Cell} cell @param {Line} line @param {Data["columns"][number]} column @param {[number, number]} at */
  cell(cell, line, column, at) {
    const button = make("button", `cell ${cell.state}`);
    button.type = "button";
    button.tabIndex = -1;
    const seen = make("span", "seen");
    seen.setAttribute("aria-hidden", "true"); // it is read as a whole sentence
    seen.append(make("span", "sign", SIGNS[cell.state]), make("span", "", cell.text));
    button.append(seen, make("span", "unseen", cell.title));
    button.title = cell.title;
    button.setAttribute("aria-pressed", String(line.chosen && column.chosen));
    button.addEventListener("click", () => this.choose({ card: line.key, precision: column.spec }));
    button.addEventListener("keydown", (event) => {
      const to = moved(event.key, at, [this.buttons.length, this.buttons[0].length]);
      if (!to) return;
      this.buttons[to[0]][to[1]].focus();
      used(event);
    });
    return button;
  }

  /** @param {Data} data */
  key({ meanings }) {
    const list = make("ul", "key");
    for (const [state, meaning] of meanings) {
      const item = make("li");
      item.append(make("span", `swatch ${state}`, SIGNS[state]), make("span", "", meaning));
      list.append(item);
    }
    return list;
  }
}

/** @param {"col" | "row"} scope @param {string} text @param {boolean} chosen */
function heading(scope, text, chosen) {
  const node = make("th", chosen ? `${scope} chosen` : scope, text);
  node.scope = scope;
  return node;
}

export default mounted(Fits);
