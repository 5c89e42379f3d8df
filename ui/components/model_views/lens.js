// The logit lens: a grid of layers and positions, the most probable token in each cell.

import { make, shape, shortened, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { evident, fade, fittingUnit, moved, repick, reveal } from "../kit/room.js";
import { onShade, shadeKey } from "../kit/shade.js";
import { lensCell, lensRoom } from "./layout.js";

// In sixteenths of a rem.
const [ROW, LABELS, HEAD, FOOT] = [22, 88, 42, 26];

/** @typedef {[text: string, share: number | null, title: string, agrees: boolean]} LensCell */

/**
 * What `lens_view` in model_views/__init__.py sends.
 * @typedef {object} LensData
 * @property {string} name what a reader of the screen hears first
 * @property {number} first position of the first column in the text
 * @property {string[]} reads the token at each position
 * @property {string[]} follows the token that comes next
 * @property {{ title: string, ticks: string[], bold: string }} legend
 * @property {{ label: string, layer: number, cells: LensCell[] }[]} rows
 * @property {[row: number, column: number]} picked
 */

/** @extends {Drawing<LensData>} */
class LensView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "lens");
    this.key = make("div", "legend");
    this.labels = make("div", "labels");
    this.scroller = make("div", "scroller");
    evident(this.scroller);
    const body = make("div", "body");
    body.append(this.labels, this.scroller);
    this.root.append(body, this.key);
    this.finish(this.scroller, "layers", () => [
      { x: 0, y: 0, svg: drawingIn(this.labels) },
      { x: LABELS * this.unit, y: 0, svg: drawingIn(this.scroller) },
    ]);
    this.unit = 1; // pixels of a sixteenth of a rem
    this.cell = 0; // pixels
    /** @type {[row: number, column: number]} */
    this.at = [0, 0];
    /** @type {SVGGElement[][]} */
    this.nodes = [];
    /** @type {SVGElement[]} */
    this.heads = [];
  }

  /** @param {LensData} data */
  replace(data) {
    const stays = this.data && this.data.first === data.first && this.data.reads.length === data.reads.length;
    const left = this.scroller.scrollLeft;
    super.replace(data);
    if (stays) this.scroller.scrollLeft = left;
    fade(this.scroller);
  }

  draw() {
    const { data } = this;
    this.drawnFor = this.scroller.clientWidth;
    this.unit = fittingUnit(HEAD + data.rows.length * ROW + FOOT);
    this.root.style.setProperty("--unit", `${this.unit}px`);
    const [u, n] = [this.unit, data.reads.length];
    this.cell = lensCell(n, this.drawnFor, u);
    const height = (HEAD + data.rows.length * ROW + FOOT) * u;
    const labels = shape("svg", { width: LABELS * u, height, "aria-hidden": "true" });
    const grid = shape("svg", { width: n * this.cell + 2, height, role: "grid", "aria-label": data.name });
    const right = (LABELS - 8) * u;
    labels.append(this.word(right, 15 * u, "reads", "quiet end"), this.word(right, (HEAD - 10) * u, "layer \u2193 token \u2192", "quiet end small"));
    labels.append(this.word(right, height - 9 * u, "then comes", "quiet end"));
    grid.append(this.drawHead());
    this.nodes = data.rows.map((row, r) => {
      const y = (HEAD + r * ROW) * u;
      labels.append(this.word(right, y + 15.5 * u, row.label, "end"));
      const group = shape("g", { role: "row" });
      const nodes = row.cells.map((cell, c) => this.drawCell(cell, c, y, r));
      group.append(...nodes);
      grid.append(group);
      return nodes;
    });
    const room = lensRoom(this.cell, u);
    const foot = shape("g", { "aria-hidden": "true" });
    for (const [c, token] of data.follows.entries()) {
      foot.append(this.word((c + 0.5) * this.cell, height - 9 * u, shortened(token, room), "middle token quiet"));
    }
    grid.append(foot);
    grid.addEventListener("click", (event) => {
      const place = event.target instanceof Element && event.target.closest("[data-c]");
      if (place) this.choose(Number(place.getAttribute("data-r")), Number(place.getAttribute("data-c")));
    });
    grid.addEventListener("keydown", (event) => this.press(event));
    this.labels.replaceChildren(labels);
    this.scroller.replaceChildren(grid);
    this.mark(...data.picked);
    this.heads[data.picked[1]]?.classList.add("chosen");
    this.key.replaceChildren(...shadeKey(data.legend.title, data.legend.ticks), make("span", "bold", "bold"),
      make("span", "quiet", data.legend.bold));
    reveal(this.scroller, this.nodes[data.picked[0]]?.[data.picked[1]]);
  }

  drawHead() {
    const { data, unit: u } = this;
    const row = shape("g", { role: "row" });
    this.heads = data.reads.map((token, c) => {
      const place = data.first + c + 1;
      const head = shape("g", { role: "columnheader", "aria-label": `Token ${place}: ${token}` });
      const middle = (c + 0.5) * this.cell;
      head.append(this.word(middle, 15 * u, shortened(token, lensRoom(this.cell, u)), "middle token"),
        this.word(middle, (HEAD - 10) * u, String(place), "middle quiet small"), shape("title", {}, `Token ${place}: ${token}`));
      row.append(head);
      return head;
    });
    return row;
  }

  /** @param {LensCell} cell @param {number} c @param {number} y @param {number} r */
  drawCell([text, share, title, agrees], c, y, r) {
    const { data, unit: u } = this;
    const said = `Layer ${data.rows[r].label}, token ${data.first + c + 1}: ${title}`;
    const group = shape("g", { "data-r": r, "data-c": c, role: "gridcell", tabindex: -1, "aria-label": said,
      class: `cell ${onShade(share)} ${agrees ? "agrees" : ""}` });
    const box = shape("rect", { x: c * this.cell + 1, y: y + 1, width: this.cell - 2, height: ROW * u - 2, rx: 3 });
    if (share === null) box.classList.add("unknown");
    else box.style.setProperty("--share", `${share * 100}%`);
    const word = shortened(text, lensRoom(this.cell, u));
    group.append(box, this.word((c + 0.5) * this.cell, y + 15.5 * u, word, "middle token"), shape("title", {}, title));
    return group;
  }

  /** @param {number} x @param {number} y @param {string} text @param {string} className */
  word(x, y, text, className) {
    return shape("text", { x, y, class: className }, text);
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
    this.pick({ layer: this.data.rows[r].layer, position: this.data.first + c });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const next = moved(event.key, this.at, [this.data.rows.length, this.data.reads.length]);
    if (event.key === "Enter" || event.key === " ") this.choose(...this.at);
    else if (next) {
      const node = this.mark(...next);
      node?.focus({ preventScroll: true });
      reveal(this.scroller, node);
    } else return;
    used(event);
  }
}

export default mounted(LensView);
