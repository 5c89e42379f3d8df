// The logit lens: a grid of layers and positions, the most probable token in each cell.

import { clamp, make, shape, shortened, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { lensCell, lensRoom } from "./layout.js";

const [ROW, LABELS, HEAD] = [23, 74, 46];
/** @type {Record<string, [down: number, right: number]>} */
const MOVES = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/** @typedef {[text: string, share: number | null, title: string, agrees: boolean]} LensCell */

/**
 * What `lens_view` in model_views/__init__.py sends.
 * @typedef {object} LensData
 * @property {number} first position of the first column in the text
 * @property {string[]} reads the token at each position
 * @property {string[]} follows the token that comes next
 * @property {{ title: string, low: string, high: string, bold: string }} legend
 * @property {{ label: string, layer: number, cells: LensCell[] }[]} rows
 * @property {[row: number, column: number]} picked
 */

/** @extends {Drawing<LensData>} */
class LensView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "lens");
    this.bar = make("div", "legend");
    this.labels = make("div", "labels");
    this.scroller = make("div", "scroller");
    const body = make("div", "body");
    body.append(this.labels, this.scroller);
    this.root.append(this.bar, body);
    this.finish(this.scroller, "layers", () => [
      { x: 0, y: 0, svg: drawingIn(this.labels) },
      { x: LABELS, y: 0, svg: drawingIn(this.scroller) },
    ]);
    this.cell = 0; // pixels
    this.at = [0, 0];
    /** @type {SVGGElement[][]} */
    this.nodes = [];
    /** @type {SVGGElement | undefined} */
    this.marked = undefined;
  }

  /** @param {LensData} data */
  replace(data) {
    const moved = this.data && this.data.first === data.first && this.data.rows.length === data.rows.length;
    const left = this.scroller.scrollLeft;
    super.replace(data);
    if (moved) this.scroller.scrollLeft = left;
  }

  draw() {
    const { data } = this;
    this.drawnFor = this.scroller.clientWidth;
    const n = data.reads.length;
    this.cell = lensCell(n, this.drawnFor);
    this.legend();
    const height = HEAD + data.rows.length * ROW + 28;
    const labels = shape("svg", { width: LABELS, height, "aria-hidden": "true" });
    const grid = shape("svg", { width: n * this.cell + 2, height, tabindex: 0, role: "application" });
    labels.append(this.word(LABELS - 8, 14, "reads", "quiet end"), this.word(LABELS - 8, HEAD - 10, "layer", "quiet end"));
    labels.append(this.word(LABELS - 8, height - 9, "then comes", "quiet end"));
    this.nodes = data.rows.map((row, r) => {
      const y = HEAD + r * ROW;
      labels.append(this.word(LABELS - 8, y + 15, row.label, "end"));
      return row.cells.map((cell, c) => this.drawCell(grid, cell, c, y, r));
    });
    const room = lensRoom(this.cell);
    for (const [c, token] of data.reads.entries()) {
      const head = this.word((c + 0.5) * this.cell, 14, shortened(token, room), "middle token");
      head.append(shape("title", {}, `position ${data.first + c + 1}: ${token}`));
      grid.append(head, this.word((c + 0.5) * this.cell, HEAD - 14, String(data.first + c + 1), "middle quiet small"));
      grid.append(this.word((c + 0.5) * this.cell, height - 9, shortened(data.follows[c], room), "middle token quiet"));
    }
    grid.addEventListener("click", (event) => {
      const place = event.target instanceof Element && event.target.closest("[data-c]");
      if (place) this.choose(Number(place.getAttribute("data-r")), Number(place.getAttribute("data-c")));
    });
    grid.addEventListener("keydown", (event) => this.key(event));
    this.labels.replaceChildren(labels);
    this.scroller.replaceChildren(grid);
    this.mark(...data.picked);
    const selected = data.picked[1] * this.cell;
    if (selected + this.cell > this.scroller.clientWidth) this.scroller.scrollLeft = selected - this.cell;
  }

  /** @param {SVGSVGElement} grid @param {LensCell} cell @param {number} c @param {number} y @param {number} r */
  drawCell(grid, [text, share, title, agrees], c, y, r) {
    const group = shape("g", { "data-r": r, "data-c": c, class: agrees ? "cell agrees" : "cell" });
    const box = shape("rect", { x: c * this.cell + 1, y: y + 1, width: this.cell - 2, height: ROW - 2, rx: 3 });
    if (share === null) box.classList.add("unknown");
    else box.style.setProperty("--share", `${share * 100}%`);
    const word = shortened(text, lensRoom(this.cell));
    group.append(box, this.word((c + 0.5) * this.cell, y + 15.5, word, "middle token"));
    group.append(shape("title", {}, title));
    grid.append(group);
    return group;
  }

  /** @param {number} x @param {number} y @param {string} text @param {string} className */
  word(x, y, text, className) {
    return shape("text", { x, y, class: className }, text);
  }

  legend() {
    const { legend } = this.data;
    const scale = make("span", "scale");
    for (let i = 0; i <= 10; i++) {
      const step = make("i");
      step.style.setProperty("--share", `${i * 10}%`);
      scale.append(step);
    }
    this.bar.replaceChildren(make("span", "", legend.title), make("span", "quiet", legend.low), scale,
      make("span", "quiet", legend.high), make("span", "bold", "bold"), make("span", "quiet", legend.bold));
  }

  /** @param {number} r @param {number} c */
  mark(r, c) {
    this.at = [r, c];
    this.marked?.classList.remove("picked");
    this.marked = this.nodes[r]?.[c];
    this.marked?.classList.add("picked");
    const row = this.data.rows[r];
    if (!row) return;
    const said = `Layer ${row.label}, position ${this.data.first + c + 1}: ${row.cells[c][2]}.`;
    drawingIn(this.scroller).setAttribute("aria-label", `${said} Arrow keys go from cell to cell, Enter opens its top ten.`);
  }

  /** @param {number} r @param {number} c */
  choose(r, c) {
    this.mark(r, c);
    this.pick({ layer: this.data.rows[r].layer, position: this.data.first + c });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const [r, c] = this.at;
    if (event.key === "Enter" || event.key === " ") this.choose(r, c);
    else if (MOVES[event.key]) {
      const [down, right] = MOVES[event.key];
      this.mark(clamp(r + down, 0, this.data.rows.length - 1), clamp(c + right, 0, this.data.reads.length - 1));
    } else return;
    used(event);
  }
}

export default mounted(LensView);
