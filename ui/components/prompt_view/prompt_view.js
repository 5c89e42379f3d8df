// A prompt and the template that wrote it. Text goes in by textContent alone.

import { clamp, counted, make, Pointer, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { bitsOf } from "./bits.js";

/**
 * A run of characters that came from one place.
 * @typedef {object} Piece
 * @property {string} text
 * @property {number} start character
 * @property {number | null} line of the template
 * @property {number | null} caller line that called the macro of that line
 * @property {number | null} message
 * @property {string} part
 * @property {string} words what the part is called
 * @property {string | null} role
 * @property {boolean} special
 */

/**
 * What prompt_view/payload.py sends.
 * @typedef {object} PromptData
 * @property {string} version
 * @property {Piece[]} pieces
 * @property {string[] | null} lines of the template, where it is shown
 * @property {number[]} wrote lines that wrote something
 * @property {number} digits of the highest line number
 * @property {number | null} height pixels
 * @property {number | null} first the piece that is lit at first
 */

/** @typedef {HTMLSpanElement & { place: number }} PieceNode */
/** @typedef {HTMLDivElement & { number: number }} LineNode */

class PromptView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "prompt-view");
    this.version = "";
    /** @type {[node: Element, name: string][]} */
    this.lit = [];
    /** @type {Piece[]} */
    this.pieces = [];
    /** @type {PieceNode[]} */
    this.nodes = [];
    /** @type {LineNode[]} */
    this.lines = [];
    this.text = make("div");
    /** @type {HTMLDivElement | null} */
    this.source = null;
    this.status = make("div");
    this.pointer = new Pointer();
    this.root.addEventListener("pointerover", (event) => {
      if (this.source && !this.pointer.rests(event)) this.meet(event);
    });
    this.root.addEventListener("focusin", (event) => this.meet(event));
    this.root.addEventListener("keydown", (event) => this.key(event));
    parent.append(this.root);
  }

  destroy() {
    this.root.remove();
  }

  /** @param {PromptData} data */
  update(data) {
    if (data.version === this.version) return; // the same content: what is lit, focused and scrolled stays
    this.version = data.version;
    this.lit = [];
    this.pieces = data.pieces;
    this.root.classList.toggle("with-source", data.lines !== null);
    this.root.style.setProperty("--digits", String(data.digits));
    this.text = this.drawText(data);
    const panes = make("div", "panes");
    panes.append(this.text);
    this.source = data.lines && this.drawSource(data, data.lines);
    if (this.source) panes.append(this.source);
    this.status = make("div", "status");
    this.status.setAttribute("role", "status");
    this.root.replaceChildren(...(this.source ? [this.status, panes] : [panes]));
    if (data.first !== null && this.source) this.lightPiece(data.first, true);
    this.root.dataset.version = data.version; // what tests wait for
  }

  /** @param {string} className @param {string} label @param {number | null} height */
  drawPane(className, label, height) {
    const pane = make("div", className);
    pane.setAttribute("role", "group");
    pane.setAttribute("aria-label", label);
    if (height) pane.style.maxHeight = `${height}px`;
    return pane;
  }

  /** @param {PromptData} data */
  drawText(data) {
    const pane = this.drawPane("text", "The prompt. Arrow keys go from piece to piece.", data.height);
    this.nodes = data.pieces.map((piece, i) => {
      const node = Object.assign(make("span", "p"), { place: i });
      if (piece.role) node.classList.add(piece.role);
      if (piece.special) node.classList.add("special");
      if (piece.part === "generation_prompt") node.classList.add("asks");
      if (piece.part === "template_text") node.classList.add("added");
      for (const { sign, text } of bitsOf(piece.text)) {
        if (sign) node.append(make("span", "sign", sign));
        node.append(text);
      }
      return node;
    });
    if (data.lines && this.nodes.length) this.nodes[data.first ?? 0].tabIndex = 0;
    pane.append(...this.nodes);
    if (!this.nodes.length) pane.append(make("span", "nothing", "nothing is written"));
    return pane;
  }

  /** @param {PromptData} data @param {string[]} lines */
  drawSource(data, lines) {
    const pane = this.drawPane("source", "The template. Arrow keys go from line to line.", data.height);
    const wrote = new Set(data.wrote);
    this.lines = lines.map((text, i) => {
      const row = Object.assign(make("div", wrote.has(i + 1) ? "line wrote" : "line"), { number: i + 1 });
      row.append(make("span", "number", String(i + 1)), make("code", "", text || " "));
      return row;
    });
    if (this.lines.length) this.lines[0].tabIndex = 0;
    pane.append(...this.lines);
    return pane;
  }

  /** @param {EventTarget | null} target @returns {PieceNode | LineNode | null} */
  find(target) {
    return target instanceof Element ? target.closest(".p") ?? target.closest(".line") : null;
  }

  /** @param {Event} event */
  meet(event) {
    const node = this.source && this.find(event.target);
    if (!node) return;
    if ("place" in node) this.lightPiece(node.place, true);
    else this.lightLine(node.number, true);
  }

  dark() {
    for (const [node, name] of this.lit) node.classList.remove(name);
    this.lit = [];
  }

  /** @param {Element} node @param {string} name */
  light(node, name) {
    node.classList.add(name);
    this.lit.push([node, name]);
  }

  /** @param {number} place @param {boolean} reveal */
  lightPiece(place, reveal) {
    this.dark();
    const piece = this.pieces[place];
    for (const [i, node] of this.nodes.entries()) {
      if (piece.message !== null && this.pieces[i].message === piece.message) this.light(node, "message");
    }
    this.light(this.nodes[place], "here");
    if (piece.caller) this.light(this.lines[piece.caller - 1], "caller");
    const row = piece.line ? this.lines[piece.line - 1] : null;
    if (row) {
      this.light(row, "here");
      if (reveal && this.source) this.reveal(this.source, row);
    }
    this.say(piece);
  }

  /** @param {number} number @param {boolean} reveal */
  lightLine(number, reveal) {
    this.dark();
    this.light(this.lines[number - 1], "here");
    const written = this.nodes.filter((_, i) => this.pieces[i].line === number || this.pieces[i].caller === number);
    for (const node of written) this.light(node, "here");
    if (reveal && written.length) this.reveal(this.text, written[0]);
    const characters = written.reduce((sum, node) => sum + [...this.pieces[node.place].text].length, 0);
    this.status.textContent = written.length
      ? `Template line ${number} wrote ${counted(characters, "character")} in ${counted(written.length, "place")}.`
      : `Template line ${number} wrote nothing here.`;
  }

  /** @param {Piece} piece */
  say(piece) {
    const message = piece.message === null ? "no message: the template’s own" : `message ${piece.message + 1}`;
    const caller = piece.caller ? `, called from line ${piece.caller}` : "";
    const line = piece.line ? `template line ${piece.line}${caller}` : "no line";
    this.status.textContent = `From character ${piece.start + 1}: ${line}, ${message}, ${piece.words}.`;
  }

  /**
   * Scrolls inside the pane only: the page itself must not jump under a pointer.
   * @param {Element} pane
   * @param {Element} node
   */
  reveal(pane, node) {
    const [outer, inner] = [pane.getBoundingClientRect(), node.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      pane.scrollTop += inner.top - outer.top - outer.height / 2 + inner.height / 2;
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const node = this.find(event.target);
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {(PieceNode | LineNode)[]} */
    const all = "place" in node ? this.nodes : this.lines;
    const at = all.indexOf(node);
    /** @type {Record<string, number>} */
    const places = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
    if (!(event.key in places)) return;
    used(event);
    const next = all[clamp(places[event.key], 0, all.length - 1)];
    node.removeAttribute("tabindex");
    next.tabIndex = 0;
    next.focus({ preventScroll: true });
    this.reveal(next.parentElement ?? next, next);
  }
}

export default mounted(PromptView);
