// The graph of a tree: a lane for each branch, a line for each token, as thick as it was probable.

import { clamp, shape, shortened } from "../kit/dom.js";
import { shortPercent } from "../stream_view/tokens.js";
import { axisNumbers, lanes, longest, onPath, thickness } from "./layout.js";

/** @import { Data } from "./branches.js" */
/** @import { Laid, Row } from "./layout.js" */

const LANE = 2.75; // rem
const STUB = 1.3;
const ABOVE = 2.3; // of the lowest stub, over its lane's label
const HEAD = 1.75;
const LETTER = 0.55;
const READABLE = 2.2; // rem for a token from which on its label is written

export class Graph {
  /** @param {(asked: unknown) => void} ask @param {(words: string) => void} say */
  constructor(ask, say) {
    this.ask = ask;
    this.say = say;
    this.data = /** @type {Data} */ (/** @type {unknown} */ (null));
    /** @type {Laid[]} */
    this.laid = [];
    /** @type {number[]} */
    this.tops = [];
    this.pixels = 1;
    this.left = 0;
    this.narrow = false; // little room: leaves without names
  }

  /** Rem that the words behind the longest lane take. @param {Row[]} rows */
  behind(rows) {
    return Math.min(12, 1.5 + LETTER * Math.max(...rows.map((row) => this.leaf(row).length)));
  }

  /** @param {Row} row */
  leaf(row) {
    const bits = `${row.bits.toFixed(1)} bits`;
    return this.narrow ? bits : `${shortened(row.name, 20)} · ${bits}`;
  }

  /**
   * @param {Data} data @param {number} pixels for a token @param {number} rem
   * @returns {SVGSVGElement}
   */
  draw(data, pixels, rem) {
    const { rows, chosen, stubs } = data;
    this.data = data;
    this.pixels = pixels;
    this.left = 0.5 * rem;
    this.laid = lanes(rows);
    const path = onPath(rows, chosen);
    const holder = [...path].find(([, end]) => data.at < end && this.starts(path, end) <= data.at)?.[0] ?? chosen;
    let y = HEAD * rem;
    this.tops = this.laid.map(({ row }) => {
      y += LANE * rem + (row.number === holder && stubs.length ? (stubs.length * STUB + ABOVE - LANE / 2) * rem : 0);
      return y;
    });
    const width = this.left + longest(rows) * pixels + this.behind(rows) * rem;
    const height = y + 1.25 * rem;
    const svg = shape("svg", { width, height, role: "img", "aria-label": "Graph of the branches; the table below has the same numbers" });
    for (const n of axisNumbers(longest(rows), pixels, 3 * rem)) {
      svg.append(shape("text", { x: this.x(n - 0.5), y: rem, class: "tick" }, String(n)));
    }
    for (const [i, { row }] of this.laid.entries()) this.lane(svg, row, this.tops[i], path, rem);
    const at = this.laid.findIndex(({ row }) => row.number === holder);
    if (at >= 0) this.fan(svg, this.before(this.laid[at].row, this.tops[at]), this.tops[at] - ABOVE * rem, rem);
    svg.addEventListener("click", (event) => this.press(event, svg));
    svg.addEventListener("pointermove", (event) => this.point(event, svg));
    return svg;
  }

  /**
   * The height at which a path comes to the chosen step: where that step leaves another branch, its lane.
   * @param {Row} row @param {number} y
   */
  before(row, y) {
    if (this.data.at !== row.common || row.of === row.number) return y;
    return this.tops[this.laid.findIndex((one) => one.row.number === row.of)] ?? y;
  }

  /** Where the part of a path begins that ends at `end`. @param {Map<number, number>} path @param {number} end */
  starts(path, end) {
    return Math.max(0, ...[...path.values()].filter((other) => other < end));
  }

  /** @param {number} token how many tokens are before it */
  x(token) {
    return this.left + token * this.pixels;
  }

  /** @param {SVGSVGElement} svg @param {Row} row @param {number} y @param {Map<number, number>} path @param {number} rem */
  lane(svg, row, y, path, rem) {
    const { at, chosen } = this.data;
    const onto = path.get(row.number) ?? 0;
    const parent = this.laid.findIndex((one) => one.row.number === row.of);
    const above = row.of === row.number || parent < 0 ? y : this.tops[parent];
    for (const [i, token] of row.tokens.entries()) {
      const place = row.common + i;
      const lit = place < onto;
      this.edge(svg, token, place, [i === 0 ? above : y, y], rem, [lit ? "lit" : "", lit && place === at ? "picked" : ""]);
    }
    const end = row.common + row.tokens.length;
    const shown = row.tokens.length ? y : above + 1.1 * rem;
    svg.append(shape("text", { x: this.x(end) + 0.5 * rem, y: shown + 0.3 * rem, class: row.number === chosen ? "leaf lit" : "leaf" }, this.leaf(row)));
  }

