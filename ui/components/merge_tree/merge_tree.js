// One word in large letters, the merges of one tokenizer growing above it, those of another below, in step.

import { clamp, counted, make, rootSize, shape, shortened, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { columns, heightOver, heights, symbolsAt } from "./layout.js";
import { Player } from "./player.js";
import { mergesTable } from "./table.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Letter, Span, Tree, TreeNode } from "./layout.js" */

/** @typedef {Tree & { name: string, colour: string, tokens: Span[], note: string }} Side */

/**
 * What `merge_tree` in merge_tree/__init__.py sends.
 * @typedef {object} MergeData
 * @property {string} of which word and tokenizers these are: another one is another picture
 * @property {string} says the fork in words
 * @property {Letter[]} letters
 * @property {Side[]} sides one or two
 * @property {{ side: number, step: number, rival: number, ghost: string } | null} fork the merges at which they part;
 *   `rival` is the step of the other's merge, 0 where there is none, and `ghost` what is written in its place
 * @property {number} step merges done
 * @property {string} speed
 * @property {boolean} table whether the table is open at first
 */

/** @extends {Drawing<MergeData>} */
class MergeTreeView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "merges");
    this.player = new Player((step) => this.light(step));
    this.scroller = make("div", "scroller");
    this.table = make("details", "twin");
    this.root.append(this.player.root, this.scroller, this.table);
    this.finish(this.scroller, "merges", () => [{ x: 0, y: 0, svg: drawingIn(this.scroller) }]);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.of = "";
    this.picture = ""; // all that is drawn, but for the step
    this.rem = 16;
    this.level = 50; // pixels from one height to the next
    this.base = [0, 0]; // where the letters begin and end
    /** @type {{ group: SVGElement, step: number }[]} */
    this.grown = []; // what a step brings in
    /** @type {SVGGElement[]} */
    this.strips = []; // of the symbols at this step, one a side
    this.heads = /** @type {SVGTextElement[]} */ ([]);
    this.rows = /** @type {HTMLTableRowElement[]} */ ([]);
    this.x = /** @type {Map<number, number>} */ (new Map());
  }

  /** @param {MergeData} data @param {Component<MergeData>} component */
  update(data, component) {
    this.player.tell = (at) => component.setTriggerValue("at", { ...at, of: this.of });
    super.update(data, component);
  }

  /** @param {MergeData} data */
  replace(data) {
    const { step, speed, ...picture } = data;
    const drawn = JSON.stringify(picture);
    const other = this.of !== data.of;
    this.data = data;
    this.of = data.of;
    if (other) this.table.open = data.table;
    this.player.follow(step, speed, Math.max(0, ...data.sides.map(({ nodes }) => nodes.length)), other);
    if (drawn === this.picture) this.light(this.player.step);
    else this.draw();
    this.picture = drawn;
  }

  destroy() {
    this.player.stop();
    super.destroy();
  }

  draw() {
    const { letters, sides, says } = this.data;
    this.drawnFor = this.scroller.clientWidth;
    if (!this.drawnFor) return;
    const levels = sides.map((side, i) => Math.max(0, ...heights(side), this.ghostHeight(side, i)));
    const rem = this.unit(levels.reduce((sum, one) => sum + one, 0));
    const sizes = { least: 2 * rem, most: 6.5 * rem, atom: 1.75 * rem };
    const { x, width } = columns(letters, sides, this.drawnFor - 2, sizes);
    this.x = x;
    this.level = 3.1 * rem;
    this.rem = rem;
    const above = 1.9 * rem + levels[0] * this.level;
    const below = sides.length > 1 ? 2.1 * rem + levels[1] * this.level : 0.4 * rem;
    this.base = [above, above + 4 * rem];
    const height = this.base[1] + below;
    const svg = shape("svg", { width: Math.max(width + 2, 1), height, role: "img", "aria-label": says });
    svg.style.setProperty("--unit", `${rem}px`);
    this.grown = [];
    this.strips = [];
    this.heads = [];
    for (const [text, start, end] of letters) {
      const middle = (this.at(start) + this.at(end)) / 2;
      svg.append(shape("text", { x: middle, y: above + 2.75 * rem, class: start < 0 ? "letter front" : "letter" }, text));
    }
    for (const [i, side] of sides.entries()) this.drawSide(svg, side, i);
    this.scroller.replaceChildren(svg);
    const [summary, rows, table] = mergesTable(sides);
    this.rows = rows;
    this.table.replaceChildren(summary, table);
    this.light(this.player.step);
  }

  /**
   * Pixels of what is one rem on the page; less where the trees would be higher than a screen, as in the presenter view.
   * @param {number} levels
   */
  unit(levels) {
    const rem = rootSize();
    return clamp((0.6 * window.innerHeight) / (levels * 3.1 + 8), Math.min(rem, 16), rem);
  }

  /** @param {number} place */
  at(place) {
    return (this.x.get(place) ?? 0) + 1;
  }

  /** @param {Side} side @param {number} i */
  ghostHeight(side, i) {
    const span = this.ghostSpan(i);
    return span ? heightOver(side, span) : 0;
  }

  /**
   * Where the merge would be that this side does not have.
   * @param {number} i number of the side
   * @returns {Span | null}
   */
  ghostSpan(i) {
    const { fork, sides } = this.data;
    if (!fork?.ghost || fork.side === i || !sides[i]?.nodes) return null;
    const [start, , end] = sides[fork.side].nodes[fork.step - 1];
    return [Math.max(0, start), end];
  }

  /** @param {SVGSVGElement} svg @param {Side} side @param {number} i */
  drawSide(svg, side, i) {
    const { rem, data } = this;
    const group = shape("g", { class: "side", style: `--family: ${side.colour}` });
    const y = i ? this.base[1] + this.sideHeight(i) - 0.5 * rem : 1.1 * rem;
    const head = shape("text", { x: 2, y, class: "name" });
    this.heads.push(head);
    const strip = shape("g", { class: "strip" });
    this.strips.push(strip);
    group.append(head, strip);
    const level = heights(side);
    const tops = new Map(side.nodes.map(([start, , end], n) => [`${start},${end}`, level[n]]));
    for (const [n, node] of side.nodes.entries()) {
      const forks = data.fork && (data.fork.side === i ? data.fork.step : data.fork.rival) === n + 1;
      const drawn = this.drawNode(node, level[n], i, tops);
      if (forks) drawn.classList.add("fork");
      group.append(drawn);
      this.grown.push({ group: drawn, step: n + 1 });
    }
    const ghost = this.ghostSpan(i);
    if (ghost && data.fork) {
      const drawn = this.box(ghost, heightOver(side, ghost), i, [data.fork.ghost], "ghost");
      group.append(drawn);
      this.grown.push({ group: drawn, step: data.fork.step });
    }
    svg.append(group);
  }

  /** @param {number} i */
  sideHeight(i) {
    const side = this.data.sides[i];
    return 2.1 * this.rem + Math.max(0, ...heights(side), this.ghostHeight(side, i)) * this.level;
  }

  /** @param {TreeNode} node @param {number} height @param {number} i @param {Map<string, number>} tops */
  drawNode([start, middle, end, rank, pair, piece], height, i, tops) {
    const rise = rank.toLocaleString("en");
    const group = this.box([start, end], height, i, [piece, rise], "node");
    for (const [low, high] of [[start, middle], [middle, end]]) {
      const under = tops.get(`${low},${high}`) ?? 0;
      const x = (this.at(low) + this.at(high)) / 2;
      const [from, to] = [this.edge(i, height, false), this.edge(i, under, true)];
      group.prepend(shape("line", { x1: x, x2: x, y1: from, y2: to, class: "branch" }));
    }
    group.append(shape("title", {}, `${pair}: merge ${rise}`));
    return group;
  }

  /**
   * The edge of a level: the one towards the letters, or the far one.
   * @param {number} i @param {number} height @param {boolean} far
   */
  edge(i, height, far) {
    const box = 0.82 * this.level;
    const away = height === 0 ? 0.45 * this.rem : 0.7 * this.rem + (height - 1) * this.level + (far ? box : 0);
    return i ? this.base[1] + away : this.base[0] - away;
  }

  /**
   * A box over a stretch of letters: one line, or a piece and its rank.
   * @param {Span} span @param {number} height @param {number} i number of the side
   * @param {string[]} lines @param {string} className
   */
  box([start, end], height, i, lines, className) {
    const group = shape("g", { class: className });
    const [x, right] = [this.at(start) + 2, this.at(end) - 2];
    const y = Math.min(this.edge(i, height, false), this.edge(i, height, true));
    const tall = 0.82 * this.level;
    group.append(shape("rect", { x, y, width: right - x, height: tall, rx: 5 }));
    const fits = (/** @type {number} */ size) => (right - x - 4) / (size * this.rem * 0.6);
    const middle = (x + right) / 2;
    const [first, second] = lines;
    if (second === undefined) {
      const room = Math.floor(fits(0.8));
      group.append(shape("text", { x: middle, y: y + 0.6 * tall, class: "rank" }, shortened(first, room)));
    } else {
      const room = Math.floor(fits(1));
      group.append(shape("text", { x: middle, y: y + 0.44 * tall, class: "piece" }, shortened(first, Math.max(1, room))));
      const longer = `merge ${second}`;
      const line = fits(0.8) >= longer.length ? longer : fits(0.8) >= second.length ? second : "";
      group.append(shape("text", { x: middle, y: y + 0.83 * tall, class: "rank" }, line));
    }
    return group;
  }

  /**
   * Show the state after so many merges.
   * @param {number} step
   */
  light(step) {
    const { sides } = this.data;
    for (const { group, step: from } of this.grown) {
      group.classList.toggle("future", from > step);
      group.classList.toggle("now", from === step);
    }
    for (const [i, side] of sides.entries()) {
      const open = side.nodes.length ? symbolsAt(side, step) : side.tokens;
      const y = this.base[i];
      this.strips[i]?.replaceChildren(
        ...open.map(([start, end]) => {
          const [x, right] = [this.at(start) + 3, this.at(end) - 3];
          return shape("rect", { x, y: y - 3, width: Math.max(1, right - x), height: 6, rx: 3 });
        }),
      );
      const done = step >= side.nodes.length;
      const count = counted(open.length, done ? "token" : "piece");
      if (this.heads[i]) this.heads[i].textContent = `${side.name}: ${side.note || count}`;
    }
    for (const [i, row] of this.rows.entries()) {
      row.classList.toggle("future", i >= step);
      if (i === step - 1) row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
    }
    const here = this.data.fork?.step === step;
    this.player.say(`${here ? "Here they part. " : ""}${this.words(step)}`, here);
  }

  /** @param {number} step */
  words(step) {
    const { sides } = this.data;
    if (!this.player.last) return "No merges.";
    if (!step) return "Before the first merge.";
    const said = sides.map(({ name, nodes }) => {
      const node = nodes[step - 1];
      return `${name}: ${node ? `${node[4]}, merge ${node[3].toLocaleString("en")}` : "nothing left to merge"}`;
    });
    return `${said.join(". ")}.`;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const place = event.composedPath()[0];
    const own = place instanceof HTMLInputElement || place instanceof HTMLSelectElement;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (own) event.stopPropagation(); // the arrow keys of the page are not meant
    if (own || !by) return;
    this.player.go(clamp(this.player.step + by, 0, this.player.last));
    used(event);
  }
}

export default mounted(MergeTreeView);
