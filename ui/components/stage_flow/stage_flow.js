// The strips of a distribution, one under another: ribbons lead each token from rule to rule, what a rule removes ends hatched.

import { make, rootSize, shape, shortened } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { hatched } from "../kit/marks.js";
import { mounted } from "../kit/mount.js";
import { parts, ribbon } from "./layout.js";

/** @import { Part, Strip } from "./layout.js" */

/** @typedef {{ strips: Strip[], labels: string[], colour: string }} Data */

/** @typedef {{ left: number, plot: number, rem: number, wide: boolean, size: number, gap: number }} Room */

const LEAST = 0.4; // pixels of a part that can be seen

/** @extends {Drawing<Data>} */
class StageFlow extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "flow");
    this.place = make("div");
    this.root.append(this.place);
    this.finish(this.place, "rules", () => [{ x: 0, y: 0, svg: drawingIn(this.place) }]);
  }

  draw() {
    const width = this.place.clientWidth;
    this.drawnFor = width;
    if (!width) return;
    const { strips, colour } = this.data;
    const rem = rootSize();
    const wide = width > 44 * rem;
    const left = wide ? 14 * rem : 0;
    const at = { left, plot: width - left - 1, rem, wide, size: 2 * rem, gap: (wide ? 2.75 : 3.75) * rem };
    const first = wide ? 0 : 1.5 * rem;
    const height = first + strips.length * at.size + (strips.length - 1) * at.gap + 0.25 * rem;
    this.root.style.setProperty("--bar", colour);
    const svg = shape("svg", { width, height, role: "img" });
    svg.setAttribute("aria-label", `The probabilities after each rule. ${strips.slice(1).map(({ rule, does }) => `${rule}: ${does}`).join("; ")}.`);
    const places = strips.map((strip) => parts(strip, at.plot));
    for (const [i, strip] of strips.entries()) {
      const top = first + i * (at.size + at.gap);
      if (i > 0) this.drawRibbons(svg, places[i - 1], places[i], top - at.gap, top, at);
      this.drawWords(svg, strip, i, top, at);
      this.drawStrip(svg, i, places[i], top, at);
    }
    this.place.replaceChildren(svg);
  }

  /** @param {SVGElement} svg @param {Part[]} from @param {Part[]} to @param {number} top @param {number} bottom @param {Room} at */
  drawRibbons(svg, from, to, top, bottom, at) {
    const group = shape("g", { transform: `translate(${at.left} 0)` });
    for (const [k, part] of from.entries()) {
      // All others are two parts: what stays of them goes on into both.
      const rest = k === this.data.labels.length;
      const next = rest ? { x: to[k].x, width: to[k].width + to[k + 1].width, struck: false } : to[k];
      if (part.struck || Math.max(part.width, next.width) < LEAST || k > this.data.labels.length) continue;
      group.append(shape("path", { d: ribbon(part, next, top, bottom), class: rest ? "ribbon rest" : k % 2 ? "ribbon odd" : "ribbon" }));
    }
    svg.append(group);
  }

  /** @param {SVGElement} svg @param {Strip} strip @param {number} i @param {number} top @param {Room} at */
  drawWords(svg, strip, i, top, { wide, rem, size, gap }) {
    if (i === 0) {
      const y = wide ? top + size / 2 + 0.35 * rem : top - 0.5 * rem;
      svg.append(shape("text", { x: 0, y, class: "rule" }, "The model's own"));
      return;
    }
    const middle = top - gap / 2;
    svg.append(shape("text", { x: 0, y: middle - 0.15 * rem, class: "rule" }, `${i}. ${strip.rule}`));
    svg.append(shape("text", { x: 0, y: middle + 1.1 * rem, class: strip.removes ? "does removes" : "does" }, strip.does));
    if (wide && i === this.data.strips.length - 1) {
      svg.append(shape("text", { x: 0, y: top + size / 2 + 0.6 * rem, class: "does" }, "drawn from this"));
    }
  }

  /** @param {SVGElement} svg @param {number} i @param {Part[]} places @param {number} top @param {Room} at */
  drawStrip(svg, i, places, top, { left, rem, size }) {
    for (const [k, part] of places.entries()) {
      if (part.width < LEAST) continue;
      const x = left + part.x;
      const group = shape("g", {});
      group.append(shape("title", {}, this.words(i, k, part.struck)));
      group.append(shape("rect", { x, y: top, width: part.width, height: size, class: this.kind(k, part.struck) }));
      if (part.struck) group.append(shape("path", { d: hatched(x, top, part.width, size, 0.45 * rem), class: "hatch" }));
      const label = this.name(k);
      const letters = Math.floor((part.width - 0.4 * rem) / (0.6 * rem));
      if (letters >= Math.min(3, Array.from(label).length)) {
        const place = { x: x + part.width / 2, y: top + size / 2 + 0.35 * rem };
        group.append(shape("text", { ...place, class: part.struck ? "in gone" : "in" }, shortened(label, letters)));
      }
      svg.append(group);
    }
  }

  /** @param {number} k */
  name(k) {
    return this.data.labels[k] ?? "all other tokens";
  }

  /** @param {number} k @param {boolean} struck */
  kind(k, struck) {
    if (struck) return "part struck";
    if (k >= this.data.labels.length) return "part rest";
    return k % 2 ? "part odd" : "part even";
  }

  /** @param {number} i @param {number} k @param {boolean} struck */
  words(i, k, struck) {
    const { strips, labels } = this.data;
    const [strip, next] = [strips[i], strips[i + 1]];
    const share = k < labels.length ? `: ${strip.texts[k]}` : "";
    if (struck) return `${this.name(k)}${share}, removed by ${next.rule}`;
    return `${this.name(k)}${share}${next && share ? `, then ${next.texts[k]}` : ""}`;
  }
}

export default mounted(StageFlow);
