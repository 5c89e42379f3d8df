// A text that a person cuts: press between two letters, or go there with the arrow keys and press space.

import { counted, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { pieceOf, placeAfter, toggled } from "./places.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * See `cut_box` in cut_box/__init__.py.
 * @typedef {{ letters: string[], cuts: number[] | null, closed: boolean, commit: string }} Data
 */

class CutBox {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing box");
    this.row = make("div", "row");
    this.row.setAttribute("role", "group");
    this.said = make("p", "unseen");
    this.said.setAttribute("aria-live", "polite");
    this.button = make("button", "commit");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.send(this.places));
    this.root.append(this.row, this.button, this.said);
    parent.append(this.root);
    /** @type {Data} */
    this.data = { letters: [], cuts: null, closed: false, commit: "" };
    this.json = "";
    /** @type {number[]} */
    this.places = [];
    this.at = 1; // the gap that Tab reaches
    /** @type {HTMLElement[]} */
    this.letters = [];
    /** @type {HTMLButtonElement[]} */
    this.gaps = [];
    /** @type {(places: number[]) => void} */
    this.send = () => {};
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.send = (places) => component.setTriggerValue("cuts", places);
    const json = JSON.stringify(data);
    if (json === this.json) return; // what was marked and not committed yet stays
    const other = data.letters.join("") !== this.data.letters.join("");
    this.json = json;
    this.data = data;
    if (other || data.cuts) this.places = data.cuts ?? [];
    if (other) this.at = 1;
    this.draw();
  }

  draw() {
    const { letters, closed } = this.data;
    this.row.setAttribute("aria-label", `Where is ${letters.join("")} cut? Arrow keys move, space cuts.`);
    this.letters = letters.map((letter) => make("span", "letter", letter));
    this.gaps = letters.slice(1).map((_, i) => this.gap(i + 1));
    this.row.replaceChildren(...this.letters.flatMap((letter, i) => (i ? [this.gaps[i - 1], letter] : [letter])));
    this.row.classList.toggle("closed", closed);
    this.button.hidden = closed;
    this.mark();
  }

  /** @param {number} place */
  gap(place) {
    const { letters, closed } = this.data;
    const gap = make("button", "gap");
    gap.type = "button";
    gap.disabled = closed;
    gap.setAttribute("aria-label", `Between ${letters[place - 1]} and ${letters[place]}, after ${counted(place, "letter")}`);
    gap.addEventListener("click", () => {
      this.at = place;
      this.places = toggled(this.places, place);
      this.mark();
      this.said.textContent = this.pieces().join(" | ");
    });
    gap.addEventListener("keydown", (event) => {
      const to = placeAfter(event.key, place, letters.length);
      if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      used(event);
      this.at = to;
      this.mark();
      this.gaps[to - 1].focus();
    });
    return gap;
  }

  mark() {
    const piece = pieceOf(this.letters.length, this.places);
    for (const [i, letter] of this.letters.entries()) letter.dataset.tint = String(piece[i] % 2);
    for (const [i, gap] of this.gaps.entries()) {
      gap.dataset.tint = String(piece[i] % 2);
      gap.setAttribute("aria-pressed", String(this.places.includes(i + 1)));
      gap.tabIndex = i + 1 === this.at ? 0 : -1;
    }
    this.button.textContent = `${counted(this.places.length + 1, "piece")}: ${this.data.commit}`;
  }

  pieces() {
    const ends = [0, ...this.places, this.data.letters.length];
    return ends.slice(1).map((end, i) => this.data.letters.slice(ends[i], end).join(""));
  }

  destroy() {
    this.root.remove();
  }
}

export default mounted(CutBox);
