// Attention: every head of a layer small, grouped by the key-value head that it reads, and one head large.

import { uint16FromBase64 } from "../kit/bytes.js";
import { make, shape, shortened, used } from "../kit/dom.js";
import { Drawing, drawingIn } from "../kit/drawing.js";
import { mounted } from "../kit/mount.js";
import { rgba, themeColour } from "../kit/plain_colour.js";
import { arcPath, arcsLayout, matrixCell } from "./layout.js";

const [LABEL, MATRIX_HEAD] = [92, 84];
const FAINT = 0.02; // weights below this share are not drawn as arcs
const SINK = -1; // stands before the first token, as a key that no token is

/**
 * What `attention_view` in model_views/__init__.py sends.
 * @typedef {object} AttentionData
 * @property {string} weights 16 bits each, of (head, query, key), in base64
 * @property {string | null} [sink] the same of (head, query): what goes to an attention sink, in models that have one
 * @property {string[]} tokens
 * @property {number} first position of the first token in the text
 * @property {number} layer
 * @property {number} nHeads
 * @property {number} nKvHeads
 * @property {number} head the one that is shown large
 * @property {number} token the one whose weights stand out, counted in `tokens`
 * @property {"arcs" | "matrix"} show
 * @property {boolean} skipFirst leave what goes to the text's first token undrawn
 */

