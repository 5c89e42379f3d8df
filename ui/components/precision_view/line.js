// How far each precision is from the baseline after each token: lines over the tokens themselves, which are pressed.

import { clamp, make, rootSize, shape, shortened, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { evident, fade, reveal } from "../kit/room.js";
import { bits, columns, decades, risen, ticks } from "./layout.js";

/**
 * One precision: see `Line` in precision_view/__init__.py.
 * @typedef {object} Line
 * @property {string} name
 * @property {string} spec
 * @property {string} colour
 * @property {boolean} dashed
 * @property {number[]} values bits, one a token; -1 stands for infinite
 * @property {number[]} flips places at which the most probable token is another
 */

/**
 * @typedef {object} Data
 * @property {string[]} tokens
 * @property {number} first number of the first of them
 * @property {Line[]} lines
 * @property {number} chosen place among them, -1 for none
 * @property {string} shown spec of the precision whose distribution is shown
 * @property {boolean} log
 * @property {string} of names what is drawn
 */

const PLOT = 13; // rem
const TOKENS = 2.4;
const MOST_LETTERS = 14;

/** @extends {Drawing<Data>} */
class DivergenceLine extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "divergence");
    this.legend = make("div", "legend");
    const row = make("div", "row");
    this.axis = make("div", "scale");
    this.scroller = make("div", "scroller");
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "group");
    evident(this.scroller);
    row.append(this.axis, this.scroller);
    this.note = make("div", "note");
    this.note.setAttribute("aria-live", "polite");
    this.root.append(this.legend, row, this.note);
    this.finish(this.scroller, "divergence", () => {
      const axis = drawingIn(this.axis);
      return [{ x: 0, y: 0, svg: axis }, { x: Number(axis.getAttribute("width")), y: 0, svg: drawingIn(this.scroller) }];
    });
    this.starts = [0];
    this.at = 0;
    /** @type {SVGRectElement | undefined} */
    this.mark = undefined;
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("pointermove", (event) => this.point(this.placeAt(event)));
    this.scroller.addEventListener("pointerleave", () => this.point(this.data.chosen));
    this.scroller.addEventListener("click", (event) => this.choose(this.placeAt(event)));
  }

  /** @param {MouseEvent} event */
  placeAt(event) {
    const x = event.clientX - this.scroller.getBoundingClientRect().left + this.scroller.scrollLeft;
    const after = this.starts.findIndex((start) => start > x);
    return clamp((after < 0 ? this.starts.length : after) - 1, 0, this.data.tokens.length - 1);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const last = this.data.tokens.length - 1;
    const step = { ArrowLeft: this.at - 1, ArrowRight: this.at + 1, Home: 0, End: last }[event.key];
    if (step !== undefined) {
      this.point(clamp(step, 0, last));
      reveal(this.scroller, this.mark);
    } else if (event.key === "Enter" || event.key === " ") this.choose(this.at);
    else return;
    used(event);
  }

  /** @param {number} place */
  choose(place) {
    this.pick({ place: this.data.first + place, of: this.data.of });
  }

  /**
   * Say what is at a place, and mark it.
   * @param {number} place
   */
  point(place) {
    if (place < 0) {
      this.note.textContent = "Press a token to see what each precision expects after it.";
      this.mark?.setAttribute("width", "0");
      return;
    }
    this.at = place;
    const { tokens, first, lines } = this.data;
    this.mark?.setAttribute("x", String(this.starts[place]));
    this.mark?.setAttribute("width", String(this.starts[place + 1] - this.starts[place]));
    const said = lines.map((line) => `${line.name} ${bits(value(line, place))}${line.flips.includes(place) ? ", another token first" : ""}`);
    this.note.textContent = `After token ${first + place + 1}, \u201c${tokens[place]}\u201d: ${said.join(" \u00b7 ")}`;
  }

  draw() {
    const room = this.scroller.clientWidth;
    this.drawnFor = room;
    if (!room) return;
    const { tokens, lines, log, chosen } = this.data;
    const rem = rootSize();
    const all = lines.flatMap((line) => tokens.map((_, i) => value(line, i)));
    const [low, high] = decades(all);
    const largest = Math.max(0, ...all.filter(Number.isFinite));
    const scale = { log, largest: largest * 1.08, low, high };
    const plot = PLOT * rem;
    const top = 1.2 * rem;
    const y = (/** @type {number} */ v) => top + plot * (1 - risen(v, scale));
    const marks = log ? Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) : ticks(largest);
    const height = top + plot + TOKENS * rem;
    const labels = tokens.map((label) => shortened(label, MOST_LETTERS));
    this.starts = columns(labels, 0.54 * rem, 1.6 * rem, room);
    const width = this.starts[tokens.length];
    const svg = shape("svg", { width, height });
    this.drawGround(svg, marks.map(y), width, height, labels, rem);
    this.mark = shape("rect", { x: 0, y: 0, width: 0, height, class: "mark" });
    svg.append(this.mark);
    if (chosen >= 0) svg.append(shape("rect", { x: this.starts[chosen], y: 0, width: this.starts[chosen + 1] - this.starts[chosen], height, class: "chosen" }));
    for (const line of lines) this.drawLine(svg, line, y, top + plot, rem);
    this.scroller.replaceChildren(svg);
    this.drawScale(marks, y, height, rem);
    this.drawLegend();
    this.scroller.setAttribute("aria-label", "Divergence after each token: arrow keys move, Enter chooses");
    if (chosen >= 0) reveal(this.scroller, svg.querySelector(".chosen"));
    this.point(chosen);
    fade(this.scroller);
  }

  /** @param {SVGSVGElement} svg @param {number[]} marks @param {number} width @param {number} height @param {string[]} labels @param {number} rem */
  drawGround(svg, marks, width, height, labels, rem) {
    for (const [i, label] of labels.entries()) {
      const [x, end] = [this.starts[i], this.starts[i + 1]];
      svg.append(shape("rect", { x: x + 1, y: height - 1.75 * rem, width: end - x - 2, height: 1.5 * rem, rx: 3, class: `tint-${(i % 2) + 1}` }));
      svg.append(shape("text", { x: (x + end) / 2, y: height - 0.7 * rem, class: "token middle" }, label));
    }
    for (const y of marks) svg.append(shape("line", { x1: 0, x2: width, y1: y, y2: y, class: "grid" }));
  }

  /** @param {SVGSVGElement} svg @param {Line} line @param {(v: number) => number} y @param {number} floor @param {number} rem */
  drawLine(svg, line, y, floor, rem) {
    const x = (/** @type {number} */ i) => (this.starts[i] + this.starts[i + 1]) / 2;
    const path = line.values.map((_, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value(line, i)).toFixed(1)}`).join("");
    const style = { fill: "none", stroke: line.colour, "stroke-width": line.spec === this.data.shown ? 3 : 1.75 };
    svg.append(shape("path", line.dashed ? { d: path, ...style, "stroke-dasharray": "5 4" } : { d: path, ...style }));
    for (const i of line.flips) {
      const dot = shape("circle", { cx: x(i), cy: y(value(line, i)), r: 0.28 * rem, fill: line.colour, class: "flip" });
      dot.append(shape("title", {}, `${line.name}: another token first`));
      svg.append(dot);
    }
    if (line.values.length === 1) svg.append(shape("circle", { cx: x(0), cy: y(value(line, 0)), r: 0.2 * rem, fill: line.colour }));
    if (line.flips.length) {
      const at = x(line.flips[0]);
      const foot = shape("path", { d: `M${at - 0.4 * rem} ${floor + 0.45 * rem}h${0.8 * rem}l${-0.4 * rem} ${-0.6 * rem}z`, fill: line.colour, class: "first" });
      foot.append(shape("title", {}, `${line.name}: the first changed top token`));
      svg.append(foot);
    }
  }

  /** @param {number[]} marks @param {(v: number) => number} y @param {number} height @param {number} rem */
  drawScale(marks, y, height, rem) {
    const width = 3.6 * rem;
    const svg = shape("svg", { width, height });
    for (const mark of marks) {
      const written = mark === 0 ? "0 bits" : this.data.log && mark < 0.001 ? mark.toExponential(0) : String(mark);
      svg.append(shape("text", { x: width - 0.4 * rem, y: y(mark) + 0.3 * rem, class: "end quiet" }, written));
    }
    this.axis.replaceChildren(svg);
  }

  drawLegend() {
    const { lines, tokens, first, shown } = this.data;
    this.legend.replaceChildren(
      ...lines.map((line) => {
        const worst = line.values.reduce((best, _, i) => (value(line, i) > value(line, best) ? i : best), 0);
        const button = make("button", "entry");
        button.type = "button";
        const swatch = make("i", line.dashed ? "swatch dashed" : "swatch");
        swatch.style.borderColor = line.colour;
        const most = value(line, worst);
        button.append(swatch, make("b", "", line.name), most > 0 ? ` up to ${bits(most)}` : " 0 bits everywhere");
        button.title = most > 0 ? `Largest after token ${first + worst + 1}, \u201c${tokens[worst]}\u201d: press to see it` : "";
        button.setAttribute("aria-pressed", String(line.spec === shown));
        button.addEventListener("click", () => this.pick({ place: first + worst, spec: line.spec, of: this.data.of }));
        return button;
      }),
    );
  }
}

/** @param {Line} line @param {number} i */
const value = (line, i) => (line.values[i] < 0 ? Number.POSITIVE_INFINITY : line.values[i]);

export default mounted(DivergenceLine);
