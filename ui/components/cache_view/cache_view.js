// Keys and values of a head as pictures: a row for each token, a column for each dimension.

import { float32FromBase64 } from "../kit/bytes.js";
import { clamp, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { rgba } from "../kit/plain_colour.js";
import { moved } from "../kit/room.js";
import { largest, pixels, told } from "./numbers.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Colour, Picture } from "./numbers.js" */

/**
 * @typedef {object} CacheData
 * @property {string} name what is drawn
 * @property {string[]} tokens labels of the rows
 * @property {boolean[]} special of each row
 * @property {number} first position of the first row
 * @property {number} chosen row of the marked token; outside of the rows where it is not drawn
 * @property {{ name: string, width: number, values: string, pairs: number[], radians: number[] }[]} pictures
 */

const HINT = "Point at a place to read its number; arrow keys move, Enter chooses the token.";

class CacheView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "cache");
    this.said = make("div", "said", HINT);
    this.said.setAttribute("aria-live", "polite");
    this.scroller = make("div", "scroller");
    this.root.append(this.said, this.scroller);
    parent.append(this.root);
    /** @type {CacheData} */
    this.data = { name: "", tokens: [], special: [], first: 0, chosen: -1, pictures: [] };
    this.json = "";
    /** @type {Picture[]} */
    this.pictures = [];
    /** @type {HTMLElement[]} */
    this.frames = [];
    /** @type {(index: number) => void} */
    this.pick = () => {};
  }

  destroy() {
    this.root.remove();
  }

  /** @param {CacheData} data @param {Component<CacheData>} component */
  update(data, { setTriggerValue }) {
    this.pick = (index) => setTriggerValue("picked", { index });
    const json = JSON.stringify(data);
    if (json !== this.json) {
      this.json = json;
      this.data = data;
      this.pictures = data.pictures.map((one) => ({ ...one, values: float32FromBase64(one.values) }));
      this.build();
    }
    this.paint(); // in another theme the same numbers have other colours
  }

  build() {
    const { tokens, special, chosen, first, name } = this.data;
    const labels = make("ol", "labels");
    labels.start = first + 1;
    labels.setAttribute("aria-hidden", "true"); // the table has them
    labels.append(...tokens.map((token, i) => {
      const row = make("li", special[i] ? "special" : "");
      if (i === chosen) row.classList.add("chosen");
      row.append(make("span", "number", String(first + i + 1)), make("span", "token", token));
      row.title = token;
      row.addEventListener("click", () => this.pick(first + i));
      return row;
    }));
    this.frames = this.pictures.map((picture, k) => this.frame(picture, k));
    const heads = [make("span"), ...this.pictures.map((one) => make("b", "", `${one.name}, ${one.width} dimensions`))];
    const head = make("div", "row heads");
    head.append(...heads);
    const body = make("div", "row");
    body.append(labels, ...this.frames);
    const [from, left] = [this.scroller.scrollTop, this.root.dataset.name === name];
    this.scroller.replaceChildren(head, body);
    if (left) this.scroller.scrollTop = from;
    this.root.dataset.name = name; // what tests wait for
    this.root.style.setProperty("--rows", String(tokens.length));
    this.root.style.setProperty("--pictures", String(this.pictures.length));
  }

  /** @param {Picture} picture @param {number} k */
  frame(picture, k) {
    const frame = make("div", "frame");
    frame.tabIndex = 0;
    frame.setAttribute("role", "img");
    const most = largest(picture.values);
    frame.setAttribute("aria-label", `${picture.name} of ${this.data.name}: ${this.data.tokens.length} tokens by ${picture.width} dimensions, numbers up to ${most.toFixed(2)} in size. Arrow keys read them.`);
    const canvas = make("canvas");
    canvas.width = picture.width;
    canvas.height = this.data.tokens.length;
    const marks = make("div", "marks");
    const [row, column, pair, here] = ["row-mark", "column-mark", "pair-mark", "here"].map((one) => make("i", one));
    const chosen = make("i", "chosen-mark");
    chosen.hidden = this.data.chosen < 0 || this.data.chosen >= this.data.tokens.length;
    chosen.style.setProperty("--y", String(this.data.chosen));
    marks.append(chosen, row, column, pair, here);
    frame.append(canvas, marks);
    this.listen(frame, picture, k);
    return frame;
  }

  /** @param {HTMLElement} frame @param {Picture} picture @param {number} k */
  listen(frame, picture, k) {
    const rows = this.data.tokens.length;
    /** @type {[row: number, column: number]} */
    let at = [clamp(this.data.chosen, 0, rows - 1), 0];
    const placeOf = (/** @type {MouseEvent} */ event) => {
      const box = frame.getBoundingClientRect();
      const row = clamp(Math.floor(((event.clientY - box.top) / box.height) * rows), 0, rows - 1);
      at = [row, clamp(Math.floor(((event.clientX - box.left) / box.width) * picture.width), 0, picture.width - 1)];
      return at;
    };
    frame.addEventListener("pointermove", (event) => this.point(k, ...placeOf(event)));
    frame.addEventListener("pointerleave", () => this.leave());
    frame.addEventListener("blur", () => this.leave());
    frame.addEventListener("click", (event) => this.pick(this.data.first + placeOf(event)[0]));
    frame.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        used(event);
        this.pick(this.data.first + at[0]);
        return;
      }
      const next = moved(event.key, at, [rows, picture.width]);
      if (!next) return;
      used(event);
      at = next;
      this.point(k, ...at);
    });
  }

  /** @param {number} k which picture @param {number} row @param {number} column */
  point(k, row, column) {
    const picture = this.pictures[k];
    const pair = picture.pairs[column] ?? -1;
    for (const [i, frame] of this.frames.entries()) {
      frame.classList.toggle("pointed", i === k);
      frame.classList.toggle("beside", i !== k);
      frame.classList.toggle("paired", i === k && pair >= 0);
      const places = { "--y": row, "--x": column, "--pair": pair, "--columns": this.pictures[i].width };
      for (const [name, value] of Object.entries(places)) frame.style.setProperty(name, String(value));
    }
    this.said.textContent = told(picture, row, column, this.data.tokens[row], this.data.first + row);
  }

  leave() {
    for (const frame of this.frames) frame.classList.remove("pointed", "beside", "paired");
    this.said.textContent = HINT;
  }

  paint() {
    const colours = { ground: this.colour("ground"), below: this.colour("below"), above: this.colour("above") };
    for (const [i, frame] of this.frames.entries()) {
      const canvas = frame.querySelector("canvas");
      const context = canvas?.getContext("2d");
      if (!canvas || !context) continue;
      const { values, width } = this.pictures[i];
      context.putImageData(new ImageData(pixels(values, largest(values), colours), width, canvas.height), 0, 0);
    }
  }

  /** @param {string} name of a custom property @returns {Colour} */
  colour(name) {
    const probe = make("i");
    probe.style.color = `var(--${name})`;
    this.root.append(probe);
    const [red, green, blue] = rgba(getComputedStyle(probe).color);
    probe.remove();
    return [red, green, blue];
  }
}

export default mounted(CacheView);
