// Layers as rows: a cell for each matrix, and beside them what rounding this layer does, as a bar.

import { make, shape, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { evident, fade, fittingUnit, moved, repick, reveal } from "../kit/room.js";
import { barLength, fits, rowsLayout } from "./layout.js";

// In sixteenths of a rem.
const [ROW, HEAD, FOOT] = [20, 40, 32];
const STRONGEST = 50; // per cent of orange in the ground: with more, the ink on it would have less than 4.5:1

/** What a reader of the screen hears begins with what is seen, as it must. @param {string} shown @param {string} says */
const named = (shown, says) => ({ "aria-label": shown ? `${shown}. ${says}` : says, "data-says": says });

/** @typedef {[share: number | null, text: string, says: string]} Cell share of the strongest shade, null for none */
/** @typedef {[share: number, text: string, says: string]} Bar share of the axis; more than 1 is cut */

/**
 * What `layer_rows` in layer_rows/__init__.py sends.
 * @typedef {object} RowsData
 * @property {string} name what a reader of the screen hears first
 * @property {[short: string, long: string][]} columns
 * @property {{ label: string, layer: number, cells: (Cell | null)[], bar: Bar | null }[]} rows a cell is null where there is no such matrix
 * @property {{ label: string, cells: (Bar | null)[], bar: Bar | null }} foot of all layers together
 * @property {number | null} mark share of the axis at which a line stands
 * @property {[cells: string, bars: string]} titles
 * @property {[row: number, column: number]} picked
 */

/** @extends {Drawing<RowsData>} */
class LayerRows extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "rows");
    this.scroller = make("div", "scroller");
    evident(this.scroller);
    this.says = make("div", "says");
    this.says.setAttribute("aria-live", "polite");
    this.root.append(this.scroller, this.says);
    this.finish(this.scroller, "layer_by_layer", () => [{ x: 0, y: 0, svg: drawingIn(this.scroller) }]);
    this.unit = 1;
    this.layout = rowsLayout(1, 600, 1);
    /** @type {[row: number, column: number]} */
    this.at = [0, 0];
    /** @type {SVGGElement[][]} */
    this.nodes = [];
  }

  /** @param {RowsData} data */
  replace(data) {
    const focused = this.nodes.some((row) => row.some((node) => node.matches(":focus")));
    const left = this.scroller.scrollLeft;
    super.replace(data);
    this.scroller.scrollLeft = left;
    fade(this.scroller);
    if (focused) this.nodes[this.at[0]]?.[this.at[1]]?.focus({ preventScroll: true });
  }

  draw() {
    const { data } = this;
    const n = data.rows.length;
    this.drawnFor = this.scroller.clientWidth;
    this.unit = fittingUnit(HEAD + n * ROW + FOOT + 60);
    this.root.style.setProperty("--unit", `${this.unit}px`);
    this.layout = rowsLayout(data.columns.length, this.drawnFor, this.unit);
    const { unit: u, layout } = this;
    const height = (HEAD + n * ROW + FOOT) * u;
    const svg = shape("svg", { width: layout.width, height, role: "grid", "aria-label": data.name });
    svg.append(this.head());
    if (data.mark !== null) {
      const x = layout.bars + barLength(data.mark, layout.longest);
      svg.append(shape("line", { x1: x, x2: x, y1: (HEAD - 4) * u, y2: (HEAD + n * ROW + 4) * u, class: "mark" }));
    }
    this.nodes = data.rows.map((row, r) => {
      const group = shape("g", { role: "row" });
      const nodes = this.row(row, r);
      group.append(...nodes);
      svg.append(group);
      return nodes;
    });
    svg.append(...this.foot());
    svg.addEventListener("click", (event) => {
      const place = event.target instanceof Element && event.target.closest("[data-c]");
      if (place) this.choose(Number(place.getAttribute("data-r")), Number(place.getAttribute("data-c")));
    });
    svg.addEventListener("keydown", (event) => this.press(event));
    svg.addEventListener("pointerover", (event) => this.tell(event.target));
    svg.addEventListener("focusin", (event) => this.tell(event.target));
    svg.addEventListener("pointerleave", () => this.tell(null));
    this.scroller.replaceChildren(svg);
    this.mark(...data.picked);
    reveal(this.scroller, this.nodes[data.picked[0]]?.[data.picked[1]]);
    this.tell(null);
  }

  /** What is pointed at, in words. @param {EventTarget | null} target */
  tell(target) {
    const place = target instanceof Element && target.closest("[aria-label]:not([role=grid])");
    const shown = place ?? this.nodes[this.at[0]]?.[this.at[1]];
    const text = shown ? (shown.getAttribute("data-says") ?? shown.getAttribute("aria-label")) : null;
    if (this.says.textContent !== text) this.says.textContent = text ?? "";
  }

  head() {
    const { data, unit: u, layout } = this;
    const row = shape("g", { role: "row" });
    row.append(this.word(0, (HEAD - 7) * u, "Layer", "quiet", { role: "columnheader" }));
    row.append(this.word(layout.label, 13 * u, data.titles[0], "quiet", { "aria-hidden": "true" }));
    for (const [c, [short, long]] of data.columns.entries()) {
      const x = layout.label + (c + 0.5) * layout.cell;
      const turned = !fits(short, layout.cell, u);
      const name = turned ? shortest(short) : short;
      const head = this.word(x, (HEAD - 7) * u, name, "middle", { role: "columnheader", "aria-label": long });
      head.append(shape("title", {}, long));
      row.append(head);
    }
    row.append(this.word(layout.bars, (HEAD - 7) * u, data.titles[1], "quiet", { role: "columnheader" }));
    return row;
  }

  /** @param {RowsData["rows"][number]} row @param {number} r */
  row(row, r) {
    const { unit: u, layout } = this;
    const y = (HEAD + r * ROW) * u;
    const cells = row.cells.map((cell, c) => {
      const place = { "data-r": r, "data-c": c, role: "gridcell", tabindex: -1 };
      const group = shape("g", cell ? { ...place, ...named(cell[1], cell[2]), class: "cell" } : { role: "gridcell", "aria-label": `Layer ${row.label} has no such matrix` });
      const box = shape("rect", { x: layout.label + c * layout.cell + 1, y: y + 1, width: layout.cell - 2, height: ROW * u - 2, rx: 3 });
      if (!cell) box.classList.add("nothing");
      else if (cell[0] === null) box.classList.add("unknown");
      else box.style.setProperty("--share", `${STRONGEST * Math.min(1, cell[0])}%`);
      group.append(box);
      if (cell?.[1] && fits(cell[1], layout.cell, u)) {
        group.append(this.word(layout.label + (c + 0.5) * layout.cell, y + 14.5 * u, cell[1], "middle"));
      }
      return group;
    });
    const said = row.bar ? row.bar[2] : `Layer ${row.label}: not computed yet`;
    const bar = shape("g", { "data-r": r, "data-c": row.cells.length, role: "gridcell", tabindex: -1, ...named(row.bar?.[1] ?? "", said), class: "bar" });
    bar.append(shape("rect", { class: "ground", x: layout.bars - 2, y, width: layout.width - layout.bars, height: ROW * u, rx: 3 }));
    bar.append(...this.bar(row.bar, y));
    return [this.word(layout.label - 8 * u, y + 14.5 * u, row.label, "end", { "aria-hidden": "true" }), ...cells, bar];
  }

  /** @param {Bar | null} bar @param {number} y */
  bar(bar, y) {
    const { unit: u, layout } = this;
    if (!bar) return [this.word(layout.bars, y + 14.5 * u, "\u2026", "quiet")];
    const [share, text] = bar;
    const length = barLength(share, layout.longest);
    /** @type {SVGElement[]} */
    const parts = [shape("rect", { class: "length", x: layout.bars, y: y + 3 * u, width: length, height: (ROW - 6) * u, rx: 2 })];
    if (share > 1) {
      const x = layout.bars + length * 0.82;
      parts.push(shape("path", { class: "cut", d: `M${x} ${y + 1 * u}l${6 * u} ${9 * u}l${-6 * u} 0l${6 * u} ${9 * u}` }));
    }
    const { mark } = this.data;
    const end = Math.max(length, mark === null ? 0 : barLength(mark, layout.longest)); // beyond the line, not under it
    return [...parts, this.word(layout.bars + end + 6 * u, y + 14.5 * u, text, "number")];
  }

  /** All layers together: each kind of matrix alone under its column, and everything as a bar. */
  foot() {
    const { data, unit: u, layout } = this;
    const y = (HEAD + data.rows.length * ROW + 8) * u;
    const row = shape("g", { role: "row", class: "foot" });
    row.append(shape("line", { x1: 0, x2: layout.width, y1: y - 4 * u, y2: y - 4 * u, class: "rule" }));
    row.append(this.word(layout.label - 8 * u, y + 14.5 * u, data.foot.label, "end", { role: "rowheader" }));
    for (const [c, cell] of data.foot.cells.entries()) {
      const x = layout.label + c * layout.cell;
      const group = shape("g", { role: "gridcell", ...named(cell?.[1] ?? "", cell ? cell[2] : `${data.columns[c][1]}: not computed yet`) });
      group.append(shape("rect", { class: "ground", x, y, width: layout.cell, height: ROW * u }));
      if (cell) group.append(shape("rect", { class: "length", x: x + 2, y: y + 17 * u, width: barLength(cell[0], layout.cell - 4), height: 4 * u }));
      const text = cell ? cell[1] : "\u2026";
      if (fits(text, layout.cell, u)) group.append(this.word(x + layout.cell / 2, y + 13.5 * u, text, cell ? "middle" : "middle quiet"));
      row.append(group);
    }
    const all = shape("g", { role: "gridcell", ...named(data.foot.bar?.[1] ?? "", data.foot.bar ? data.foot.bar[2] : "All layers: not computed yet") });
    all.append(...this.bar(data.foot.bar, y));
    row.append(all);
    return [row];
  }

  /** @param {number} x @param {number} y @param {string} text @param {string} className @param {Record<string, string>} [more] */
  word(x, y, text, className, more) {
    return shape("text", { x, y, class: className, ...more }, text);
  }

  /** @param {number} r @param {number} c */
  mark(r, c) {
    const node = repick(this.nodes, this.at, [r, c]);
    this.at = [r, c];
    return node;
  }

  /** @param {number} r @param {number} c */
  choose(r, c) {
    this.mark(r, c);
    this.pick({ layer: this.data.rows[r].layer, column: c });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const next = moved(event.key, this.at, [this.data.rows.length, this.data.columns.length + 1]);
    if (event.key === "Enter" || event.key === " ") this.choose(...this.at);
    else if (next) {
      const node = this.mark(...next);
      node?.focus({ preventScroll: true });
      reveal(this.scroller, node);
    } else return;
    used(event);
  }
}

/** @param {string} word */
const shortest = (word) => Array.from(word).slice(0, 3).join("");

export default mounted(LayerRows);
