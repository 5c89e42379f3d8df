// What each precision of a model takes on a card: stacked bars against the card's line, and two sliders under them.
// All sizes come from Python, for every position of the sliders, so that a bar follows the hand at once.

import { activeIn, make, rootSize, shape, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { hatched, torn } from "../kit/marks.js";
import { mounted } from "../kit/mount.js";
import { KINDS, legendPlaces, nearest, parts, planLayout, size, ticks, verdict } from "./bars.js";
import { Controls } from "./controls.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Kind, Row, Table } from "./bars.js" */

/**
 * What `memory_plan` in memory_plan/__init__.py sends. Sizes are bytes.
 * @typedef {object} Data
 * @property {string} of the model and the card; another picture where it differs
 * @property {Row[]} rows
 * @property {Table[]} tables
 * @property {number} reserve
 * @property {number[]} contexts positions of the first slider
 * @property {number[]} people positions of the second
 * @property {number} context
 * @property {number} sequences
 * @property {number} most people that can be written
 * @property {{ name: string, memory: number }} card
 * @property {number} end of the axis
 */

const HATCHED = new Set(["constants", "reserve"]);

/** @extends {Drawing<Data>} */
class MemoryPlan extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "plan");
    this.place = make("div");
    this.said = make("p", "said");
    this.said.setAttribute("aria-live", "polite");
    this.controls = new Controls(() => this.draw());
    this.root.append(this.place, this.controls.root, this.said);
    this.finish(this.place, "memory-plan", () => [{ x: 0, y: 0, svg: drawingIn(this.place) }]);
    /** @type {SVGGElement[]} */
    this.rows = [];
    /** @type {(value: unknown) => void} */
    this.choose = () => {};
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.choose = (value) => component.setTriggerValue("chose", value);
    this.controls.tell = this.choose;
    super.update(data, component);
  }

  /** @param {Data} data */
  replace(data) {
    this.controls.follow(data, data.of !== this.data?.of);
    super.replace(data);
  }

  draw() {
    const width = this.place.clientWidth;
    this.drawnFor = width;
    if (!width || !this.data) return;
    const { rows, card, end } = this.data;
    const rem = rootSize();
    const at = planLayout(rows, width, rem);
    const stacks = rows.map((row) => this.parts(row));
    const chosen = Math.max(0, rows.findIndex((row) => row.chosen));
    const focused = this.rows.indexOf(/** @type {SVGGElement} */ (activeIn(this.place)));
    const svg = shape("svg", { width, height: 0, role: "group", "aria-label": `Memory that each precision takes, against ${card.name}` });
    let top = this.drawLegend(svg, stacks[chosen].found, width, rem);
    const x = (/** @type {number} */ bytes) => at.left + (Math.min(bytes, end) / end) * at.plot;
    const height = top + 2.5 * rem + rows.length * at.row + 0.3 * rem;
    svg.setAttribute("height", String(Math.round(height)));
    this.drawAxis(svg, at, x, top, height, rem);
    top += 2.5 * rem;
    this.rows = rows.map((row, r) => this.drawRow(svg, row, r, stacks[r], at, x, top + r * at.row, rem));
    this.drawLine(svg, at, x, top, height, rem);
    this.place.replaceChildren(svg);
    if (focused >= 0) this.rows[Math.min(focused, rows.length - 1)].focus();
    const { total } = stacks[chosen];
    this.said.textContent = `${rows[chosen].label} on ${card.name}: ${size(total)} of ${size(card.memory)}, ${verdict(total, card.memory)}.`;
  }

  /** @param {Row} row */
  parts(row) {
    const { tables, contexts, people, reserve } = this.data;
    const { context, sequences } = this.controls.at;
    return parts(row, tables[row.table], reserve, nearest(contexts, context), nearest(people, sequences));
  }

  /**
   * Each colour with its name and how much of it the chosen row has.
   * @param {SVGSVGElement} svg @param {{ kind: Kind, bytes: number }[]} found @param {number} width @param {number} rem
   */
  drawLegend(svg, found, width, rem) {
    const has = new Map(found.map(({ kind, bytes }) => [kind, bytes]));
    const shown = KINDS.filter(([kind]) => has.has(kind));
    const texts = shown.map(([kind, name]) => `${name} ${size(has.get(kind) ?? 0)}`);
    const { places, lines } = legendPlaces(texts, width, rem);
    for (const [i, [kind]] of shown.entries()) {
      const { x, line } = places[i];
      const y = (0.15 + 1.5 * line) * rem;
      this.box(svg, kind, x, y, rem, rem, rem);
      svg.append(shape("text", { x: x + 1.3 * rem, y: y + 0.82 * rem, class: "name" }, texts[i]));
    }
    return (1.5 * lines + 0.2) * rem;
  }

  /**
   * @param {SVGElement} into @param {string} kind @param {number} x @param {number} y @param {number} width
   * @param {number} height @param {number} rem
   */
  box(into, kind, x, y, width, height, rem) {
    into.append(shape("rect", { x, y, width, height, class: `part ${kind}` }));
    if (HATCHED.has(kind)) into.append(shape("path", { d: hatched(x, y, width, height, 0.35 * rem), class: `hatch ${kind}` }));
  }

  /**
   * @param {SVGSVGElement} svg @param {ReturnType<typeof planLayout>} at @param {(bytes: number) => number} x
   * @param {number} top @param {number} bottom @param {number} rem
   */
  drawAxis(svg, at, x, top, bottom, rem) {
    const { card, end } = this.data;
    const y = top + 2.1 * rem;
    const line = x(card.memory);
    for (const [i, bytes] of ticks(end, at.plot / (5 * rem)).entries()) {
      svg.append(shape("line", { x1: x(bytes), x2: x(bytes), y1: y + 0.3 * rem, y2: bottom, class: i ? "grid" : "axis" }));
      if (Math.abs(x(bytes) - line) < 2.2 * rem && card.memory <= end) continue; // the line's own name says where it is
      svg.append(shape("text", { x: x(bytes), y, class: i ? "tick" : "tick first" }, i ? size(bytes).replace(".0 ", " ") : "0"));
    }
  }

  /**
   * The card's memory as a line through all rows; where the axis ends before it, an arrow to it.
   * @param {SVGSVGElement} svg @param {ReturnType<typeof planLayout>} at @param {(bytes: number) => number} x
   * @param {number} top @param {number} bottom @param {number} rem
   */
  drawLine(svg, at, x, top, bottom, rem) {
    const { card, end } = this.data;
    const beyond = card.memory > end;
    const line = x(card.memory);
    const words = `${card.name}: ${size(card.memory)}${beyond ? " \u2192" : ""}`;
    const room = at.left + at.plot - line;
    const side = beyond || room < 0.5 * words.length * 0.5 * rem ? "end" : line - at.left < 0.25 * words.length * rem ? "start" : "middle";
    svg.append(shape("text", { x: line, y: top - 1.7 * rem, class: `limit ${side}` }, words));
    if (!beyond) svg.append(shape("line", { x1: line, x2: line, y1: top - 1.45 * rem, y2: bottom, class: "limit" }));
  }

  /**
   * @param {SVGSVGElement} svg @param {Row} row @param {number} r @param {ReturnType<typeof parts>} stack
   * @param {ReturnType<typeof planLayout>} at @param {(bytes: number) => number} x @param {number} top @param {number} rem
   */
  drawRow(svg, row, r, { found, total }, at, x, top, rem) {
    const { card, end } = this.data;
    const fits = total <= card.memory;
    const node = shape("g", { class: row.chosen ? "row chosen" : "row", tabindex: row.chosen ? 0 : -1, role: "button" });
    node.setAttribute("aria-pressed", String(row.chosen));
    const note = row.note ? `, ${row.note}` : "";
    const inside = found.map(({ name, bytes }) => `${name} ${size(bytes)}`).join(", ");
    const said = `${row.label}${note}: ${size(total)}, ${verdict(total, card.memory)}. ${inside}`;
    node.append(shape("title", {}, said)); // its name as well
    const right = at.left + at.plot;
    node.append(shape("rect", { x: 0, y: top, width: this.drawnFor, height: at.row - 2, rx: 4, class: "band" }));
    const words = at.narrow ? top + 1.2 * rem : top + at.row / 2 + 0.3 * rem;
    const name = shape("text", { x: at.narrow ? 0.3 * rem : at.left - 0.6 * rem, y: words, class: at.narrow ? "label" : "label end" }, row.label);
    node.append(name);
    if (row.note) name.append(shape("tspan", { class: "note", dx: 0.4 * rem }, row.note));
    const result = `${fits ? "\u2713" : "\u2717"} ${size(total)}`;
    const rest = at.narrow ? "" : fits ? `, ${size(card.memory - total)} left` : `, ${size(total - card.memory)} too much`;
    const last = shape("text", { x: at.narrow ? this.drawnFor - 0.3 * rem : right + 0.8 * rem, y: words, class: at.narrow ? "total end" : "total" }, result);
    if (rest) last.append(shape("tspan", { class: "note" }, rest));
    const y = at.narrow ? top + 1.6 * rem : top + (at.row - 2 - at.bar) / 2;
    let from = 0;
    for (const { kind, name: part, bytes } of found) {
      const group = shape("g", {});
      group.append(shape("title", {}, `${part}: ${bytes.toLocaleString("en")} bytes`));
      const left = x(from);
      if (left < right) this.box(group, kind, left, y, Math.max(x(from + bytes) - left, 0.5), at.bar, rem);
      from += bytes;
      node.append(group);
    }
    if (total > end) node.append(shape("path", { d: torn(right, y, at.bar), class: "torn" }));
    node.append(last);
    this.listen(node, row, r);
    svg.append(node);
    return node;
  }

  /** @param {SVGGElement} node @param {Row} row @param {number} r */
  listen(node, row, r) {
    const pick = () => this.choose({ precision: row.spec });
    node.addEventListener("click", pick);
    node.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) this.rows[Math.max(0, Math.min(this.rows.length - 1, r + step))].focus();
      else if (event.key === "Enter" || event.key === " ") pick();
      else return;
      used(event);
    });
  }

  destroy() {
    this.controls.destroy();
    super.destroy();
  }
}

export default mounted(MemoryPlan);
