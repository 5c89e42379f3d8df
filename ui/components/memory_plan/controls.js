// Two sliders with the exact number beside each: tokens of context, and people at once. Python hears where they rest.

import { make } from "../kit/dom.js";
import { nearest } from "./bars.js";

const REST_MS = 350;

/** @typedef {{ context: number, sequences: number }} At */
/** @typedef {{ contexts: number[], people: number[], context: number, sequences: number, most: number }} Positions */

class Slide {
  /** @param {string} label @param {string} help @param {(value: number, exact: boolean) => void} move */
  constructor(label, help, move) {
    this.root = make("div", "slide");
    /** @type {number[]} */
    this.positions = [];
    this.number = make("input", "exact");
    this.number.type = "number";
    this.number.min = "1";
    this.number.title = help;
    this.range = make("input");
    this.range.type = "range";
    this.range.min = "0";
    this.range.setAttribute("aria-label", label);
    this.ends = make("div", "ends");
    const head = make("label", "head", label);
    head.append(this.number);
    this.root.append(head, this.range, this.ends);
    this.range.addEventListener("input", () => move(this.positions[Number(this.range.value)], false));
    this.number.addEventListener("change", () => {
      const value = Math.round(Number(this.number.value));
      if (value >= 1) move(Math.min(value, Number(this.number.max)), true);
    });
  }

  /** @param {number[]} positions @param {number} most that can be written */
  offer(positions, most) {
    this.positions = positions;
    this.range.max = String(positions.length - 1);
    this.number.max = String(most);
    const ends = [positions[0], positions[positions.length - 1]];
    this.ends.replaceChildren(...ends.map((end) => make("span", "", end.toLocaleString("en"))));
  }

  /** @param {number} value */
  show(value) {
    this.range.value = String(nearest(this.positions, value));
    this.range.setAttribute("aria-valuetext", value.toLocaleString("en"));
    this.number.value = String(value);
  }
}

export class Controls {
  /** @param {() => void} moved called when a slider has moved */
  constructor(moved) {
    this.moved = moved;
    /** @type {At} */
    this.at = { context: 1, sequences: 1 };
    /** @type {(value: unknown) => void} */
    this.tell = () => {};
    /** @type {string[]} */
    this.told = []; // what Python has last answered, and what it was told since
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.rest = undefined;
    this.root = make("div", "controls");
    this.context = new Slide("Context, tokens for each person", "Any number up to the model's context length", (value, exact) =>
      this.move({ context: value }, exact),
    );
    this.people = new Slide("People at once", "Sequences that are in memory at the same time, each with its own cache", (value, exact) =>
      this.move({ sequences: value }, exact),
    );
    this.root.append(this.context.root, this.people.root);
  }

  /**
   * What Python says. An answer that comes late never moves a slider back.
   * @param {Positions} data @param {boolean} other another model or card than before
   */
  follow(data, other) {
    this.context.offer(data.contexts, data.contexts[data.contexts.length - 1]);
    this.people.offer(data.people, data.most);
    const { context, sequences } = data;
    const said = JSON.stringify({ context, sequences });
    const answered = this.told.indexOf(said);
    if (!other && answered >= 0) this.told.splice(0, answered);
    else if (other || this.rest === undefined) {
      clearTimeout(this.rest);
      this.rest = undefined;
      this.told = [said];
      this.at = { context, sequences };
    }
    this.face();
  }

  /** @param {Partial<At>} to @param {boolean} exact a number that may be none of the positions: Python answers at once */
  move(to, exact) {
    this.at = { ...this.at, ...to };
    this.face();
    if (!exact) this.moved();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.rested(), exact ? 0 : REST_MS);
  }

  rested() {
    this.rest = undefined;
    const said = JSON.stringify(this.at);
    if (said === this.told[this.told.length - 1]) return;
    this.told.push(said);
    this.tell({ ...this.at });
  }

  face() {
    this.context.show(this.at.context);
    this.people.show(this.at.sequences);
  }

  destroy() {
    clearTimeout(this.rest);
  }
}
