// One block: its weights between the levels, what comes back of them, their codes and bytes, and the arithmetic of one.

import { clamp, make, rootSize, shape, used } from "../kit/dom.js";
import { Drawing } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { evident, fade, reveal } from "../kit/room.js";
import { fillCard } from "./card.js";
import { columnWidth, down, outline, reach, written } from "./layout.js";


/** @typedef {{ value: number | null, back: number, code: string, steps: [what: string, number: string][], arithmetic: string, where: string }} Weight */
/** @typedef {{ at: number, name: string, code: string, count: number }} Level */

/**
 * @typedef {object} BlockData see `BlockPicture` in block_view/__init__.py
 * @property {Weight[]} weights
 * @property {Level[]} levels
 * @property {number[]} edges
 * @property {number[]} counts
 * @property {{ hex: string, of: number[] }[]} bytes
 * @property {string} one
 * @property {string} everything
 * @property {number} chosen
 * @property {string} name
 */

const HEIGHT = 21; // rem, of the axis, where the screen has room for the card below
const BELOW = 15.5; // rem of a screen for all else that is to be seen at once
const LEAST = 12;
const MARGIN = 0.6; // rem above the highest level and below the lowest
const SIDE = 11; // rem, of the histogram with the names of the levels
const FEW = 40; // levels of which each is drawn as a line

