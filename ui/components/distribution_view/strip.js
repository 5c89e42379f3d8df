// The strip of probabilities, the draws above the places where they landed, and the die.

import { counted, make, shape, shortened } from "../kit/dom.js";
import { dots, stripParts } from "./layout.js";

/**
 * See `Strip` in distribution_view/__init__.py.
 * @typedef {{ ids: number[], labels: string[], shares: number[] }} Strip
 */

/**
 * See `Rolled` there.
 * @typedef {{ n: number, seed: number, places: number[], last: string }} Rolled
 */

/** @typedef {{ left: number, plot: number, width: number, rem: number }} Room */

const THROWS = /** @type {const} */ ([[1, "Roll"], [10, "10 times"], [200, "200 times"]]);
const FLIGHT_MS = 650;
const SPREAD_MS = 350; // between the first and the last of many
const PIPS = [[-1, -1], [-1, 1], [0, 0], [1, -1], [1, 1]]; // always five: a picture of a die, not a number

export class StripView {
  /** @param {(n: number) => void} roll */
  constructor(roll) {
    this.root = make("div", "rolling");
    this.place = make("div");
    this.bar = make("div", "throws");
    this.buttons = THROWS.map(([n, label]) => {
      const button = make("button", n === 1 ? "throw first" : "throw", n === 1 ? `\u{1F3B2} ${label}` : label);
      button.type = "button";
      button.setAttribute("aria-label", `Roll the die ${counted(n, "time")}`);
      button.addEventListener("click", () => roll(n));
      return button;
    });
    this.again = make("button", "throw", "Start over");
    this.again.type = "button";
    this.again.addEventListener("click", () => roll(0));
    this.said = make("span", "said");
    this.said.setAttribute("aria-live", "polite");
    this.bar.append(...this.buttons, this.again, this.said);
    this.root.append(this.place, this.bar);
    /** @type {Rolled | null} */
    this.shown = null; // what the newest drawing shows
    /** @type {Map<number, SVGElement>} */
    this.segments = new Map();
  }

  drawing() {
    return /** @type {SVGSVGElement} */ (this.place.firstChild);
  }

  /** @param {Strip} strip @param {Rolled} rolled @param {Room} room */
  draw(strip, rolled, { left, plot, width, rem }) {
    const lane = 2.75 * rem;
    const size = 2 * rem;
    const svg = shape("svg", { width, height: lane + size + 1.6 * rem, role: "img" });
    svg.setAttribute("aria-label", "All probabilities end to end, and where the draws landed");
    this.drawSegments(svg, strip, { left, plot, width, rem }, lane, size);
    svg.append(shape("text", { x: left, y: lane + size + 1.2 * rem, class: "tick first" }, "0%"));
    svg.append(shape("text", { x: left + plot, y: lane + size + 1.2 * rem, class: "tick" }, "100%"));
    svg.append(shape("text", { x: left + plot / 2, y: lane + size + 1.2 * rem, class: "tick" }, this.below(plot, rem)));
    const fresh = this.fresh(rolled);
    const dot = 0.5 * rem;
    const marks = dots(rolled.places, plot, dot, lane - 0.2 * rem).map(({ x, up }, i) => {
      const newest = i >= rolled.places.length - Math.max(1, fresh);
      const mark = shape("circle", { cx: left + x, cy: lane - up, r: dot * 0.45, class: newest ? "dot newest" : "dot" });
      svg.append(mark);
      return mark;
    });
    const at = left + (rolled.places.at(-1) ?? 0) * plot;
    const one = fresh <= 1 && rolled.places.length > 0;
    if (one) svg.append(shape("line", { x1: at, x2: at, y1: lane - 0.3 * rem, y2: lane + size, class: "landed" }));
    const die = this.die(rem);
    const resting = one ? at : left - 1.6 * rem;
    die.setAttribute("transform", `translate(${Math.max(rem, resting)} ${lane - 1.25 * rem})`);
    svg.append(die);
    this.place.replaceChildren(svg);
    this.say(rolled);
    if (fresh) this.animate(marks.slice(-fresh), one ? die : null, { from: left, to: at, rem });
    this.shown = rolled;
  }

