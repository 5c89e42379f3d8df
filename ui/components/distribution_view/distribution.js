// What the next token is drawn from: bars on one axis whose end no bar can move, and the strip that a die lands on.

import { activeIn, make, rootSize, shape, shortened, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { hatched, torn } from "../kit/marks.js";
import { mounted } from "../kit/mount.js";
import { axisTicks, barLength, chartLayout, tick } from "./layout.js";
import { StripView } from "./strip.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Layout } from "./layout.js" */
/** @import { Rolled, Strip } from "./strip.js" */

/**
 * One token: see `Bar` in distribution_view/__init__.py.
 * @typedef {object} Bar
 * @property {number} id
 * @property {string} label
 * @property {number} own
 * @property {number} drawn
 * @property {number} before
 * @property {string} removed_by
 * @property {number} count
 * @property {boolean} can_be_added
 * @property {string} ownText
 * @property {string} drawnText
 */

/**
 * @typedef {object} Data
 * @property {Bar[]} bars
 * @property {Strip} strip
 * @property {Rolled} rolled
 * @property {number} axisEnd
 * @property {boolean} unchanged
 * @property {string} colour
 * @property {string} of
 */

/** @extends {Drawing<Data>} */
class DistributionView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "distribution");
    this.place = make("div");
    /** @type {(name: string, value: unknown) => void} */
    this.send = () => {};
    this.strip = new StripView((n) => this.send("rolled", { n, of: this.data.of }));
    this.root.append(this.place, this.strip.root);
    this.finish(this.place, "next-token", () => {
      const bars = drawingIn(this.place);
      return [
        { x: 0, y: 0, svg: bars },
        { x: 0, y: Number(bars.getAttribute("height")), svg: this.strip.drawing() },
      ];
    });
    /** @type {SVGGElement[]} */
    this.rows = [];
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.send = component.setTriggerValue;
    super.update(data, component);
  }

  draw() {
    const { bars, strip, rolled, unchanged, colour } = this.data;
    const width = this.place.clientWidth;
    this.drawnFor = width;
    if (!width) return;
    const rem = rootSize();
    const labels = bars.map((bar) => bar.label);
    const at = chartLayout(labels, width, rem, { own: !unchanged, count: rolled.n > 0 });
    const focused = this.rows.indexOf(/** @type {SVGGElement} */ (activeIn(this.place)));
    this.root.style.setProperty("--bar", colour);
    const height = at.head + bars.length * at.row + 0.25 * rem;
    const svg = shape("svg", { width, height, role: "group", "aria-label": "Probability of each next token" });
    this.drawAxis(svg, at, rem, height);
    this.rows = bars.map((bar, r) => this.drawRow(svg, bar, r, at, rem));
    this.place.replaceChildren(svg);
    if (focused >= 0) this.rows[Math.min(focused, bars.length - 1)].focus();
    const wide = at.plot > 18 * rem; // else the strip takes the whole width, as there is little of it
    this.strip.draw(strip, rolled, { left: wide ? at.left : rem, plot: wide ? at.plot : width - 2.5 * rem, width, rem });
  }

  /** @param {SVGSVGElement} svg @param {Layout} at @param {number} rem @param {number} height */
  drawAxis(svg, at, rem, height) {
    const { axisEnd, unchanged, rolled } = this.data;
    const words = axisEnd === 1 ? "probability" : `zoomed in: the axis ends at ${tick(axisEnd)}`;
    svg.append(shape("text", { x: at.left, y: rem, class: axisEnd === 1 ? "name" : "name zoomed" }, words));
    const ticks = axisTicks(axisEnd).filter((_, i) => at.plot > 18 * rem || i % 2 === 0);
    for (const [i, share] of ticks.entries()) {
      const x = at.left + (share / axisEnd) * at.plot;
      svg.append(shape("line", { x1: x, x2: x, y1: at.head - 0.25 * rem, y2: height, class: i ? "grid" : "axis" }));
      svg.append(shape("text", { x, y: at.head - 0.6 * rem, class: i ? "tick" : "tick first" }, tick(share)));
    }
    const column = (/** @type {number | null} */ x, /** @type {string} */ kind, /** @type {string[]} */ lines) => {
      if (x === null) return;
      for (const [i, line] of lines.entries()) {
        svg.append(shape("text", { x, y: (1 + 1.15 * i) * rem, class: `heading ${kind}` }, line));
      }
    };
    column(at.value, "drawn", unchanged ? ["\u25a0 the model's", "own"] : ["\u25a0 drawn", "with"]);
    column(at.own, "own", ["\u25a1 the model's", "own"]);
    column(at.count, "count", ["\u2503 rolled,", `of ${rolled.n.toLocaleString("en")}`]);
  }

  /** @param {SVGSVGElement} svg @param {Bar} bar @param {number} r @param {Layout} at @param {number} rem */
  drawRow(svg, bar, r, at, rem) {
    const { axisEnd, unchanged, rolled } = this.data;
    const top = at.head + r * at.row;
    const middle = top + at.row / 2;
    const base = middle + 0.35 * rem;
    const row = shape("g", { class: bar.can_be_added ? "row" : "row fixed", tabindex: r ? -1 : 0 });
    row.setAttribute("role", bar.can_be_added ? "button" : "img");
    row.append(shape("title", {}, this.words(bar))); // its name as well
    row.append(shape("rect", { x: 0, y: top, width: at.count ?? at.own ?? at.value, height: at.row, class: "band" }));
    row.append(shape("text", { x: at.left - 0.6 * rem, y: base, class: "token" }, shortened(bar.label, at.letters)));
    const piece = (/** @type {number} */ share, /** @type {number} */ size, /** @type {string} */ kind) => {
      const { length, cut } = barLength(share, axisEnd, at.plot);
      const y = middle - size / 2;
      row.append(shape("rect", { x: at.left, y, width: Math.max(length, share > 0 ? 1 : 0), height: size, class: kind }));
      if (kind === "removed") row.append(shape("path", { d: hatched(at.left, y, length, size, 0.4 * rem), class: "hatch" }));
      if (cut) row.append(shape("path", { d: torn(at.left + at.plot, y, size), class: "torn" }));
      return length;
    };
    const removed = bar.removed_by !== "";
    const length = removed ? piece(bar.before, 0.9 * rem, "removed") : piece(bar.drawn, 0.9 * rem, "drawn");
    const ghost = unchanged ? 0 : piece(bar.own, 1.4 * rem, "ghost");
    if (bar.count > 0) {
      const share = bar.count / rolled.n;
      if (share <= axisEnd) {
        const x = at.left + (share / axisEnd) * at.plot;
        row.append(shape("line", { x1: x, x2: x, y1: top + 0.1 * rem, y2: top + at.row - 0.1 * rem, class: "share" }));
      }
    }
    if (removed) {
      const end = at.left + Math.max(length, ghost);
      const words = at.plot > 18 * rem ? `removed by ${bar.removed_by}` : bar.removed_by;
      const inside = end + (words.length * 0.48 + 0.5) * rem > at.left + at.plot;
      const x = inside ? at.left + at.plot - 0.3 * rem : end + 0.5 * rem;
      row.append(shape("text", { x, y: base, class: inside ? "rule inside" : "rule" }, words));
    }
    const number = (/** @type {number | null} */ x, /** @type {string} */ kind, /** @type {string} */ text) => {
      if (x !== null) row.append(shape("text", { x, y: base, class: `number ${kind}` }, text));
    };
    number(at.value, removed ? "drawn gone" : "drawn", bar.drawnText);
    number(at.own, "own", bar.ownText);
    number(at.count, "count", bar.count.toLocaleString("en"));
    this.listen(row, bar, r);
    svg.append(row);
    return row;
  }

  /** @param {SVGGElement} row @param {Bar} bar @param {number} r */
  listen(row, bar, r) {
    const pick = () => {
      if (bar.can_be_added) this.send("picked", { id: bar.id, of: this.data.of });
    };
    row.addEventListener("click", pick);
    row.addEventListener("pointerenter", () => this.strip.light(bar.id));
    row.addEventListener("pointerleave", () => this.strip.light(null));
    row.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) this.rows[Math.max(0, Math.min(this.rows.length - 1, r + step))].focus();
      else if (event.key === "Enter" || event.key === " ") pick();
      else return;
      used(event);
    });
  }

  /** @param {Bar} bar */
  words(bar) {
    const { unchanged, rolled } = this.data;
    const fate = bar.removed_by
      ? `removed by ${bar.removed_by}, the model's own probability ${bar.ownText}`
      : unchanged
        ? `probability ${bar.drawnText}`
        : `drawn with ${bar.drawnText}, the model's own probability ${bar.ownText}`;
    const rolls = rolled.n ? `, rolled ${bar.count.toLocaleString("en")} of ${rolled.n.toLocaleString("en")} times` : "";
    const leads = bar.can_be_added ? ". Adds it to the text." : ". Not a text by itself.";
    return `${bar.label}: ${fate}${rolls}${leads}`;
  }
}

export default mounted(DistributionView);
