// Probabilities of the same tokens in several precisions, beside each other on one fixed axis from 0 to 100 %.

import { make, rootSize, shape, shortened } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { table } from "./layout.js";

/** @import { Table } from "./layout.js" */

/**
 * One precision: see `Column` in precision_view/__init__.py.
 * @typedef {object} Column
 * @property {string} name
 * @property {string} colour
 * @property {boolean} outlined a variant of another precision, which has the same colour
 * @property {number[]} shares one a token, 0 to 1; empty while they are not there
 * @property {string[]} texts the same in words
 * @property {number} top which token is the most probable one; -1 for none of them
 * @property {string} note instead of bars
 */

/**
 * @typedef {object} Data
 * @property {string[]} tokens
 * @property {Column[]} columns
 * @property {string} name of the chart
 */

/** @extends {Drawing<Data>} */
class PrecisionBars extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "precision-bars");
    this.place = make("div");
    this.root.append(this.place);
    this.finish(this.place, "precisions", () => [{ x: 0, y: 0, svg: drawingIn(this.place) }]);
  }

  draw() {
    const { tokens, columns, name } = this.data;
    const width = this.place.clientWidth;
    this.drawnFor = width;
    if (!width) return;
    const rem = rootSize();
    const longest = Math.max(0, ...tokens.map((label) => Array.from(label).length));
    const names = columns.map((column) => column.name);
    const at = table(width, rem, tokens.length, names, longest);
    const svg = shape("svg", { width, height: at.height + 0.3 * rem, role: "img", "aria-label": name });
    if (at.panels) this.drawPanels(svg, at, rem);
    else this.drawBeside(svg, at, rem, width);
    this.place.replaceChildren(svg);
  }

  /** @param {SVGSVGElement} svg @param {Table} at @param {number} rem @param {number} width */
  drawBeside(svg, at, rem, width) {
    const { tokens, columns } = this.data;
    for (const [r, token] of tokens.entries()) {
      const y = at.head + r * at.row;
      if (r % 2 === 0) svg.append(shape("rect", { x: 0, y, width, height: at.row, class: "band" }));
      const label = shortened(token, at.letters);
      svg.append(shape("text", { x: at.left - 0.6 * rem, y: y + at.row / 2 + 0.35 * rem, class: "token label" }, label));
    }
    for (const [c, column] of columns.entries()) {
      const x = at.left + c * at.column;
      svg.append(shape("rect", { x, y: 0.55 * rem, width: 0.75 * rem, height: 0.75 * rem, ...paint(column) }));
      svg.append(shape("text", { x: x + 1.05 * rem, y: 1.22 * rem, class: "name" }, shortened(column.name, Math.floor((at.column - 1.4 * rem) / (0.56 * rem)))));
      svg.append(shape("line", { x1: x, x2: x, y1: at.head - 0.5 * rem, y2: at.height, class: "axis" }));
      if (!column.shares.length) {
        svg.append(shape("text", { x: x + 0.4 * rem, y: at.head + at.row / 2 + 0.35 * rem, class: "quiet" }, shortened(column.note, Math.floor(at.column / (0.5 * rem)))));
      }
      for (const r of column.shares.keys()) this.drawBar(svg, column, r, x, at.head + r * at.row, at, rem);
    }
  }

  /** @param {SVGSVGElement} svg @param {Table} at @param {number} rem */
  drawPanels(svg, at, rem) {
    const { tokens, columns } = this.data;
    for (const [r, token] of tokens.entries()) {
      const left = (r % at.panels) * at.column;
      const top = Math.floor(r / at.panels) * at.group;
      const x = left + at.left;
      svg.append(shape("text", { x, y: top + 1.05 * rem, class: "token head" }, shortened(token, at.letters)));
      svg.append(shape("line", { x1: x, x2: x, y1: top + at.head - 0.1 * rem, y2: top + at.head + columns.length * at.row, class: "axis" }));
      for (const [c, column] of columns.entries()) {
        const y = top + at.head + c * at.row;
        svg.append(shape("text", { x: x - 0.5 * rem, y: y + at.row / 2 + 0.32 * rem, class: "name end" }, shortened(column.name, 11)));
        if (column.shares.length) this.drawBar(svg, column, r, x, y, at, rem);
        else svg.append(shape("text", { x: x + 0.35 * rem, y: y + at.row / 2 + 0.32 * rem, class: "quiet" }, r ? "\u2026" : shortened(column.note, Math.floor(at.plot / (0.45 * rem)))));
      }
    }
  }

  /**
   * @param {SVGSVGElement} svg @param {Column} column @param {number} r @param {number} x @param {number} y
   * @param {Table} at @param {number} rem
   */
  drawBar(svg, column, r, x, y, at, rem) {
    const share = column.shares[r];
    const length = share * at.plot;
    const group = shape("g", {});
    group.append(shape("title", {}, `${column.name}: \u201c${this.data.tokens[r]}\u201d ${column.texts[r]}`));
    group.append(shape("rect", { x, y: y + at.row * 0.16, width: Math.max(share > 0 ? 1 : 0, length), height: at.row * 0.68, ...paint(column) }));
    const kind = column.top === r ? "value top" : "value";
    group.append(shape("text", { x: x + length + 0.35 * rem, y: y + at.row / 2 + 0.34 * rem, class: kind }, column.texts[r]));
    svg.append(group);
  }
}

/**
 * @param {Column} column
 * @returns {Record<string, string | number>}
 */
const paint = ({ colour, outlined }) =>
  outlined ? { fill: colour, "fill-opacity": 0.45, stroke: colour, "stroke-width": 1.5 } : { fill: colour };

export default mounted(PrecisionBars);
