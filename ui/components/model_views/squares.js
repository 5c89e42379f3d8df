// All heads of all layers: a square for each, with its pattern or one number as a shade.

import { make, shape, used } from "../kit/dom.js";
import { evident, moved, repick, reveal } from "../kit/room.js";
import { shadeKey } from "../kit/shade.js";
import { squaresLayout } from "./layout.js";

const [LABEL, TOP, TALLEST] = [40, 40, 300];

/**
 * @typedef {object} SquaresData
 * @property {string} name what a reader of the screen hears first
 * @property {string | null} patterns bytes of (layer, head, query, key), 255 at a root of 1, in base64
 * @property {number} side of a pattern, in cells
 * @property {number[] | null} shares of (layer, head), 0 to 1; -1 where there is no such head
 * @property {string[]} says of (layer, head), the words on pointing at it; "" where there is no such head
 * @property {number} layers
 * @property {number} heads
 * @property {number} perGroup heads that share keys and values
 * @property {{ title: string, ticks: string[] }} legend
 * @property {[value: string, word: string][]} choices what the squares can show
 * @property {string} shown which of them they do
 */

export class Squares {
  /** @param {(layer: number, head: number) => void} choose @param {(value: string) => void} show */
  constructor(choose, show) {
    this.choose = choose;
    this.show = show;
    this.root = make("div", "squares");
    this.scroller = make("div", "scroller");
    evident(this.scroller);
    this.labels = make("div", "labels");
    this.key = make("div", "legend");
    const body = make("div", "body");
    body.append(this.labels, this.scroller);
    this.root.append(body, this.key);
    this.data = /** @type {SquaresData} */ (/** @type {unknown} */ (null));
    this.drawn = "";
    /** @type {[row: number, column: number]} */
    this.at = [0, 0];
    /** @type {SVGGElement[][]} */
    this.nodes = [];
  }

  /** @param {SquaresData} data @param {number} room @param {number} unit */
  draw(data, room, unit) {
    const drawn = `${room} ${unit}`;
    if (data === this.data && drawn === this.drawn) return;
    [this.data, this.drawn] = [data, drawn];
    const [label, top] = [LABEL * unit, TOP * unit];
    const layout = squaresLayout(data.layers, data.heads, data.perGroup, room - label - 2, TALLEST * unit);
    const height = top + layout.height + 2;
    const labels = shape("svg", { width: label, height, "aria-hidden": "true" });
    labels.append(shape("text", { x: label - 6, y: top - 7 * unit, class: "end quiet" }, "Head"));
    const grid = shape("svg", { width: layout.width + 2, height, role: "grid", "aria-label": data.name });
    grid.append(shape("text", { x: 2, y: 14 * unit, class: "quiet", "aria-hidden": "true" }, "Layer (1 = first block)"));
    for (let layer = 0; layer < data.layers; layer++) {
      grid.append(shape("text", { x: layout.x(layer) + layout.size / 2, y: top - 7 * unit, class: "middle small", "aria-hidden": "true" }, String(layer + 1)));
    }
    this.nodes = [];
    for (let head = 0; head < data.heads; head++) {
      labels.append(shape("text", { x: label - 6, y: top + layout.y(head) + layout.size / 2 + 4 * unit, class: "end small" }, String(head + 1)));
      const row = shape("g", { role: "row" });
      this.nodes.push(Array.from({ length: data.layers }, (_, layer) =>
        this.square(layer, head, layout.x(layer), top + layout.y(head), layout.size)));
      row.append(...this.nodes[head]);
      grid.append(row);
    }
    grid.addEventListener("click", (event) => {
      const place = event.target instanceof Element && event.target.closest("[data-layer]");
      if (place) this.take(Number(place.getAttribute("data-head")), Number(place.getAttribute("data-layer")));
    });
    grid.addEventListener("keydown", (event) => this.press(event));
    this.labels.replaceChildren(labels);
    const canvas = data.patterns ? [this.painted(layout, top)] : [];
    this.scroller.replaceChildren(...canvas, grid);
    const choices = make("div", "choices");
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", "What the squares show");
    choices.append(...data.choices.map(([value, word]) => {
      const button = make("button", "", word);
      button.type = "button";
      button.setAttribute("aria-pressed", String(value === data.shown));
      button.addEventListener("click", () => this.show(value));
      return button;
    }));
    this.key.replaceChildren(choices, ...shadeKey(data.legend.title, data.legend.ticks));
  }

  /** @param {number} layer @param {number} head @param {number} x @param {number} y @param {number} size */
  square(layer, head, x, y, size) {
    const { data } = this;
    const said = data.says[layer * data.heads + head];
    const group = shape("g", { role: "gridcell", "aria-label": said || "No attention here", ...(said ? { "data-layer": layer,
      "data-head": head, tabindex: -1, class: "square" } : { class: "nothing" }) });
    const box = shape("rect", { x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: 2 });
    const share = data.shares?.[layer * data.heads + head] ?? -1;
    if (share >= 0) box.style.setProperty("--share", `${share * 100}%`);
    else if (said) box.classList.add("clear");
    group.append(box, shape("title", {}, said));
    return group;
  }

  /**
   * All patterns behind the squares: a mask that the theme's strongest shade shines through.
   * @param {import("./layout.js").SquaresLayout} layout @param {number} top
   */
  painted(layout, top) {
    const { data } = this;
    const bytes = Uint8Array.from(atob(data.patterns ?? ""), (char) => char.charCodeAt(0));
    const canvas = make("canvas");
    const scale = Math.max(1, Math.min(3, window.devicePixelRatio));
    [canvas.width, canvas.height] = [layout.width * scale, layout.height * scale];
    const context = canvas.getContext("2d");
    const one = new OffscreenCanvas(data.side, data.side);
    const small = one.getContext("2d");
    if (!context || !small) throw new Error("This browser has no canvas to draw on.");
    context.imageSmoothingEnabled = false;
    const image = new ImageData(data.side, data.side);
    const inner = (layout.size - 2) * scale;
    for (let layer = 0; layer < data.layers; layer++) {
      for (let head = 0; head < data.heads; head++) {
        const from = (layer * data.heads + head) * data.side ** 2;
        for (let i = 0; i < data.side ** 2; i++) image.data[4 * i + 3] = bytes[from + i];
        small.putImageData(image, 0, 0);
        context.drawImage(one, (layout.x(layer) + 1) * scale, (layout.y(head) + 1) * scale, inner, inner);
      }
    }
    const patterns = make("div", "patterns");
    Object.assign(patterns.style, { width: `${layout.width}px`, height: `${layout.height}px`, top: `${top}px`,
      maskImage: `url(${canvas.toDataURL()})` });
    return patterns;
  }

  /** @param {number} layer @param {number} head */
  mark(layer, head) {
    const node = repick(this.nodes, this.at, [head, layer]);
    this.at = [head, layer];
    reveal(this.scroller, node);
    return node;
  }

  /** @param {number} head @param {number} layer */
  take(head, layer) {
    this.mark(layer, head);
    this.choose(layer, head);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const next = moved(event.key, this.at, [this.data.heads, this.data.layers]);
    if ((event.key === "Enter" || event.key === " ") && this.data.says[this.at[1] * this.data.heads + this.at[0]]) this.take(...this.at);
    else if (next) this.mark(next[1], next[0])?.focus({ preventScroll: true });
    else return;
    used(event);
  }
}
