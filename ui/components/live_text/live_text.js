// A text area that sends what is typed after a short pause. The rules of who has the newest text: live_text/box.py.

import { activeIn, make } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { theSteps } from "../kit/steps.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * What `draw_box` in live_text/__init__.py sends.
 * @typedef {object} BoxData
 * @property {string} name what the box is for; boxes of one name hold the same text
 * @property {string} label
 * @property {number | null} height pixels; null for one line that grows while it has the keyboard
 * @property {string | null} help
 * @property {string | null} placeholder
 * @property {string} push name of the newest push
 * @property {number} seen the last edit that the server knew then
 * @property {string} text of that push
 */

/**
 * @typedef {object} Draft
 * @property {string | null} push the newest one that was taken over
 * @property {string} held
 * @property {string | null} sent
 * @property {number} edit number of the last edit
 * @property {boolean} newest whether what was typed goes before an older push
 * @property {LiveText | null} owner the box that a person sees
 */

const PAUSE_MS = 250;
const PAUSE_LONG_MS = 800; // a text of this many characters takes the server a moment
const LABEL_PX = 28; // Streamlit's heights include the label
const LONG = 100_000;

// What each box holds and what of it was sent, by name. It outlives the element on the page: another page draws a new one.
/** @type {Map<string, Draft>} */
const drafts = new Map();
let edits = 0; // one count for all boxes, for as long as the browser's page lives

/** @param {string} name @returns {Draft} */
function draftOf(name) {
  const draft = drafts.get(name) ?? { push: null, held: "", sent: "", edit: 0, newest: true, owner: null };
  drafts.set(name, draft);
  return draft;
}

// Back and forward ask for an earlier screen: what was typed before gives way to it.
addEventListener("popstate", () => {
  for (const draft of drafts.values()) draft.newest = false;
});

const steps = theSteps();

class LiveText {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "live");
    this.head = make("div", "head");
    this.label = make("label");
    this.label.htmlFor = "box";
    this.area = make("textarea");
    this.area.id = "box";
    this.area.setAttribute("autocomplete", "off");
    this.area.setAttribute("spellcheck", "false"); // red waves under code and other languages
    this.helper = make("button", "helper", "?");
    this.helper.type = "button";
    this.helper.setAttribute("aria-describedby", "help");
    this.help = make("div", "help");
    this.help.id = "help";
    this.help.setAttribute("role", "tooltip");
    this.lines = make("span", "lines");
    this.head.append(this.label, this.helper, this.help);
    this.root.append(this.head, this.area, this.lines);
    this.composing = false;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.data = /** @type {BoxData | null} */ (null); // until the first update, as what follows
    this.draft = /** @type {Draft} */ (/** @type {unknown} */ (null));
    /** @type {Component<BoxData>["setStateValue"]} */
    this.setStateValue = () => {};
    this.listen();
    parent.append(this.root);
  }

  listen() {
    /** @type {HTMLTextAreaElement["addEventListener"]} */
    const on = (/** @type {string} */ name, /** @type {EventListener} */ handler) => this.area.addEventListener(name, handler);
    on("input", () => {
      this.typed();
      this.count();
    });
    // A word that is being composed (Japanese, accents on a phone) is left alone until it stands.
    on("compositionstart", () => {
      this.composing = true;
      clearTimeout(this.timer);
    });
    on("compositionend", () => {
      this.composing = false;
      this.typed();
      this.reconcile();
    });
    on("blur", (event) => {
      // On the way to another page two runs would be asked for at once, and Streamlit may lose the page among them.
      // The box over there sends what it finds here; the pause goes on, in case the person stays after all.
      if (!(event.relatedTarget instanceof Element && event.relatedTarget.closest("a[href]"))) this.send(true);
      setTimeout(() => {
        if (steps.once === this.area) steps.once = null;
      }, 1000);
    });
    on("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.send();
    });
    // Streamlit's shortcuts (r, c) spare its own inputs; from inside a component they would fire.
    for (const name of ["keydown", "keyup", "keypress"]) this.root.addEventListener(name, (e) => e.stopPropagation());
  }

  focused() {
    return activeIn(this.area) === this.area;
  }

  typed() {
    edits += 1;
    this.draft.edit = edits;
    this.draft.newest = true;
    clearTimeout(this.timer);
    if (this.composing) return;
    this.timer = setTimeout(() => this.send(), this.area.textLength > LONG ? PAUSE_LONG_MS : PAUSE_MS);
  }

  /** @param {boolean} [leaving] whether the person is on the way to something else, which is a step of its own */
  send(leaving = false) {
    clearTimeout(this.timer);
    const { draft } = this;
    if (this.composing || this.area.value === draft.sent) return;
    draft.held = this.area.value;
    draft.sent = draft.held;
    if (leaving) steps.once = this.area;
    else steps.did(this.area);
    this.setStateValue("edit", { push: draft.push, edit: draft.edit, text: draft.sent });
  }

  /** @param {BoxData} data @param {Component<BoxData>} component */
  update(data, { setStateValue }) {
    const first = !this.data;
    this.data = data;
    this.setStateValue = setStateValue;
    this.draft = draftOf(data.name);
    this.label.textContent = data.label;
    this.helper.setAttribute("aria-label", `Help for ${data.label}`);
    this.area.placeholder = data.placeholder ?? "";
    this.helper.hidden = !data.help;
    this.help.hidden = !data.help;
    this.help.textContent = data.help ?? "";
    if (first) {
      this.draft.owner = this;
      this.root.classList.toggle("one-line", data.height === null);
      if (data.height !== null) this.area.style.height = `${data.height - LABEL_PX}px`;
      this.put(this.draft.held);
      if (this.draft.held !== this.draft.sent) this.typed();
    }
    this.reconcile();
    this.root.dataset.push = data.push; // what tests wait for
  }

  // Take over a push, or stand by what was typed since.
  reconcile() {
    const { data, draft } = this;
    if (!data || draft.push === data.push || this.composing) return;
    draft.push = data.push;
    if (draft.newest && draft.edit > data.seen) {
      draft.sent = null; // what was sent stood on an older push
      this.typed();
      return;
    }
    clearTimeout(this.timer);
    this.put(data.text);
    draft.held = this.area.value; // line ends as the browser keeps them
    draft.sent = draft.held;
    draft.edit = Math.min(draft.edit, data.seen);
    draft.newest = true;
  }

  /** @param {string} text */
  put(text) {
    if (this.area.value === text) return;
    const { selectionStart, selectionEnd } = this.area;
    this.area.value = text;
    this.count();
    if (this.focused()) this.area.setSelectionRange(selectionStart, selectionEnd);
  }

  /** Say how many lines there are where only the first is to be seen. */
  count() {
    const value = this.area.value.slice(0, LONG);
    const lines = value.split("\n").length;
    const more = this.area.textLength > LONG ? "+" : "";
    this.lines.textContent = lines > 1 ? `${lines}${more} lines` : "";
  }

  destroy() {
    clearTimeout(this.timer);
    // Typed, and the page went away before the pause was over: the next page's box finds it here.
    if (this.draft.owner === this) this.draft.held = this.area.value;
    this.root.remove();
  }
}

export default mounted(LiveText);
