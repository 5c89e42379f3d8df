// One token's way from the text to the prediction, among its neighbours; every part is a link to its own page.

import { make, percent, shape, shortened, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { fittingUnit } from "../kit/room.js";
import { onShade } from "../kit/shade.js";
import { columnsLayout, layerRow } from "./layout.js";

/**
 * What `overview` in overview/__init__.py sends.
 * @typedef {object} OverviewData
 * @property {{ label: string, id: number, special: boolean, numbers: number[], steps: [text: string, share: number, agrees: boolean][] }[]} columns
 * @property {number} first position of the first column in the text
 * @property {number} nTokens
 * @property {number} width numbers of a vector
 * @property {number} largest absolute number
 * @property {number} chosen column
 * @property {[text: string, share: number][]} guesses
 * @property {Record<string, [label: string, says: string, href: string]>} doors
 * @property {string} name
 */

// In sixteenths of a rem.
const [TOKEN, ID, STRIP, NUMBERS, BAR, GAP, NAME] = [36, 20, 20, 20, 23, 12, 22];
const HEIGHT = 735; // of the whole, of a model with 30 layers

/** @extends {Drawing<OverviewData>} */
class OverviewView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "overview");
    this.place = make("div", "place");
    this.note = make("div", "note");
    this.root.append(this.place, this.note);
    this.finish(this.place, "overview", () => [{ x: 0, y: 0, svg: drawingIn(this.place) }]);
    this.unit = 1;
    this.y = 0;
    this.layout = columnsLayout(1, 0, 600, 1);
    this.svg = shape("svg", {});
  }

  draw() {
    const { data } = this;
    this.drawnFor = this.place.clientWidth;
    this.unit = fittingUnit(HEIGHT);
    this.root.style.setProperty("--unit", `${this.unit}px`);
    this.layout = columnsLayout(data.columns.length, data.chosen, this.drawnFor, this.unit);
    this.svg = shape("svg", { width: this.drawnFor, role: "group", "aria-label": data.name });
    this.y = 0;
    const way = shape("rect", { class: "way", x: this.x(data.chosen) - 2, width: this.layout.column + 4, rx: 6 });
    this.svg.append(way);
    const from = this.name("tokens");
    this.tokens();
    this.name("ids");
    this.ids();
    const [at, { stacked }] = [this.y + GAP * this.unit, this.layout];
    this.name("vectors");
    const [x, y] = stacked ? [110, 16] : [0, 36];
    this.svg.append(shape("text", { x: x * this.unit, y: at + y * this.unit, class: "quiet small" }, `${data.columns[0].numbers.length} of ${data.width} numbers`));
    this.vectors();
    this.name("layers", "attention");
    this.layers();
    way.setAttribute("y", String(from - 3));
    way.setAttribute("height", String(this.y - from + GAP * this.unit));
    this.name("next");
    this.guesses();
    this.svg.setAttribute("height", String(this.y + 4));
    const focus = this.root.contains(document.activeElement) || this.place.querySelector(":focus") !== null;
    this.place.replaceChildren(this.svg);
    if (focus) /** @type {SVGElement | null} */ (this.svg.querySelector(".token.chosen"))?.focus({ preventScroll: true });
    this.note.textContent = this.words();
  }

  words() {
    const { data, layout } = this;
    const shown = `Tokens ${data.first + layout.from + 1} to ${data.first + layout.from + layout.n} of ${data.nTokens}`;
    const narrow = layout.n < data.columns.length ? "; a wider screen shows more" : "";
    return `${shown}${narrow}. Choose another with a click or the arrow keys. Layer 0 is the embedding.`;
  }

  /** @param {number} column */
  x(column) {
    return this.layout.left + (column - this.layout.from) * this.layout.column;
  }

  /** The columns that are drawn, with their numbers. */
  shown() {
    const { from, n } = this.layout;
    return this.data.columns.slice(from, from + n).map((column, i) => ({ column, c: from + i, x: this.x(from + i) }));
  }

  /** The names of a part's pages, beside it or above it. @param {...string} parts */
  name(...parts) {
    const { stacked } = this.layout;
    this.y += GAP * this.unit;
    let [x, y] = [0, this.y];
    for (const part of parts) {
      const door = this.data.doors[part];
      if (!door) continue;
      const [label, says, href] = door;
      const link = shape("a", { href, class: "door", "aria-label": `${label}: ${says}` });
      link.append(shape("title", {}, says), shape("text", { x, y: y + 16 * this.unit }, `${label} \u203a`));
      link.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        used(event);
        this.pick({ door: part });
      });
      this.svg.append(link);
      if (stacked) x += 100 * this.unit;
      else y += 24 * this.unit;
    }
    if (stacked) this.y += NAME * this.unit;
    return this.y;
  }

  tokens() {
    const { data, unit: u, layout } = this;
    for (const { column, c, x } of this.shown()) {
      const chosen = c === data.chosen;
      const group = shape("g", { class: `token tint-${(data.first + c) % 2} ${chosen ? "chosen" : ""} ${column.special ? "special" : ""}`,
        tabindex: chosen ? 0 : -1, role: "button", "aria-pressed": String(chosen), "aria-label": `Token ${data.first + c + 1}: ${column.label}` });
      group.append(shape("rect", { x: x + 1, y: this.y, width: layout.column - 2, height: TOKEN * u, rx: 4 }));
      const room = Math.floor((layout.column - 8) / (12.2 * u));
      group.append(shape("text", { x: x + layout.column / 2, y: this.y + 25 * u, class: "middle large" }, shortened(column.label, room)));
      group.append(shape("title", {}, `Token ${data.first + c + 1}: ${column.label}`));
      group.addEventListener("click", () => this.pick({ position: data.first + c }));
      group.addEventListener("keydown", (event) => this.press(event, c));
      this.svg.append(group);
    }
    this.chevron(layout.left - 14 * u, "\u2039", data.first + layout.from - 1);
    this.chevron(layout.left + layout.n * layout.column + 6 * u, "\u203a", data.first + layout.from + layout.n);
    this.y += TOKEN * u;
  }

  /** A way to a token that is not drawn. @param {number} x @param {string} sign @param {number} position */
  chevron(x, sign, position) {
    if (position < 0 || position >= this.data.nTokens) return;
    const node = shape("g", { class: "chevron", role: "button", tabindex: 0, "aria-label": `Token ${position + 1}` });
    const u = this.unit;
    node.append(shape("rect", { x: x - 8 * u, y: this.y, width: 24 * u, height: TOKEN * u }), shape("text", { x, y: this.y + 25 * u, class: "large" }, sign));
    node.addEventListener("click", () => this.pick({ position }));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      used(event);
      this.pick({ position });
    });
    this.svg.append(node);
  }

  /** @param {KeyboardEvent} event @param {number} c */
  press(event, c) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Enter: 0, " ": 0 }[event.key];
    if (step === undefined) return;
    used(event);
    const position = this.data.first + c + step;
    if (position >= 0 && position < this.data.nTokens) this.pick({ position });
  }

  ids() {
    for (const { column, c, x } of this.shown()) {
      const lit = c === this.data.chosen ? "lit" : "";
      this.svg.append(shape("text", { x: x + this.layout.column / 2, y: this.y + 16 * this.unit, class: `middle id ${lit}` }, column.id.toLocaleString("en")));
    }
    this.y += ID * this.unit;
  }

  vectors() {
    const { data, unit: u, layout } = this;
    for (const { column, x } of this.shown()) {
      const size = (layout.column - 8 * u) / column.numbers.length;
      const group = shape("g", { class: "strip" });
      for (const [i, number] of column.numbers.entries()) {
        const box = shape("rect", { x: x + 4 * u + i * size, y: this.y, width: Math.max(1, size - 1), height: STRIP * u, class: number < 0 ? "below" : "above" });
        box.style.setProperty("--share", `${Math.min(100, (Math.abs(number) / data.largest) * 100).toFixed(1)}%`);
        group.append(box);
      }
      group.append(shape("title", {}, column.numbers.map((number) => number.toFixed(3)).join(", ")));
      this.svg.append(group);
    }
    this.y += STRIP * u;
    // The first numbers in words, as many as the lit column is wide.
    const { numbers } = data.columns[data.chosen];
    const fits = Math.max(1, Math.floor((layout.column - 22 * u) / (58 * u)));
    const words = `${numbers.slice(0, fits).map((number) => number.toFixed(3)).join(", ")}, \u2026`;
    this.svg.append(shape("text", { x: this.x(data.chosen) + layout.column / 2, y: this.y + 15 * u, class: "middle word" }, words));
    this.y += NUMBERS * u;
  }

  layers() {
    const { data, unit: u, layout } = this;
    const n = data.columns[0].steps.length;
    const row = layerRow(n, u);
    for (const { column, c, x } of this.shown()) {
      const lit = c === data.chosen;
      const group = shape("g", { class: lit ? "lens lit" : "lens" });
      for (const [layer, [text, share, agrees]] of column.steps.entries()) {
        const y = this.y + layer * row;
        const cell = shape("g", { class: `cell ${onShade(share)} ${agrees ? "agrees" : ""}` });
        const box = shape("rect", { x: x + 4 * u, y: y + 0.5, width: layout.column - 8 * u, height: row - 1 });
        box.style.setProperty("--share", `${share * 100}%`);
        cell.append(box, shape("title", {}, `Layer ${layer}: ${text} ${percent(share)}`));
        // A word where the guess changes; in rows that are too thin for words, none.
        if (row >= 13 * u && (lit || layer === n - 1) && (layer === 0 || layer === n - 1 || column.steps[layer - 1][0] !== text)) {
          const room = Math.floor((layout.column - 12 * u) / (7.4 * u));
          cell.append(shape("text", { x: x + layout.column / 2, y: y + row - 3.5 * u, class: "middle word" }, shortened(text, room)));
        }
        group.append(cell);
      }
      this.svg.append(group);
    }
    for (let layer = 0; layer < n; layer += Math.max(1, Math.ceil((n - 1) / 6))) this.tick(layer, row);
    if ((n - 1) % Math.max(1, Math.ceil((n - 1) / 6)) !== 0) this.tick(n - 1, row);
    this.y += n * row;
  }

  /** @param {number} layer @param {number} row */
  tick(layer, row) {
    this.svg.append(shape("text", { x: this.layout.left - 4 * this.unit, y: this.y + layer * row + row / 2 + 4 * this.unit, class: "end quiet small" }, String(layer)));
  }

  guesses() {
    const { data, unit: u, layout } = this;
    const label = (layout.stacked ? 90 : 100) * u;
    const from = layout.left + label;
    const whole = Math.max(80 * u, Math.min(520 * u, this.drawnFor - from - 60 * u));
    // The lit way goes on to the bars, where it comes down beside them.
    const [down, end] = [this.x(data.chosen) + layout.column / 2, from + whole + 52 * u];
    if (down > end) {
      const d = `M${down} ${this.y - 4 * u}V${this.y + 11 * u}H${end}m${6 * u} ${-5 * u}l${-6 * u} ${5 * u}l${6 * u} ${5 * u}`;
      this.svg.append(shape("path", { d, class: "onward" }));
    }
    for (const [i, [text, share]] of data.guesses.entries()) {
      const y = this.y + i * BAR * u;
      this.svg.append(shape("text", { x: from - 8 * u, y: y + 16 * u, class: "end mono guess" }, shortened(text, 11)));
      this.svg.append(shape("rect", { x: from, y: y + 3 * u, width: whole, height: BAR * u - 6 * u, class: "rail", rx: 2 }));
      this.svg.append(shape("rect", { x: from, y: y + 3 * u, width: Math.max(1, whole * share), height: BAR * u - 6 * u, class: "bar", rx: 2 }));
      this.svg.append(shape("text", { x: from + whole + 8 * u, y: y + 16 * u, class: "guess" }, percent(share)));
    }
    this.y += data.guesses.length * BAR * u;
  }
}

export default mounted(OverviewView);