/** @extends {Drawing<AttentionData>} */
class AttentionView extends Drawing {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, "attention");
    this.heads = make("div", "heads");
    this.title = make("div", "title");
    this.scroller = make("div", "scroller");
    this.root.append(this.heads, this.title, this.scroller);
    this.finish(this.scroller, "attention", () => [{ x: 0, y: 0, svg: drawingIn(this.scroller) }]);
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    this.weights = new Uint16Array();
    /** @type {Uint16Array | null} */
    this.sink = null;
    this.n = 0; // tokens
    this.head = 0;
    this.token = 0;
  }

  /** @param {AttentionData} data */
  replace(data) {
    this.data = data;
    this.weights = uint16FromBase64(data.weights);
    this.sink = data.sink ? uint16FromBase64(data.sink) : null;
    this.n = data.tokens.length;
    [this.head, this.token] = [data.head, data.token];
    this.drawHeads();
    this.draw();
  }

  /** @param {number} head @param {number} query @param {number} key */
  weight(head, query, key) {
    if (key === SINK) return (this.sink?.[head * this.n + query] ?? 0) / 65535;
    return this.weights[(head * this.n + query) * this.n + key] / 65535;
  }

  // Where the first token is left out, the darkest of the others sets the scale of a small picture as well.
  /** @param {number} query @param {number} key */
  drawn(query, key) {
    return key === SINK || (key <= query && !(this.data.skipFirst && this.data.first + key === 0));
  }

  drawHeads() {
    const { data } = this;
    const perGroup = data.nHeads / data.nKvHeads;
    const groups = [];
    this.buttons = [];
    for (let group = 0; group < data.nKvHeads; group++) {
      const box = make("div", perGroup > 1 ? "group" : "group lone");
      if (perGroup > 1) box.append(make("div", "quiet", `key-value head ${group + 1}`));
      const row = make("div", "members");
      for (let head = group * perGroup; head < (group + 1) * perGroup; head++) row.append(this.small(head));
      box.append(row);
      groups.push(box);
    }
    this.heads.replaceChildren(...groups);
    this.markHead();
  }

  /** @param {number} head */
  small(head) {
    const button = make("button", "head");
    button.type = "button";
    const canvas = make("canvas");
    canvas.width = canvas.height = this.n;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no canvas to draw on.");
    const [red, green, blue] = rgba(themeColour(this.root, "--st-primary-color", "#1f6f8b"));
    const image = context.createImageData(this.n, this.n);
    for (let query = 0; query < this.n; query++) {
      for (let key = 0; key <= query; key++) {
        if (!this.drawn(query, key)) continue;
        // The root lifts small weights to where an eye sees them; the numbers are in the large picture.
        image.data.set([red, green, blue, 255 * Math.sqrt(this.weight(head, query, key))], 4 * (query * this.n + key));
      }
    }
    context.putImageData(image, 0, 0);
    button.append(canvas, make("span", "", `head ${head + 1}`));
    button.setAttribute("aria-label", `Head ${head + 1}: show it large`);
    button.addEventListener("click", () => {
      this.head = head;
      this.markHead();
      this.draw();
      this.pick({ head, token: this.data.first + this.token });
    });
    this.buttons[head] = button;
    return button;
  }

  markHead() {
    for (const [head, button] of this.buttons.entries()) button.setAttribute("aria-pressed", String(head === this.head));
  }

  draw() {
    this.drawnFor = this.scroller.clientWidth;
    const { data, head } = this;
    const shared = data.nHeads / data.nKvHeads;
    const group = shared > 1 ? `, one of ${shared} that read key-value head ${Math.floor(head / shared) + 1}` : "";
    this.title.textContent = `Layer ${data.layer}, head ${head + 1}${group}`;
    this.scroller.replaceChildren(data.show === "matrix" ? this.matrix() : this.arcs());
    // On a narrow screen the chosen token comes into view; the page itself does not move.
    const at = this.scroller.querySelector(".chosen")?.getBoundingClientRect();
    const seen = this.scroller.getBoundingClientRect();
    if (at && (at.left < seen.left || at.right > seen.right)) this.scroller.scrollLeft += at.right - seen.right + 60;
  }

  /** @param {number} token */
  chooseToken(token) {
    this.token = token;
    this.draw();
    this.pick({ head: this.head, token: this.data.first + token });
  }

  /** @param {number} token @param {number} x @param {number} y @param {number} angle @param {string} className */
  wordOf(token, x, y, angle, className) {
    const text = shortened(this.data.tokens[token], 11);
    /** @type {Record<string, string>} */
    const turn = angle ? { transform: `rotate(${angle} ${x.toFixed(1)} ${y.toFixed(1)})` } : {};
    const node = shape("text", { x, y, class: `token pick ${className} ${token === this.token ? "chosen" : ""}`, tabindex: 0,
      role: "button", ...turn }, text);
    node.append(shape("title", {}, `${this.data.tokens[token]}, position ${this.data.first + token + 1}`));
    node.addEventListener("click", () => this.chooseToken(token));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      used(event);
      this.chooseToken(token);
    });
    node.addEventListener("pointerenter", () => this.light(token));
    node.addEventListener("pointerleave", () => this.light(this.token));
    return node;
  }

  /** @param {number} token */
  light(token) {
    for (const node of this.scroller.querySelectorAll("[data-query]")) {
      node.classList.toggle("lit", node.getAttribute("data-query") === String(token));
    }
  }

  /** @param {number} query @param {number} key */
  say(query, key) {
    const share = (this.weight(this.head, query, key) * 100).toFixed(1);
    if (key === SINK) return `${this.data.tokens[query]} gives to the sink, which is not a token: ${share} %`;
    return `${this.data.tokens[query]} attends to ${this.data.tokens[key]}: ${share} %`;
  }

  /** @param {number} x @param {number} y @param {number} angle */
  sinkLabel(x, y, angle) {
    const turn = `rotate(${angle} ${x.toFixed(1)} ${y.toFixed(1)})`;
    const node = shape("text", { x, y, class: "token sink", transform: turn }, "sink");
    node.append(shape("title", {}, "The attention sink: one more logit in the softmax, with no token behind it"));
    return node;
  }

  arcs() {
    const leftmost = this.sink ? SINK : 0;
    const layout = arcsLayout(this.n, this.drawnFor, leftmost);
    const { step, width, base, x } = layout;
    const svg = shape("svg", { width, height: base + 96, role: "group", "aria-label": this.title.textContent });
    for (let query = 0; query < this.n; query++) {
      for (let key = leftmost; key <= query; key++) {
        const weight = this.weight(this.head, query, key);
        if (weight < FAINT || !this.drawn(query, key)) continue;
        const arc = key === query
          ? shape("circle", { cx: x(key), cy: base - 7, r: 5 })
          : shape("path", { d: arcPath(layout, key, query) });
        arc.setAttribute("class", query === this.token ? "arc lit" : "arc");
        arc.dataset.query = String(query);
        arc.style.setProperty("--weight", weight.toFixed(4));
        arc.append(shape("title", {}, this.say(query, key)));
        svg.append(arc);
      }
    }
    const angle = step < 18 ? 65 : 50;
    if (this.sink) svg.append(this.sinkLabel(x(SINK) - 3, base + 14, angle));
    for (let i = 0; i < this.n; i++) svg.append(this.wordOf(i, x(i) - 3, base + 14, angle, step < 18 ? "small" : ""));
    // The chosen token's own arcs lie on top.
    svg.append(...svg.querySelectorAll(".arc.lit"));
    return svg;
  }

  matrix() {
    const [leftmost, before] = this.sink ? [SINK, 1.5] : [0, 0];
    const cell = matrixCell(this.n + before, this.drawnFor - LABEL);
    const size = cell * this.n;
    // The sink's column is the first, half a cell apart from the tokens'.
    const x = (/** @type {number} */ key) => LABEL + (key === SINK ? 0 : key + before) * cell;
    const svg = shape("svg", { width: x(this.n) + 60, height: MATRIX_HEAD + size + 8, role: "group",
      "aria-label": this.title.textContent });
    for (let query = 0; query < this.n; query++) {
      const y = MATRIX_HEAD + query * cell;
      svg.append(this.wordOf(query, LABEL - 6, y + cell / 2 + 4, 0, "end"));
      svg.append(this.wordOf(query, x(query) + cell / 2 + 3, MATRIX_HEAD - 6, -50, ""));
      for (let key = leftmost; key <= query; key++) {
        const box = shape("rect", { x: x(key) + 0.5, y: y + 0.5, width: cell - 1, height: cell - 1, rx: 1.5 });
        box.setAttribute("class", query === this.token ? "box lit" : "box");
        box.dataset.query = String(query);
        const weight = this.drawn(query, key) ? this.weight(this.head, query, key) : 0;
        box.style.setProperty("--share", `${(Math.sqrt(weight) * 100).toFixed(1)}%`);
        box.append(shape("title", {}, this.say(query, key)));
        svg.append(box);
      }
    }
    if (this.sink) svg.append(this.sinkLabel(x(SINK) + cell / 2 + 3, MATRIX_HEAD - 6, -50));
    return svg;
  }
}

export default mounted(AttentionView);
