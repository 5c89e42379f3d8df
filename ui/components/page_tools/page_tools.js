// Keys, the sentence of a first visit, the QR code of the presenter view, what paper needs, and a change of the theme.

import { make } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { theSteps } from "../kit/steps.js";
import { qrPicture } from "./qr.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * What `tools` in page_tools/__init__.py sends.
 * @typedef {object} ToolsData
 * @property {string} page the page's address
 * @property {string} lookFor the sentence of a first visit
 * @property {boolean} present whether the presenter view is on
 * @property {string | null} link
 * @property {string[]} code rows of a QR code, "0" and "1"
 */

const READ = "lmloupe-read"; // what this browser's owner has read: addresses, comma-separated
const PLACES = ["right", "left", "folded"]; // of the QR code, which may stand before a number; a press moves it on
const PAPER = 640; // pixels between the margins of A4

let corner = 0; // of PLACES; kept from page to page

theSteps(); // on every page, with a text or without

/** @returns {string[]} */
function pagesRead() {
  try {
    return (localStorage.getItem(READ) ?? "").split(",");
  } catch {
    return []; // a browser that keeps nothing shows the sentence each time
  }
}

/** @param {string} page */
function remember(page) {
  try {
    localStorage.setItem(READ, [...new Set([...pagesRead(), page])].join(","));
  } catch {
    // as above
  }
}

/**
 * Whether a key pressed there belongs to what has the keyboard: a box, a slider, a token.
 * @param {Event} event
 */
function taken(event) {
  const at = event.composedPath()[0];
  return at instanceof Element && at !== document.body && at.matches("input, textarea, select, [contenteditable], [role], [tabindex]");
}

/** @param {Event} event */
function writing(event) {
  const at = event.composedPath()[0];
  return at instanceof Element && at.matches("input, textarea, select, [contenteditable]");
}

/** The parts of a page that are folded are opened for paper, and folded again after it. */
class Paper {
  constructor() {
    /** @type {HTMLDetailsElement[]} */
    this.opened = [];
  }

  before() {
    this.opened = [...document.querySelectorAll("details")].filter((part) => !part.open);
    for (const part of this.opened) {
      part.open = true;
      part.toggleAttribute("data-for-paper", true);
    }
    // Plotly's charts keep the width of the screen, and paper would cut their right end off.
    for (const plot of document.querySelectorAll(".js-plotly-plot")) {
      if (plot instanceof HTMLElement) plot.style.setProperty("--paper-zoom", String(Math.min(1, PAPER / (plot.offsetWidth || PAPER))));
    }
    const app = document.querySelector("[data-testid=stApp]");
    const dark = app !== null && getComputedStyle(app).colorScheme === "dark";
    document.documentElement.toggleAttribute("data-dark-on-paper", dark);
  }

  after() {
    for (const part of this.opened) {
      part.open = false;
      part.toggleAttribute("data-for-paper", false);
    }
    this.opened = [];
  }
}

class Tools {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.look = make("div", "look");
    this.look.setAttribute("role", "note");
    this.said = make("p");
    const read = make("button", "", "Got it");
    read.type = "button";
    this.look.append(this.said, read);
    this.corner = make("div", "corner");
    this.move = make("button");
    this.move.type = "button";
    this.theme = make("i", "theme"); // its colour is the theme's: another one is a transition
    parent.append(this.look, this.corner, this.theme);
    this.data = /** @type {ToolsData | null} */ (null);
    /** @type {Component<ToolsData>["setTriggerValue"]} */
    this.send = () => {};
    this.stop = new AbortController();
    const { signal } = this.stop;
    read.addEventListener("click", () => {
      if (this.data) remember(this.data.page);
      this.show(false);
    });
    this.move.addEventListener("click", () => this.place((corner + 1) % PLACES.length));
    this.theme.addEventListener("transitionend", () => this.send("theme", Date.now()));
    const paper = new Paper();
    addEventListener("beforeprint", () => paper.before(), { signal });
    addEventListener("afterprint", () => paper.after(), { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
  }

  /** @param {boolean} look whether the sentence is there; without it, this element takes no room on the page */
  show(look) {
    this.look.hidden = !look;
    const root = this.look.getRootNode();
    const place = root instanceof ShadowRoot ? root.host.closest(".st-key-page_tools") : null;
    if (place instanceof HTMLElement) place.style.position = look ? "" : "absolute";
  }

  /** @param {number} at of PLACES */
  place(at) {
    corner = at;
    this.corner.dataset.at = PLACES[at];
    this.move.textContent = ["Move", "Fold", "QR code"][at] ?? "";
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event)) return;
    if (event.key.toLowerCase() === "p" && !event.shiftKey) this.send("present", Date.now());
    else if (!this.data?.present || taken(event)) return;
    else if (event.key === "Escape") this.send("present", Date.now());
    else if (event.key === "ArrowRight" || event.key === "PageDown") this.send("turn", 1);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") this.send("turn", -1);
  }

  /** @param {ToolsData} data @param {Component<ToolsData>} component */
  update(data, { setTriggerValue }) {
    this.data = data;
    this.send = setTriggerValue;
    this.said.textContent = data.lookFor;
    this.show(!data.present && !pagesRead().includes(data.page));
    document.documentElement.toggleAttribute("data-present", data.present);
    this.corner.hidden = !data.code.length;
    const shown = [qrPicture(data.code, "QR code of the link to this screen"), make("div", "", data.link ?? ""), this.move];
    this.corner.replaceChildren(...(data.code.length ? shown : []));
    this.place(corner);
  }

  destroy() {
    this.stop.abort();
    document.documentElement.removeAttribute("data-present");
    this.look.remove();
    this.corner.remove();
    this.theme.remove();
  }
}

export default mounted(Tools);