/** @extends {Drawing<BlockData>} */
class BlockView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "block");
    this.legend = make("div", "legend");
    this.both = make("div", "both");
    this.side = make("div", "side");
    this.strip = make("div", "strip");
    this.strip.tabIndex = 0;
    this.strip.setAttribute("role", "listbox");
    evident(this.strip);
    this.both.append(this.side, this.strip);
    this.card = make("div", "card");
    this.root.append(this.both, this.legend, this.card);
    this.finish(this.root, "block", () => this.drawings());
    this.at = 0; // the weight that is told
    this.rem = 16;
    this.tall = HEIGHT * this.rem; // pixels of the axis
    this.most = 1; // how far it reaches
    this.column = this.rem;
    /** @type {SVGElement[]} */
    this.columns = [];
    /** @type {SVGElement[]} */
    this.names = [];
    /** @type {SVGElement[]} */
    this.bytes = [];
    this.strip.addEventListener("keydown", (event) => this.key(event));
    this.strip.addEventListener("pointermove", (event) => this.point(event, false));
    this.strip.addEventListener("click", (event) => this.point(event, true));
    this.strip.addEventListener("pointerleave", () => this.tell(this.data.chosen));
  }

  drawings() {
    const [side, strip] = [this.side, this.strip].map((place) => /** @type {SVGSVGElement} */ (place.querySelector("svg")));
    return [
      { x: 0, y: 0, svg: side },
      { x: side.clientWidth, y: 0, svg: strip },
    ];
  }

  /** @param {BlockData} data */
  replace(data) {
    const same = JSON.stringify({ ...data, chosen: 0 }) === JSON.stringify({ ...this.data, chosen: 0 });
    if (same) this.data.chosen = data.chosen;
    else super.replace(data);
    this.tell(data.chosen);
    if (!same) this.show();
  }

  draw() {
    const { weights, levels, name } = this.data;
    const rem = rootSize();
    this.rem = rem;
    this.tall = clamp(window.innerHeight - BELOW * rem, LEAST * rem, HEIGHT * rem);
    this.drawnFor = this.root.clientWidth;
    this.most = reach(weights, levels);
    this.column = columnWidth(weights.length, Math.max(1, this.root.clientWidth - SIDE * rem - 4), rem);
    this.strip.setAttribute("aria-label", `${name}. Arrow keys go from one to the next.`);
    this.drawLegend();
    this.drawSide();
    this.drawStrip();
    fade(this.strip);
    this.tell(this.at);
  }

  /** @param {number} at */
  y(at) {
    const rem = this.rem;
    return down(at, this.most, this.tall, MARGIN * rem);
  }

  drawLegend() {
    const { one, everything, counts, weights } = this.data;
    const item = (/** @type {string} */ kind, /** @type {string} */ text) => {
      const node = make("span", "item");
      node.append(make("i", kind), text);
      return node;
    };
    const items = [item("back", "what comes back")];
    if (weights.some(({ value }) => value !== null)) items.unshift(item("value", one));
    items.push(item("here", `how many of this block at each level`));
    if (counts.length) items.push(item("all", everything));
    this.legend.replaceChildren(...items);
  }

  drawSide() {
    const { levels, edges, counts } = this.data;
    const rem = this.rem;
    const [width, height] = [SIDE * rem, this.tall];
    const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
    svg.setAttribute("aria-label", "Histogram of the block and of the whole matrix over the levels.");
    const room = width - 5.6 * rem; // of the histogram
    if (counts.length) {
      const points = outline(edges, counts, room, (at) => this.y(at));
      svg.append(shape("polygon", { points: points.map((point) => point.join(",")).join(" "), class: "all" }));
    }
    const most = Math.max(1, ...levels.map(({ count }) => count));
    const thick = Math.max(2, Math.min(0.45 * rem, (height / levels.length) * 0.6));
    for (const { at, count } of levels) {
      const long = (count / most) * room;
      if (count) svg.append(shape("rect", { x: room - long, y: this.y(at) - thick / 2, width: long, height: thick, class: "here" }));
    }
    const zero = levels.reduce((best, { at }, i) => (Math.abs(at) < Math.abs(levels[best].at) ? i : best), 0);
    const named = written(levels.map(({ at }) => this.y(at)), 0.74 * rem, zero);
    this.names = levels.map(({ at, name, code }, i) => {
      const group = shape("g", { class: named.has(i) ? "level" : "level unnamed" });
      const top = this.y(at) + 0.27 * rem;
      if (code !== name) group.append(shape("text", { x: room + 1.7 * rem, y: top, "text-anchor": "end", class: "code" }, code));
      group.append(shape("text", { x: width - 0.35 * rem, y: top, "text-anchor": "end" }, name));
      svg.append(group);
      return group;
    });
    this.side.replaceChildren(svg);
  }

  drawStrip() {
    const { weights, levels, bytes } = this.data;
    const rem = this.rem;
    const column = this.column;
    const long = Math.max(...weights.map(({ code }) => code.length), 1) > 2;
    const codes = (long ? 2.4 : 2.3) * rem;
    const [width, height] = [column * weights.length, this.tall + codes + (bytes.length ? 1.5 * rem : 0)];
    const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "presentation" });
    if (levels.length <= FEW) {
      for (const { at } of levels) svg.append(shape("line", { x1: 0, x2: width, y1: this.y(at), y2: this.y(at), class: "line" }));
    }
    svg.append(shape("line", { x1: 0, x2: width, y1: this.y(0), y2: this.y(0), class: "zero" }));
    this.columns = weights.map((weight, i) => this.columnOf(weight, i, column, codes, long));
    svg.append(...this.columns);
    this.bytes = bytes.map(({ hex, of }) => this.byteOf(hex, of, column, this.tall + codes));
    svg.append(...this.bytes);
    this.strip.replaceChildren(svg);
  }

  /** @param {string} hex @param {number[]} of @param {number} column @param {number} top */
  byteOf(hex, of, column, top) {
    const rem = this.rem;
    const group = shape("g", { class: "byte" });
    const [first, last] = [Math.min(...of), Math.max(...of)];
    // Q4_0 puts weights that are far apart into one byte: then it stands under the first of them.
    const span = last - first < of.length ? last - first + 1 : 1;
    const [x, wide] = [first * column, span * column];
    const inset = Math.min(1, wide * 0.06);
    group.append(shape("rect", { x: x + inset, y: top, width: wide - 2 * inset, height: 1.35 * rem, rx: 0.15 * rem }));
    const turned = wide < 1.1 * rem;
    const [cx, cy] = turned ? [x + wide / 2 + 0.27 * rem, top + 0.7 * rem] : [x + wide / 2, top + 0.97 * rem];
    const text = shape("text", { x: cx, y: cy, "text-anchor": "middle", class: "hex" }, hex);
    if (turned) text.setAttribute("transform", `rotate(-90 ${cx} ${cy})`);
    group.append(text);
    return group;
  }

  /** @param {Weight} weight @param {number} i @param {number} column @param {number} codes pixels @param {boolean} long */
  columnOf({ value, back, code, arithmetic }, i, column, codes, long) {
    const rem = this.rem;
    const group = shape("g", { class: i % 2 ? "column odd" : "column", role: "option", id: `weight-${i}`, "aria-selected": "false" });
    group.setAttribute("aria-label", arithmetic);
    const [x, middle] = [i * column, (i + 0.5) * column];
    group.append(shape("rect", { x, y: 0, width: column, height: this.tall + codes, class: "ground" }));
    if (value !== null) {
      const [from, to] = [Math.min(this.y(value), this.y(0)), Math.max(this.y(value), this.y(0))];
      group.append(shape("rect", { x: x + column * 0.22, y: from, width: column * 0.56, height: Math.max(1, to - from), class: "value" }));
      group.append(shape("line", { x1: middle, x2: middle, y1: this.y(value), y2: this.y(back), class: "error" }));
    }
    group.append(shape("rect", { x: x + column * 0.04, y: this.y(back) - 0.1 * rem, width: column * 0.92, height: 0.2 * rem, class: "back" }));
    const top = this.tall;
    if (long) {
      const [cx, cy] = [middle + 0.27 * rem, top + codes - 0.25 * rem];
      group.append(shape("text", { x: cx, y: cy, class: "code", transform: `rotate(-90 ${cx} ${cy})` }, code));
    } else {
      // The two codes of a byte one above the other: side by side they would have no room.
      group.append(shape("text", { x: middle, y: top + (column > 1.3 * rem ? 1.5 : i % 2 ? 2 : 0.9) * rem, "text-anchor": "middle", class: "code" }, code));
    }
    return group;
  }

  /** @param {MouseEvent} event @param {boolean} pressed */
  point(event, pressed) {
    const box = this.strip.querySelector("svg")?.getBoundingClientRect();
    if (!box) return;
    const i = Math.floor((event.clientX - box.left) / this.column);
    if (i < 0 || i >= this.data.weights.length) return;
    this.tell(i);
    if (pressed) this.choose(i);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const last = this.data.weights.length - 1;
    const next = { ArrowRight: this.at + 1, ArrowLeft: this.at - 1, Home: 0, End: last, Enter: this.at, " ": this.at }[event.key];
    if (next === undefined) return;
    used(event);
    this.choose(clamp(next, 0, last));
  }

  /** @param {number} i */
  choose(i) {
    this.data.chosen = i;
    this.tell(i);
    this.show();
    this.pick({ index: i });
  }

  /** Scroll the told weight into the strip. */
  show() {
    reveal(this.strip, this.columns[this.at]);
  }

  /** @param {number} i */
  tell(i) {
    const weight = this.data.weights[i];
    if (!weight) return;
    this.columns[this.at]?.setAttribute("aria-selected", "false");
    this.at = i;
    this.columns[i]?.setAttribute("aria-selected", "true");
    this.strip.setAttribute("aria-activedescendant", `weight-${i}`);
    const line = 0.74 * this.rem;
    for (const [k, group] of this.names.entries()) {
      const { at } = this.data.levels[k];
      const lit = at === weight.back;
      group.classList.toggle("lit", lit);
      // The name of the level that is told takes its neighbours' room.
      group.classList.toggle("aside", !lit && Math.abs(this.y(at) - this.y(weight.back)) < line);
    }
    for (const [k, group] of this.bytes.entries()) group.classList.toggle("lit", this.data.bytes[k].of.includes(i));
    fillCard(this.card, weight, { i, n: this.data.weights.length, one: this.data.one, go: (to) => this.choose(to) });
    this.root.dataset.at = String(i); // what tests wait for
  }
}

export default mounted(BlockView);