  /**
   * One token: its line from the lane above or its own, its label where there is room.
   * @param {SVGSVGElement} svg @param {Row["tokens"][number]} token @param {number} place
   * @param {[above: number, own: number]} lanes @param {number} rem @param {[lit: string, picked: string]} kinds
   */
  edge(svg, [label, p, bits], place, [above, y], rem, [lit, picked]) {
    const [from, to] = [this.x(place), this.x(place + 1)];
    const leaves = above !== y;
    const turn = leaves ? Math.min((from + to) / 2, from + 0.75 * rem) + 0.2 * rem : from;
    const bend = leaves ? `M${from} ${above}C${turn} ${above} ${from} ${y} ${turn} ${y}` : `M${from} ${y}`;
    const kind = ["edge", lit, picked, bits ? "forced" : ""].filter(Boolean).join(" ");
    svg.append(shape("path", { d: `${bend}L${Math.max(to, turn)} ${y}`, class: kind, "stroke-width": thickness(p) }));
    const readable = this.pixels >= READABLE * rem;
    if (readable || leaves) {
      const room = readable ? Math.floor((this.pixels - 0.25 * rem) / (LETTER * rem)) : 10;
      const words = shortened(this.data.labels[label], Math.max(2, room));
      svg.append(shape("text", { x: turn + 0.1 * rem, y: y - 0.6 * rem, class: `label ${lit}` }, words));
    }
    if (readable) svg.append(shape("circle", { cx: to, cy: y, r: 0.14 * rem, class: `node ${lit}` }));
  }

  /**
   * What else could have been said at the chosen step.
   * @param {SVGSVGElement} svg @param {number} y where the lines begin @param {number} low of the lowest one @param {number} rem
   */
  fan(svg, y, low, rem) {
    const { stubs, labels, at, frozen, chosen } = this.data;
    const from = this.x(at);
    for (const [i, [id, label, p, percent]] of stubs.entries()) {
      const up = low - (stubs.length - 1 - i) * STUB * rem;
      const group = shape("g", { class: frozen ? "stub still" : "stub" });
      group.append(shape("path", { d: `M${from} ${y}C${from + 0.7 * rem} ${y} ${from} ${up} ${from + 1.4 * rem} ${up}L${from + 2 * rem} ${up}`, "stroke-width": thickness(p) }));
      group.append(shape("text", { x: from + 2.3 * rem, y: up + 0.3 * rem }, `${shortened(labels[label], 14)} ${percent}`));
      group.append(shape("title", {}, frozen ? "press Generate first" : "go on from this token"));
      if (!frozen) {
        group.addEventListener("click", (event) => {
          event.stopPropagation();
          this.ask({ kind: "fork", number: chosen, at, id });
        });
      }
      svg.append(group);
    }
  }

  /**
   * The branch and the token under a pointer.
   * @param {MouseEvent} event @param {SVGSVGElement} svg
   */
  under(event, svg) {
    const { left, top } = svg.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    const place = Math.floor((x - this.left) / this.pixels);
    const near = this.laid.map(({ row }, i) => {
      const n = row.common + row.tokens.length;
      const outside = place < row.common || place >= n || !row.tokens.length;
      return { row, distance: Math.abs(y - this.tops[i]) + (outside ? 1e4 : 0), n };
    });
    const { row, n } = near.reduce((best, one) => (one.distance < best.distance ? one : best));
    return { row, at: clamp(place, row.common, Math.max(row.common, n - 1)) };
  }

  /** @param {MouseEvent} event @param {SVGSVGElement} svg */
  press(event, svg) {
    const { row, at } = this.under(event, svg);
    this.ask({ kind: "step", number: row.number, at });
  }

  /** @param {MouseEvent} event @param {SVGSVGElement} svg */
  point(event, svg) {
    const { row, at } = this.under(event, svg);
    const token = row.tokens[at - row.common];
    if (token) this.say(`${row.name}, token ${at + 1}: ${this.data.labels[token[0]]} ${shortPercent(token[1])}`);
  }
}
