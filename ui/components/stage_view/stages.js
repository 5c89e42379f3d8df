// The stages of sampling: one panel each, the same tokens in all of them.

import { make, shape, shortened } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { HEAD, panelsLayout, percent, ROW } from "./layout.js";

const GAP = 14;
const FATES = /** @type {const} */ (["kept", "here", "earlier"]);
const WORDS = { kept: "left", here: "struck out by this stage", earlier: "struck out before" };

/**
 * One stage: see `Panel` in stage_view/__init__.py.
 * @typedef {object} Panel
 * @property {string} title
 * @property {string} setting
 * @property {boolean} logit
 * @property {(number | null)[]} values null is minus infinity
 * @property {number[]} fates places in `FATES`
 * @property {number} removed
 * @property {number} before
 * @property {number} after
 * @property {number} kept
 */

/** @extends {Drawing<{ labels: string[], panels: Panel[] }>} */
class StagesView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "stages");
    const key = make("div", "key");
    for (const fate of FATES) {
      const item = make("span", fate);
      item.append(make("i"), WORDS[fate]);
      key.append(item);
    }
    this.place = make("div");
    this.root.append(key, this.place);
    this.finish(this.place, "sampling", () => [{ x: 0, y: 0, svg: drawingIn(this.place) }]);
    /** @type {SVGRectElement[][]} */
    this.bands = []; // of each token, one in each line of panels
  }

  draw() {
    const { labels, panels } = this.data;
    const width = this.place.clientWidth;
    this.drawnFor = width;
    if (!width) return;
    const { side, perLine, lines, cell, height } = panelsLayout(labels, panels.length, width);
    this.bands = labels.map(() => []);
    const svg = shape("svg", { width, height: lines * height, role: "img", "aria-label": "The stages of sampling" });
    for (let line = 0; line < lines; line += 1) {
      this.drawLabels(svg, side, width, line * height);
      for (const [i, panel] of panels.slice(line * perLine, (line + 1) * perLine).entries()) {
        this.drawPanel(svg, panel, side + i * cell, line * height, cell - GAP);
      }
      for (const r of labels.keys()) this.hit(svg, r, line * height, width);
    }
    this.place.replaceChildren(svg);
  }

  /** @param {SVGSVGElement} svg @param {number} side @param {number} width @param {number} top */
  drawLabels(svg, side, width, top) {
    const room = Math.floor((side - 8) / 7.3);
    for (const [r, label] of this.data.labels.entries()) {
      const y = top + HEAD + r * ROW;
      const band = shape("rect", { x: 0, y, width, height: ROW, class: "band" });
      this.bands[r].push(band);
      svg.append(band, shape("text", { x: side - 8, y: y + 15, class: "token" }, shortened(label, room)));
    }
  }

  /** @param {SVGSVGElement} svg @param {Panel} panel @param {number} x @param {number} top @param {number} width */
  drawPanel(svg, panel, x, top, width) {
    svg.append(shape("text", { x, y: top + 14, class: "title" }, shortened(panel.title, Math.floor(width / 6.6))));
    svg.append(shape("text", { x, y: top + 30, class: "quiet" }, panel.setting));
    const rows = panel.values.length * ROW;
    svg.append(shape("line", { x1: x, x2: x, y1: top + HEAD, y2: top + HEAD + rows, class: "axis" }));
    const known = panel.values.filter((value) => value !== null);
    const [low, high] = panel.logit ? [Math.min(...known), Math.max(...known)] : [0, Math.max(...known, 1e-12)];
    const room = width - 44;
    for (const [r, value] of panel.values.entries()) {
      const y = top + HEAD + r * ROW;
      const fate = FATES[panel.fates[r]];
      const length = value === null ? 0 : ((value - low) / (high - low || 1)) * room;
      if (panel.logit) svg.append(shape("rect", { x: x + length, y: y + 4, width: 4, height: 13, class: "kept" }));
      else svg.append(shape("rect", { x, y: y + 4, width: Math.max(length, 1), height: 13, class: `bar ${fate}` }));
      const written = value === null ? "\u2212\u221e" : panel.logit ? value.toFixed(2) : percent(value);
      svg.append(shape("text", { x: x + length + (panel.logit ? 8 : 5), y: y + 15, class: `value ${fate}` }, written));
    }
    const y = top + HEAD + rows + 15;
    const bits = (/** @type {number} */ value) => value.toFixed(2);
    const changed = bits(panel.before) !== bits(panel.after);
    const entropy = changed ? `${bits(panel.before)} \u2192 ${bits(panel.after)} bits` : `${bits(panel.after)} bits`;
    svg.append(shape("text", { x, y, class: "quiet" }, entropy));
    svg.append(shape("text", { x, y: y + 14, class: "quiet" }, `${panel.kept.toLocaleString("en")} token${panel.kept === 1 ? "" : "s"}`));
    if (panel.removed > 0) {
      svg.append(shape("text", { x, y: y + 28, class: "quiet mass" }, `\u2212${percent(panel.removed)} struck out`));
    }
  }

  /** @param {SVGSVGElement} svg @param {number} r @param {number} top @param {number} width */
  hit(svg, r, top, width) {
    const hit = shape("rect", { x: 0, y: top + HEAD + r * ROW, width, height: ROW, class: "hit" });
    hit.append(shape("title", {}, this.words(r)));
    hit.addEventListener("pointerenter", () => this.light(r, true));
    hit.addEventListener("pointerleave", () => this.light(r, false));
    svg.append(hit);
  }

  /** @param {number} r @param {boolean} on */
  light(r, on) {
    for (const band of this.bands[r]) band.classList.toggle("lit", on);
  }

  /** @param {number} r */
  words(r) {
    const { labels, panels } = this.data;
    const lines = panels.map((panel) => {
      const value = panel.values[r];
      const written = value === null ? "\u2212\u221e" : panel.logit ? value.toFixed(4) : `${(100 * value).toFixed(4)}%`;
      const fate = FATES[panel.fates[r]];
      return `${panel.title}: ${fate === "earlier" ? WORDS.earlier : written}${fate === "here" ? ", struck out" : ""}`;
    });
    return [labels[r], ...lines].join("\n");
  }
}

export default mounted(StagesView);
