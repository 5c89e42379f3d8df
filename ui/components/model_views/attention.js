// Attention: every head of every layer as one square, and the head that is chosen large below.

import { uint16FromBase64 } from "../kit/bytes.js";
import { make, percent } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { evident, fittingUnit, reveal } from "../kit/room.js";
import { arcsOf } from "./arcs.js";
import { matrixOf } from "./matrix.js";
import { Squares } from "./squares.js";
import { FIRST, SINK, Weights } from "./weights.js";

/** @import { SquaresData } from "./squares.js" */

/**
 * What `attention_view` in model_views/__init__.py sends.
 * @typedef {object} AttentionData
 * @property {SquaresData} squares
 * @property {string} weights 16 bits each, of (head, query, key), in base64
 * @property {string | null} sink the same of (head, query): what goes to an attention sink, in models that have one
 * @property {string} toFirst the same: what goes to the first token of the text, in the drawing or not
 * @property {string} before the same: what goes to the tokens between that one and those that are drawn
 * @property {string[]} tokens
 * @property {string} firstToken the text's first
 * @property {number} first position of the first drawn token in the text
 * @property {number} layer from 1
 * @property {number} nKvHeads
 * @property {number} head the one that is shown large
 * @property {number} token the one whose weights stand out, counted in `tokens`
 * @property {"arcs" | "matrix"} show
 * @property {boolean} stub draw what goes to the text's first token as a stub
 */

const HEIGHT = 720; // of squares and arcs together, in sixteenths of a rem

/** @extends {Drawing<AttentionData>} */
class AttentionView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "attention");
    this.squares = new Squares((layer, head) => this.chooseHead(layer, head), (value) => this.chooseSquares(value));
    this.title = make("div", "title");
    this.title.setAttribute("role", "heading");
    this.title.setAttribute("aria-level", "3");
    this.scroller = make("div", "scroller");
    evident(this.scroller);
    this.note = make("div", "quiet note");
    this.root.append(this.squares.root, this.title, this.scroller, this.note);
    this.finish(this.scroller, "attention", () => [{ x: 0, y: 0, svg: drawingIn(this.scroller) }]);
    this.weights = new Weights();
    this.head = 0;
    this.token = 0;
    this.unit = 1; // pixels of a sixteenth of a rem
  }

  /** @param {AttentionData} data */
  replace(data) {
    this.data = data;
    const [sink, toFirst, before] = [data.sink, data.toFirst, data.before].map((text) => text && uint16FromBase64(text));
    this.weights = new Weights(data.tokens.length, uint16FromBase64(data.weights), sink, toFirst, before);
    [this.head, this.token] = [data.head, data.token];
    this.draw();
  }

  draw() {
    const { data } = this;
    this.drawnFor = this.scroller.clientWidth;
    this.unit = fittingUnit(HEIGHT);
    this.root.style.setProperty("--unit", `${this.unit}px`);
    this.squares.draw(data.squares, this.drawnFor, this.unit);
    this.drawHead();
  }

  drawHead() {
    const { data, head } = this;
    this.root.classList.remove("waiting");
    this.squares.mark(data.layer - 1, head);
    this.title.textContent = this.finding();
    this.scroller.replaceChildren(data.show === "matrix" ? matrixOf(this) : arcsOf(this));
    this.note.textContent = this.words();
    reveal(this.scroller, this.scroller.querySelector(".chosen"));
  }

  /** What the chosen token reads most of all, in this head. */
  finding() {
    const { data, head, token, weights } = this;
    const row = weights.row(head, token);
    if (data.first > 0) row.set(FIRST, weights.toFirst(head, token)); // not drawn, but read
    const found = [...row].sort((a, b) => b[1] - a[1]).slice(0, 2).filter(([, share]) => share >= 0.005);
    const read = found.map(([key, share]) => `${percent(share)} from ${this.name(key)}`);
    return `Layer ${data.layer}, head ${head + 1}: ${data.tokens[token]} reads ${read.join(", ")}`;
  }

  /** @param {number} key */
  name(key) {
    if (key === SINK) return "the sink, which is no token";
    if (key === this.token) return "itself";
    return key < 0 ? `the first token, ${this.data.firstToken}` : key + this.data.first === 0 ? `the first token, ${this.data.tokens[key]}` : this.data.tokens[key];
  }

  words() {
    const { data, head, token, weights } = this;
    const shared = weights.nHeads / data.nKvHeads;
    const group = shared > 1 ? `One of ${shared} heads that read key-value head ${Math.floor(head / shared) + 1}. ` : "";
    const before = weights.before(head, token);
    const left = before >= 0.005 ? `${percent(before)} goes to tokens before token ${data.first + 1}, which are not drawn. ` : "";
    const first = data.first > 0 ? `${percent(weights.toFirst(head, token))} goes to the first token, ${data.firstToken}, which is not drawn. ` : "";
    if (data.show === "matrix") return `${group}${first}${left}Each row is a token that reads, each column one that is read.`;
    const stub = data.stub || data.first > 0 ? "What goes to the first token hangs under each token as a stub. " : "";
    return `${group}${left}An arc is as thick as the share that it carries; arcs below 2% are not drawn. ${stub}`;
  }

  /** @param {number} layer @param {number} head */
  chooseHead(layer, head) {
    const here = layer === this.data.layer - 1;
    this.head = head;
    if (here) this.drawHead();
    else this.root.classList.add("waiting"); // its weights come from Python
    this.pick({ layer, head, token: this.data.first + this.token });
  }

  /** @param {string} squares */
  chooseSquares(squares) {
    this.pick({ layer: this.data.layer - 1, head: this.head, token: this.data.first + this.token, squares });
  }

  /** @param {number} token */
  chooseToken(token) {
    this.token = token;
    this.drawHead();
    this.pick({ layer: this.data.layer - 1, head: this.head, token: this.data.first + token });
  }

  /** @param {number} token */
  light(token) {
    for (const node of this.scroller.querySelectorAll("[data-query]")) {
      node.classList.toggle("lit", node.getAttribute("data-query") === String(token));
    }
  }

  /** @param {number} query @param {number} key */
  say(query, key) {
    const share = (this.weights.of(this.head, query, key) * 100).toFixed(1);
    if (key === SINK) return `${this.data.tokens[query]} gives to the sink, which is not a token: ${share}%`;
    return `${this.data.tokens[query]} attends to ${this.data.tokens[key]}: ${share}%`;
  }
}

export default mounted(AttentionView);