  /** @param {number} plot @param {number} rem */
  below(plot, rem) {
    return plot < 22 * rem ? "" : "the same probabilities, end to end";
  }

  /** @param {SVGSVGElement} svg @param {Strip} strip @param {Room} room @param {number} top @param {number} size */
  drawSegments(svg, strip, { left, plot, rem }, top, size) {
    const { parts, rest } = stripParts(strip.shares, plot);
    this.segments.clear();
    const segment = (/** @type {{ x: number, width: number }} */ { x, width }, /** @type {string} */ label, /** @type {string} */ kind) => {
      const group = shape("g", { class: kind });
      group.append(shape("title", {}, label));
      group.append(shape("rect", { x: left + x, y: top, width, height: size, class: "part" }));
      const letters = Math.floor((width - 0.4 * rem) / (0.6 * rem));
      if (letters >= Math.min(3, Array.from(label).length)) {
        const words = shortened(label, letters);
        group.append(shape("text", { x: left + x + width / 2, y: top + size / 2 + 0.35 * rem, class: "in" }, words));
      }
      svg.append(group);
      return group;
    };
    for (const [i, part] of parts.entries()) {
      this.segments.set(strip.ids[i], segment(part, strip.labels[i], i % 2 ? "odd" : "even"));
    }
    if (rest.width > 0.5) segment(rest, "all other tokens", "others");
  }

  /**
   * How many draws are newer than those that the page shows: they fly in. A page that is opened with draws shows them.
   * @param {Rolled} rolled
   */
  fresh(rolled) {
    if (!this.shown || this.shown.seed !== rolled.seed) return 0;
    return Math.max(0, Math.min(rolled.n - this.shown.n, rolled.places.length));
  }

  /** @param {number} rem */
  die(rem) {
    const side = 1.5 * rem;
    const die = shape("g", { class: "die" });
    const turned = shape("g", { class: "turned" });
    turned.append(shape("rect", { x: -side / 2, y: -side / 2, width: side, height: side, rx: 0.3 * rem }));
    for (const [x, y] of PIPS) {
      turned.append(shape("circle", { cx: (x * side) / 3.6, cy: (y * side) / 3.6, r: side / 11, class: "pip" }));
    }
    die.append(turned);
    return die;
  }

  /** @param {SVGElement[]} marks @param {SVGElement | null} die @param {{ from: number, to: number, rem: number }} way */
  animate(marks, die, { from, to, rem }) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const easing = "cubic-bezier(.2,.7,.3,1)";
    if (die) {
      const turned = /** @type {SVGElement} */ (die.firstChild);
      const begin = `translateX(${from - to}px) rotate(-540deg)`;
      turned.animate([{ transform: begin }, { transform: "none" }], { duration: FLIGHT_MS, easing });
    }
    for (const [i, mark] of marks.entries()) {
      const delay = die ? FLIGHT_MS * 0.8 : (i / marks.length) * SPREAD_MS;
      const begin = { opacity: 0, transform: `translateY(${-2.5 * rem}px)` };
      mark.animate([begin, { opacity: 1, transform: "none" }], { duration: FLIGHT_MS / 2, delay, easing, fill: "backwards" });
    }
  }

  /** @param {Rolled} rolled */
  say({ n, seed, places, last }) {
    this.again.hidden = n === 0;
    const place = places[places.length - 1];
    this.said.textContent = n
      ? `${n.toLocaleString("en")} ${n === 1 ? "roll" : "rolls"} with seed ${seed}. The last landed at ${(100 * place).toFixed(2)}%: ${last}`
      : "A number from 0 to 1 lands on the strip; what lies there is the next token.";
  }

  /**
   * Make one token's part of the strip stand out.
   * @param {number | null} id
   */
  light(id) {
    for (const [own, group] of this.segments) group.classList.toggle("lit", own === id);
  }
}
