// A prompt, and beside it the conversation that it is made of or the template that wrote it. Text goes in by
// textContent alone.

import { clamp, counted, make, Pointer, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { Drafts } from "./drafts.js";
import { drawSource } from "./source.js";
import { drawLost, drawPane, drawPieces, drawTabs, drawText } from "./string.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Editor } from "./bubbles.js" */
/** @import { LineNode } from "./source.js" */
/** @import { Piece, PieceNode, StringData } from "./string.js" */

/**
 * What prompt_view/payload.py sends, besides the string.
 * @typedef {object} MoreData
 * @property {string} version
 * @property {string[] | null} lines of the template, where it is shown
 * @property {number[]} wrote lines that wrote something
 * @property {number} digits of the highest line number
 * @property {number | null} first the piece that is lit at first
 * @property {string} hint what to do, and what is lit at first
 * @property {Editor | null} editor the conversation, where it is edited
 */

/** @typedef {StringData & MoreData} PromptData */

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
    this.hint = "";
    this.pinned = false;
    this.pointer = new Pointer();
    this.right = make("div", "side");
    this.panes = make("div", "panes");
    this.drafts = new Drafts();
    this.root.append(this.panes);
    this.listen();
    parent.append(this.root);
  }

  listen() {
    this.root.addEventListener("pointerover", (event) => {
      if (!this.pinned && !this.pointer.rests(event)) this.meet(event);
    });
    this.root.addEventListener("pointerleave", () => {
      if (!this.pinned && !this.source) this.dark();
    });
    this.root.addEventListener("focusin", (event) => this.meet(event));
    this.root.addEventListener("click", (event) => {
      if (!this.source || !this.find(event.target)) return;
      this.pinned = !this.pinned;
      this.meet(event);
    });
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  destroy() {
    this.drafts.destroy();
    this.root.remove();
  }

  /** @param {PromptData} data @param {Component<PromptData>} component */
  update(data, component) {
    const { editor } = data;
    const conversation = this.drafts.bubbles.pane;
    if (editor) this.drafts.update(editor, component);
    if (data.version === this.version) return; // the same content: what is lit, focused and scrolled stays
    const focused = this.drafts.bubbles.keyboard()[0];
    this.version = data.version;
    this.lit = [];
    this.pinned = false;
    this.pieces = data.pieces;
    this.hint = data.hint;
    this.root.className = `prompt-view layer-${data.layer} ${data.lines ? "with-source" : editor ? "with-editor" : ""}`;
    this.root.style.setProperty("--digits", String(data.digits));
    this.drawString(data, component);
    if (editor && conversation.parentNode !== this.panes) this.panes.prepend(conversation);
    this.markLost(data);
    if (data.first !== null && this.source) {
      this.lightPiece(data.first, true);
      this.reveal(this.text, this.nodes[data.first]);
    }
    if (focused !== null) this.lightMessage(focused, true);
    if (this.source) this.status.textContent = data.hint;
    this.root.dataset.version = data.version; // what tests wait for
  }

  /** @param {PromptData} data @param {Component<PromptData>} component */
  drawString(data, component) {
    const scrolled = this.text.scrollTop;
    this.nodes = drawPieces(data);
    if (data.lines && this.nodes.length) this.nodes[data.first ?? 0].tabIndex = 0;
    const arrows = data.lines ? "The prompt. Arrow keys go from piece to piece." : "The string that the model reads";
    this.text = drawText(data, this.nodes, arrows);
    if (!data.lines) this.text.tabIndex = 0; // it may scroll
    this.source = null;
    this.status = make("div", "status");
    this.status.setAttribute("role", "status");
    const head = make("div", "tops");
    if (data.families.length) {
      head.append(drawTabs("Family", data.families, (key) => component.setTriggerValue("family", key)));
    }
    if (data.layers.length) {
      head.append(drawTabs("Colours", data.layers, (key) => component.setTriggerValue("layer", key)));
    }
    const lost = drawLost(data, (key) => component.setTriggerValue("family", key));
    const foot = make("div", "foot");
    foot.append(...data.foot.map((line) => make("div", "", line)));
    const box = make("div", "side");
    box.append(...[head, lost].filter((node) => node.childNodes.length), this.text, foot);
    if (this.right.parentNode === this.panes) this.right.replaceWith(box);
    else this.panes.append(box);
    this.right = box;
    this.text.scrollTop = scrolled;
    if (data.lines) this.drawLines(data, data.lines);
  }

  /** @param {PromptData} data @param {string[]} lines */
  drawLines(data, lines) {
    const [pane, rows] = drawSource(lines, data.wrote);
    this.source = pane;
    this.lines = rows;
    const status = drawPane("status-row", "What is lit");
    status.append(this.status);
    this.root.replaceChildren(status, this.panes);
    this.panes.replaceChildren(this.right, pane);
  }

  /** Strike through what is not in the string, where it was written. @param {PromptData} data */
  markLost(data) {
    const { bubbles, tools } = this.drafts.bubbles;
    for (const bubble of bubbles) {
      const lost = data.lost.filter(({ message }) => message === Number(bubble.dataset.message));
      bubble.classList.toggle("dropped", lost.some(({ whole }) => whole));
      for (const note of bubble.querySelectorAll(".gone")) note.remove();
      for (const call of bubble.querySelectorAll(".call")) {
        const at = call instanceof HTMLElement ? Number(call.dataset.call) : -1;
        call.classList.toggle("dropped", lost.some((part) => part.call === at));
      }
      if (lost.length) bubble.append(make("div", "gone", "Left out of the prompt: the model never sees it."));
    }
    tools.classList.toggle("dropped", data.lost.some(({ message }) => message === null));
  }

  /** @param {EventTarget | null} target @returns {PieceNode | LineNode | null} */
  find(target) {
    return target instanceof Element ? target.closest(".p") ?? target.closest(".line") : null;
  }

  /** @param {Event} event */
  meet(event) {
    const node = this.find(event.target);
    const reveal = event.type === "focusin";
    if (!this.source) {
      const turn = this.drafts.bubbles.turnOf(event.target);
      if (turn !== null) this.lightMessage(turn, reveal);
      else if (node && "place" in node) this.lightMessage(this.pieces[node.place].message, false);
      else this.dark();
    } else if (node) {
      if ("place" in node) this.lightPiece(node.place, true);
      else this.lightLine(node.number, true);
      if (this.pinned) this.status.append(" Kept until the next click.");
    }
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

  /** A bubble and its stretch of the string. @param {number | null} message @param {boolean} reveal */
  lightMessage(message, reveal) {
    this.dark();
    if (message === null) return;
    const stretch = this.nodes.filter((_, i) => this.pieces[i].message === message);
    for (const node of stretch) this.light(node, "message");
    const bubble = this.drafts.bubbles.bubbles[message];
    if (bubble) this.light(bubble, "here");
    if (reveal && stretch.length) this.reveal(this.text, stretch[0]);
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
   * Scroll a pane, and nothing else, until the node is in sight.
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
    const node = this.source && this.find(event.target);
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") this.pinned = false;
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
