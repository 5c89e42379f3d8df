// A beam search as a tree, a column for each step: what was kept, what finished, what was dropped.

import { make, shape, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { evident, fade, moved, repick, reveal, unit } from "../kit/room.js";
import { shortPercent } from "../stream_view/tokens.js";
import { ancestry, BOX, COLUMN, corner, edge, FATES, fitting, HEAD, HEIGHT, size, textTo, thickness } from "./layout.js";

/** @import { Candidate } from "./layout.js" */

/**
 * What `beam_tree` in beam_tree/__init__.py sends.
 * @typedef {object} Tree
 * @property {string} name
 * @property {Candidate[][]} columns
 * @property {number[]} best the best text's candidate in each column
 * @property {number} at the chosen step
 */

const KEY = ["kept: goes on as a beam", "finished: ended here", "dropped"];

/** @param {number} bits */
const signed = (bits) => `${bits.toFixed(1)}`.replace("-", "\u2212");

/** @extends {Drawing<Tree>} */
class BeamTree extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "beams");
    this.scroller = make("div", "scroller");
    evident(this.scroller);
    this.says = make("p", "says");
    this.says.setAttribute("aria-live", "polite");
    const key = make("p", "legend");
    for (const [i, words] of KEY.entries()) key.append(make("span", `mark ${FATES[i]}`), make("span", "", words));
    key.append(make("span", "mark winner"), make("span", "", "the best text"));
    this.root.append(key, this.scroller, this.says);
    this.finish(this.scroller, "beam_search", () => [{ x: 0, y: 0, svg: drawingIn(this.scroller) }]);
    this.u = 1;
    /** @type {[row: number, column: number]} step, and candidate in it */
    this.place = [0, 0];
    /** @type {SVGGElement[][]} */
    this.nodes = [];
    /** @type {SVGElement[][]} */
    this.edges = [];
  }

  /** @param {Tree} data */
  replace(data) {
    const focused = this.nodes.some((column) => column.some((node) => node.matches(":focus")));
    const { scrollLeft } = this.scroller;
    const chosen = this.data?.at !== data.at;
    super.replace(data);
    this.scroller.scrollLeft = scrollLeft;
    if (chosen) reveal(this.scroller, this.nodes[data.at]?.[0]);
    fade(this.scroller);
    if (focused) this.nodes[this.place[0]]?.[this.place[1]]?.focus({ preventScroll: true });
  }

  draw() {
    const { columns, name, at, best } = this.data;
    this.drawnFor = this.scroller.clientWidth;
    this.u = unit();
    this.root.style.setProperty("--unit", `${this.u}px`);
    const svg = shape("svg", { ...size(columns, this.u), role: "grid", "aria-label": name });
    const lines = shape("g", { "aria-hidden": "true" });
    svg.append(this.band(at), lines);
    this.edges = columns.map((column, c) => column.map((candidate, r) => this.line(lines, candidate, c, r)));
    this.nodes = columns.map((column, c) => {
      const group = shape("g", { role: "row" });
      group.append(this.head(c));
      const nodes = column.map((candidate, r) => this.box(candidate, c, r));
      group.append(...nodes);
      svg.append(group);
      return nodes;
    });
    svg.addEventListener("click", (event) => {
      const place = event.target instanceof Element && event.target.closest("[data-c]");
      if (place) this.choose(Number(place.getAttribute("data-c")), Number(place.getAttribute("data-r")));
    });
    svg.addEventListener("keydown", (event) => this.press(event));
    svg.addEventListener("pointerover", (event) => this.tell(event.target));
    svg.addEventListener("focusin", (event) => this.tell(event.target));
    svg.addEventListener("pointerleave", () => this.tell(null));
    this.scroller.replaceChildren(svg);
    this.mark(Math.min(at, columns.length - 1), best[at] ?? 0);
    this.tell(null);
  }

  /** The ground of the chosen step. @param {number} at */
  band(at) {
    const { columns } = this.data;
    const { height } = size(columns, this.u);
    return shape("rect", { class: "band", x: (at * COLUMN) * this.u, y: 0, width: (BOX + 8) * this.u, height, rx: 6 });
  }

  /** @param {number} c */
  head(c) {
    const { x } = corner(c, 0, this.u);
    const node = shape("g", { class: "head", "data-c": c, "data-r": 0, role: "rowheader", "aria-label": `Step ${c + 1}` });
    node.append(shape("rect", { x, y: 0, width: BOX * this.u, height: (HEAD - 4) * this.u, class: "press" }));
    node.append(shape("text", { x: x + (BOX / 2) * this.u, y: 16 * this.u, class: "middle quiet" }, `step ${c + 1}`));
    return node;
  }

  /** @param {Element} lines @param {Candidate} candidate @param {number} c @param {number} r */
  line(lines, [, p, , fate, parent], c, r) {
    const { best } = this.data;
    const winner = c > 0 && best[c] === r && best[c - 1] === parent;
    const path = shape("path", { class: `edge ${FATES[fate]}${winner ? " winner" : ""}`, d: parent < 0 ? "" : edge(c, parent, r, this.u), "stroke-width": thickness(p, this.u) });
    if (parent >= 0) lines.append(path);
    return path;
  }

  /** @param {Candidate} candidate @param {number} c @param {number} r */
  box([label, p, bits, fate, parent], c, r) {
    const { columns, best } = this.data;
    const { x, y } = corner(c, r, this.u);
    const winner = best[c] === r && (c === 0 || best[c - 1] === parent);
    const seen = `${label || "\u2205"}, ${signed(bits)}`;
    const says = `Step ${c + 1}, candidate ${r + 1} of ${columns[c].length}: ${shortPercent(p)} after “${textTo(columns, c - 1, parent) || "the prompt"}”. The text with it has log₂ P ${signed(bits)}: ${FATES[fate]}${winner ? ", part of the best text" : ""}.`;
    const node = shape("g", { class: `candidate ${FATES[fate]}${winner ? " winner" : ""}`, "data-c": c, "data-r": r, role: "gridcell", tabindex: -1, "aria-label": `${seen}. ${says}`, "data-says": says });
    node.append(shape("rect", { x, y, width: BOX * this.u, height: HEIGHT * this.u, rx: 5 }));
    if (fate === 1) node.append(shape("rect", { class: "end", x: x + (BOX - 6) * this.u, y, width: 6 * this.u, height: HEIGHT * this.u, rx: 3 }));
    node.append(shape("text", { x: x + 7 * this.u, y: y + 14.5 * this.u, class: "token" }, fitting(label || "\u2205")));
    node.append(shape("text", { x: x + 7 * this.u, y: y + 28.5 * this.u, class: "number" }, `${shortPercent(p)} · ${signed(bits)}`));
    return node;
  }

  /** What is pointed at, in words, with its text lit. @param {EventTarget | null} target */
  tell(target) {
    const place = target instanceof Element && target.closest(".candidate");
    const node = place || this.nodes[this.place[0]]?.[this.place[1]];
    const text = node?.getAttribute("data-says") ?? "";
    if (this.says.textContent !== text) this.says.textContent = text;
    for (const one of this.edges.flat()) one.classList.remove("lit");
    if (!place) return;
    const [c, r] = [Number(place.getAttribute("data-c")), Number(place.getAttribute("data-r"))];
    for (const [column, row] of ancestry(this.data.columns, c, r).entries()) this.edges[column][row].classList.add("lit");
  }

  /** @param {number} c @param {number} r */
  mark(c, r) {
    const node = repick(this.nodes, this.place, [c, r]);
    this.place = [c, r];
    return node;
  }

  /** @param {number} c @param {number} r */
  choose(c, r) {
    this.mark(c, r);
    this.pick({ step: c });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const [c, r] = this.place;
    const next = moved(event.key, [r, c], [this.nodes[c]?.length ?? 0, this.nodes.length]);
    if (event.key === "Enter" || event.key === " ") this.choose(c, r);
    else if (next) {
      const node = this.mark(next[1], Math.min(next[0], this.nodes[next[1]].length - 1));
      node?.focus({ preventScroll: true });
      reveal(this.scroller, node);
    } else return;
    used(event);
  }
}

export default mounted(BeamTree);
