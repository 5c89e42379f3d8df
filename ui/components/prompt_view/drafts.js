// What a person has changed of the conversation and the server may not know yet. The rules: live_text/box.py. A push of
// the server, which comes from a lesson, a link or Back, replaces what is there.

import { Bubbles } from "./bubbles.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Editor } from "./bubbles.js" */
/** @import { Turn } from "./turns.js" */

const PAUSE_MS = 200;

/**
 * @typedef {object} Draft
 * @property {string} push
 * @property {Turn[]} turns
 * @property {number} edit number of the last one
 * @property {number} sent the last edit that was sent
 */

// By name; they outlive the elements on the page: another page draws new ones.
/** @type {Map<string, Draft>} */
const drafts = new Map();
let edits = 0; // one count for all, for as long as the browser's page lives

export class Drafts {
  constructor() {
    this.bubbles = new Bubbles((turns, typed) => this.changed(turns, typed));
    /** @type {Draft | null} */
    this.draft = null;
    this.composing = false;
    /** @type {number | undefined} */
    this.timer = undefined;
    /** @type {(name: string, value: unknown) => void} */
    this.setStateValue = () => {};
    const { pane } = this.bubbles;
    pane.addEventListener("focusout", (event) => {
      // On the way to another page two runs would be asked for at once, and Streamlit may lose the page among them.
      if (!(event.relatedTarget instanceof Element && event.relatedTarget.closest("a[href]"))) this.send();
    });
    // A word that is being composed (Japanese, accents on a phone) is left alone until it stands.
    pane.addEventListener("compositionstart", () => {
      this.composing = true;
      clearTimeout(this.timer);
    });
    pane.addEventListener("compositionend", () => {
      this.composing = false;
      this.wait();
    });
  }

  /** @param {Editor} editor @param {Component<unknown>} component */
  update(editor, { setStateValue }) {
    this.setStateValue = setStateValue;
    const known = drafts.get(editor.name);
    edits = Math.max(edits, editor.seen);
    if (known?.push !== editor.push) {
      this.draft = { push: editor.push, turns: editor.turns, edit: editor.seen, sent: editor.seen };
      drafts.set(editor.name, this.draft);
      clearTimeout(this.timer);
      this.bubbles.show(editor, editor.turns);
    } else if (this.draft !== known) {
      this.draft = known;
      this.bubbles.show(editor, known.turns);
      this.wait();
    }
    this.bubbles.decorate(editor);
  }

  /** @param {Turn[]} turns @param {boolean} typed */
  changed(turns, typed) {
    if (!this.draft) return;
    edits += 1;
    this.draft.turns = turns;
    this.draft.edit = edits;
    if (typed) this.wait();
    else this.send();
  }

  wait() {
    clearTimeout(this.timer);
    if (!this.composing) this.timer = setTimeout(() => this.send(), PAUSE_MS);
  }

  send() {
    clearTimeout(this.timer);
    const { draft } = this;
    if (!draft || this.composing || draft.edit === draft.sent) return;
    draft.sent = draft.edit;
    this.setStateValue("edit", { push: draft.push, edit: draft.edit, text: JSON.stringify(draft.turns) });
  }

  destroy() {
    clearTimeout(this.timer);
  }
}
