// The map of a vocabulary: words at their points, more of them as one comes nearer.

import { clamp, make, rootSize, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { versionOf } from "../kit/bytes.js";
import { saveCanvas } from "../kit/save.js";
import { Camera } from "./camera.js";
import { nearest, onward } from "./labels.js";
import { Painter } from "./painter.js";
import { unpackMap } from "./points.js";
import { Touches } from "./touches.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Points } from "./points.js" */

const STEP = 1.6;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class MapView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "map");
    this.canvas = make("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.tools = make("div", "tools");
    this.legend = make("div", "legend");
    const stage = make("div", "stage");
    stage.append(this.canvas, this.tools);
    this.root.append(stage, this.legend);
    parent.append(this.root);
    this.camera = new Camera();
    this.painter = new Painter(this.canvas);
    /** @type {Points | undefined} */
    this.points = undefined;
    this.version = "";
    this.atHome = true; // nobody has moved the map yet: a new size shows the same part
    this.lit = { found: /** @type {Set<number>} */ (new Set()), picked: -1, near: /** @type {number[]} */ ([]), at: -1 };
    this.waiting = 0;
    /** @type {(id: number) => void} */
    this.pick = () => {};
    this.drawTools();
    this.listen();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas);
  }

  destroy() {
    cancelAnimationFrame(this.waiting);
    this.observer.disconnect();
    this.root.remove();
  }

  /** @param {Uint8Array} data @param {Component<Uint8Array>} component */
  update(data, { setTriggerValue }) {
    this.pick = (id) => setTriggerValue("picked", { id });
    const version = versionOf(data);
    if (version === this.version) return; // the same content: what is on the screen stays
    this.version = version;
    const { points, lit } = unpackMap(data, this.points);
    if (points !== this.points) {
      this.atHome = true;
      this.points = points;
      this.painter.replace(points);
      this.drawLegend(points);
      const [left, bottom, right, top] = points.home;
      this.canvas.style.setProperty("--aspect", String((right - left) / (top - bottom)));
    }
    const placed = (/** @type {number[]} */ ids) => ids.map((id) => points.placeOf(id)).filter((i) => i >= 0);
    this.lit = { found: new Set(placed(lit.found)), picked: points.placeOf(lit.picked), near: placed(lit.near), at: -1 };
    this.say();
    this.draw();
  }

  drawTools() {
    const button = (/** @type {string} */ sign, /** @type {string} */ name, /** @type {() => void} */ act) => {
      const node = make("button", "", sign);
      node.type = "button";
      node.title = name;
      node.setAttribute("aria-label", name);
      node.addEventListener("click", act);
      this.tools.append(node);
    };
    button("+", "Zoom in", () => this.zoom(STEP));
    button("\u2212", "Zoom out", () => this.zoom(1 / STEP));
    button("\u2922", "Show the whole map", () => {
      this.atHome = true;
      this.draw();
    });
    button("PNG", "Save as PNG", () => saveCanvas(this.canvas, "vocabulary_map"));
  }

  /** @param {Points} points */
  drawLegend(points) {
    const { accent, ground } = this.painter.colours();
    const shades = points.shades(accent, ground);
    const items = points.legend.map(({ name }, g) => {
      const item = make("span", "item");
      const dot = make("i");
      dot.style.background = shades[g];
      item.append(dot, name);
      return item;
    });
    this.legend.replaceChildren(make("b", "", points.legendTitle), ...items);
  }

  listen() {
    const { canvas } = this;
    new Touches(canvas, {
      pan: (dx, dy) => this.pan(dx, dy),
      zoom: (factor, x, y) => this.zoom(factor, x, y),
      point: (x, y) => this.point(x, y),
      choose: (x, y) => this.choose(nearest(this.painter.xs, this.painter.ys, x, y, 18)),
    });
    canvas.addEventListener("wheel", (event) => {
      if (event.deltaY > 0 && this.camera.zoom <= 1) return; // the page scrolls on
      used(event);
      const { left, top } = canvas.getBoundingClientRect();
      this.zoom(Math.exp(-clamp(event.deltaY, -200, 200) / 400), event.clientX - left, event.clientY - top);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.atHome = false;
    this.camera.pan(dx, dy);
    this.draw();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] */
  zoom(factor, x, y) {
    this.atHome = false;
    this.camera.zoomBy(factor, x, y);
    this.draw();
  }

  /** @param {number} x @param {number} y */
  point(x, y) {
    const at = nearest(this.painter.xs, this.painter.ys, x, y, 14);
    this.canvas.style.cursor = at < 0 ? "grab" : "pointer";
    if (at === this.lit.at) return;
    this.lit.at = at;
    this.draw();
  }

  /** @param {number} i */
  choose(i) {
    if (i < 0 || !this.points) return;
    if (i !== this.lit.picked) this.lit.near = [];
    this.lit.picked = i;
    this.say();
    this.draw();
    this.pick(this.points.ids[i]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const arrow = ARROWS[event.key];
    const { lit } = this;
    if (arrow && event.shiftKey) this.pan(-80 * arrow[0], -80 * arrow[1]);
    else if (arrow) this.step(arrow);
    else if (event.key === "+" || event.key === "=" || event.key === "-") this.zoomAtWord(event.key === "-" ? 1 / STEP : STEP);
    else if (event.key === "0" || event.key === "Home") this.atHome = true;
    else if (event.key === "Enter" || event.key === " ") this.choose(lit.at);
    else return;
    used(event);
    this.say();
    this.draw();
  }

  /** @param {number} factor */
  zoomAtWord(factor) {
    this.atHome = false;
    const at = this.lit.at >= 0 ? this.lit.at : this.lit.picked;
    const { xs, ys } = this.painter;
    if (at >= 0 && !Number.isNaN(xs[at])) this.camera.zoomBy(factor, xs[at], ys[at]);
    else this.camera.zoomBy(factor);
  }

  /** @param {[number, number]} arrow */
  step([dx, dy]) {
    const { painter, camera, lit } = this;
    const from = lit.at >= 0 ? lit.at : lit.picked;
    const seen = from >= 0 && !Number.isNaN(painter.xs[from]);
    const [x, y] = seen ? [painter.xs[from], painter.ys[from]] : [camera.width / 2, camera.height / 2];
    const next = onward(painter.words, x, y, dx, dy);
    if (next >= 0) lit.at = next;
  }

  say() {
    const { points, lit, canvas } = this;
    if (!points) return;
    const i = lit.at >= 0 ? lit.at : lit.picked;
    const where = i < 0 ? "" : ` ${points.label(i)}, id ${points.ids[i]}.`;
    const keys = "Arrow keys go from word to word, Enter chooses, plus and minus zoom, Shift with arrows moves the map.";
    canvas.setAttribute("aria-label", `${points.what}${where} ${keys}`);
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      const { points, canvas, camera } = this;
      if (!points || !canvas.clientWidth) return;
      camera.fit(canvas.clientWidth, canvas.clientHeight);
      if (this.atHome) camera.home(points.home);
      this.painter.size = Math.max(12, 0.8125 * rootSize());
      this.painter.draw(points, camera, this.lit);
      // Near, one finger moves the map; of the whole map it scrolls the page, and two come nearer.
      canvas.style.touchAction = camera.zoom > camera.near ? "none" : "pan-y";
      this.root.dataset.words = String(this.painter.words.length); // what tests wait for
      this.root.dataset.zoom = camera.zoom.toFixed(2);
    });
  }
}

export default mounted(MapView);
