// The ruler: large letters, the tokens of half of the tokenizers above them and of the others below. What all cut alike
// is grey, what they cut differently has the colour of its family.

import { clamp, make, rootSize, shape, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { onePixel } from "../kit/plain_colour.js";
import { cutsOf, edgesOf, letterAt, piecesOf } from "./layout.js";

/** @import { Piece, RulerData } from "./layout.js" */

const FONT = "Source Code Pro, ui-monospace, monospace";
// In rem.
const [LETTER, SMALL, LANE, BAR, LETTERS, GAP] = [1.75, 0.75, 1.75, 0.75, 3, 0.1];

/** @extends {Drawing<RulerData>} */
class Ruler extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "ruler");
    this.names = make("div", "names");
    this.scroller = make("div", "strip");
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "group");
    const both = make("div", "both");
    both.append(this.names, this.scroller);
    this.said = make("div", "said");
    this.said.setAttribute("aria-live", "polite");
    this.root.append(both, this.said);
    /** @type {number[]} */
    this.edges = [];
    /** @type {Piece[][]} */
    this.pieces = [];
    this.at = -1; // the letter that is told about
    this.scroller.addEventListener("pointermove", ({ clientX }) => {
      const { left } = drawingIn(this.scroller).getBoundingClientRect();
      this.tell(letterAt(this.edges, clientX - left));
    });
    this.scroller.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 }[event.key];
      if (step === undefined) return;
      used(event);
      this.tell(clamp(this.at + step, 0, this.data.letters.length - 1));
      const x = this.edges[this.at];
      const { scrollLeft, clientWidth } = this.scroller;
      if (x < scrollLeft || x > scrollLeft + clientWidth - 60) this.scroller.scrollLeft = x - clientWidth / 2;
    });
    this.finish(this.scroller, "ruler", () => {
      const [names, strip] = [drawingIn(this.names), drawingIn(this.scroller)];
      return [{ x: 0, y: 0, svg: names }, { x: Number(names.getAttribute("width")), y: 0, svg: strip }];
    });
  }

  draw() {
    const { letters, rows, label } = this.data;
    const rem = rootSize();
    this.drawnFor = this.scroller.clientWidth;
    this.pieces = piecesOf(rows);
    const widths = letters.map((letter) => widthOf(letter, rem));
    this.edges = edgesOf(widths, 1.5 * rem, 0.35 * rem);
    const width = (this.edges.at(-1) ?? 0) + 2;
    const height = (rows.length * LANE + LETTERS) * rem;
    const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const above = Math.ceil(rows.length / 2);
    const top = above * LANE * rem;
    this.drawCuts(svg, top, rem);
    for (const [i, letter] of letters.entries()) {
      const size = (letter.length > 2 ? SMALL : LETTER) * rem;
      const middle = { x: (this.edges[i] + this.edges[i + 1]) / 2, y: top + (LETTERS / 2) * rem + size * 0.34 };
      svg.append(shape("text", { ...middle, class: "token letter", "text-anchor": "middle", style: `font-size:${size}px` }, letter));
    }
    for (const [i, row] of rows.entries()) this.drawLane(svg, row.colour, this.pieces[i], laneTop(i, above) * rem, rem);
    this.scroller.replaceChildren(svg);
    this.scroller.setAttribute("aria-label", `${label} Arrow keys go from character to character.`);
    this.names.replaceChildren(this.drawNames(above, height, rem));
    this.said.textContent = "Point at a character to see its token in each row. Grey: all rows cut alike.";
    this.at = -1;
  }

  /** @param {SVGSVGElement} svg @param {number} top @param {number} rem */
  drawCuts(svg, top, rem) {
    const all = this.data.rows.length;
    for (const [place, count] of cutsOf(this.data.rows)) {
      const x = this.edges[place];
      const name = count === all ? "cut agreed" : "cut disputed";
      const length = count === all ? 0.45 : 0.05;
      svg.append(shape("line", { x1: x, x2: x, y1: top + length * rem, y2: top + (LETTERS - length) * rem, class: name }));
    }
  }

  /**
   * @param {SVGSVGElement} svg
   * @param {string} colour
   * @param {Piece[]} pieces
   * @param {number} top
   * @param {number} rem
   */
  drawLane(svg, colour, pieces, top, rem) {
    for (const { from, to, same } of pieces) {
      const [x, end] = [this.edges[from] + GAP * rem, this.edges[to] - GAP * rem];
      const place = { x, y: top + ((LANE - BAR) / 2) * rem, width: Math.max(1, end - x), height: BAR * rem, rx: 0.25 * rem };
      svg.append(shape("rect", same ? { ...place, class: "same" } : { ...place, style: `fill:${colour}` }));
    }
  }

  /** @param {number} above @param {number} height @param {number} rem */
  drawNames(above, height, rem) {
    const { rows } = this.data;
    const painter = onePixel();
    painter.font = `600 ${0.875 * rem}px sans-serif`;
    const longest = Math.max(...rows.map(({ name }) => painter.measureText(name).width));
    const width = Math.min(longest + 1.9 * rem, 9 * rem);
    const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (const [i, { name, colour }] of rows.entries()) {
      const y = (laneTop(i, above) + LANE / 2) * rem;
      svg.append(
        shape("circle", { cx: 0.4 * rem, cy: y, r: 0.375 * rem, style: `fill:${colour}` }),
        shape("text", { x: 1.1 * rem, y: y + 0.3 * rem, style: `font-size:${0.875 * rem}px;font-weight:600` }, name),
      );
    }
    return svg;
  }

  /** @param {number} at */
  tell(at) {
    if (at === this.at) return;
    this.at = at;
    const { letters, rows, first } = this.data;
    const told = rows.map(({ name }, i) => {
      const piece = this.pieces[i].find(({ from, to }) => from <= at && at < to);
      return piece ? `${name} ${letters.slice(piece.from, piece.to).join("")}` : "";
    });
    this.said.textContent = `Character ${(first + at + 1).toLocaleString("en")}: ${told.filter(Boolean).join(" \u00b7 ")}`;
  }
}

/**
 * Where a row is, in rem from the top: the first ones above the letters, the others below.
 * @param {number} row @param {number} above
 */
const laneTop = (row, above) => row * LANE + (row < above ? 0 : LETTERS);

/** @param {string} letter @param {number} rem */
function widthOf(letter, rem) {
  const painter = onePixel();
  painter.font = `${(letter.length > 2 ? SMALL : LETTER) * rem}px ${FONT}`;
  return painter.measureText(letter).width;
}

export default mounted(Ruler);
