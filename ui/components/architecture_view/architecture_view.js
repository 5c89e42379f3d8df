// What a model is made of: the whole of it as a bar, one block as boxes, both as long as they have weights.

import { clamp, make } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { filled, short } from "./sizes.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * A part with weights: see `Part` in architecture_view/__init__.py.
 * @typedef {object} Part
 * @property {string} label
 * @property {string} name
 * @property {string} size
 * @property {number} weights
 * @property {string} about
 * @property {boolean} quantized
 * @property {string} module path of the module that a press chooses, "" for none
 * @property {number} many how many alike it stands for
 */

/** @typedef {{ title: string, boxes: Part[], steps: [term: string, about: string][] }} Half */

/**
 * @typedef {object} ArchitectureData
 * @property {Part[]} whole
 * @property {Half[]} halves
 * @property {number} block the one that is shown, from 1
 * @property {number} blocks
 * @property {string} chosen path of a module
 * @property {string} hint said while nothing is pointed at
 */

class ArchitectureView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "architecture");
    this.picture = make("div");
    this.note = make("div", "note");
    this.note.setAttribute("aria-live", "polite");
    this.root.append(this.picture, this.note);
    parent.append(this.root);
    this.json = "";
    this.hint = "";
    /** @type {{ box: HTMLElement, fill: HTMLElement, share: number }[]} */
    this.boxes = [];
    this.observer = new ResizeObserver(() => this.fill());
    this.observer.observe(this.picture);
    /** @type {(value: unknown) => void} */
    this.pick = () => {};
  }

  destroy() {
    this.observer.disconnect();
    this.root.remove();
  }

  /** @param {ArchitectureData} data @param {Component<ArchitectureData>} component */
  update(data, { setTriggerValue }) {
    this.pick = (value) => setTriggerValue("picked", value);
    const json = JSON.stringify(data);
    if (json === this.json) return;
    this.json = json;
    this.hint = data.hint;
    this.draw(data);
  }

  /** @param {ArchitectureData} data */
  draw(data) {
    this.boxes = [];
    const total = data.whole.reduce((sum, part) => sum + part.weights, 0) || 1;
    const whole = make("div", "row whole");
    whole.append(...data.whole.map((part) => this.box(part, part.weights / total, data.chosen)));
    const most = Math.max(1, ...data.halves.map(({ boxes }) => boxes.reduce((sum, part) => sum + part.weights, 0)));
    const halves = data.halves.map((half) => this.half(half, most, data.chosen));
    this.picture.replaceChildren(whole, this.head(data), ...halves);
    this.fill();
    this.say("", this.hint);
  }

  /** A box is wide enough to be pressed; one that would be narrower is so much lower, so that areas stay true. */
  fill() {
    for (const { box, fill, share } of this.boxes) {
      fill.style.height = `${100 * filled(share * (box.parentElement?.clientWidth ?? 0))}%`;
    }
  }

  /** @param {ArchitectureData} data */
  head({ block, blocks }) {
    const head = make("div", "head");
    const turn = (/** @type {string} */ sign, /** @type {string} */ name, /** @type {number} */ step) => {
      const button = make("button", "turn", sign);
      button.type = "button";
      button.title = name;
      button.setAttribute("aria-label", name);
      button.disabled = clamp(block + step, 1, blocks) === block;
      button.addEventListener("click", () => this.pick({ block: block + step }));
      return button;
    };
    head.append(turn("\u2039", "The block before", -1), make("b", "", `Block ${block} of ${blocks}`), turn("\u203a", "The next block", 1));
    return head;
  }

  /** @param {Half} half @param {number} most weights of the larger half @param {string} chosen */
  half({ title, boxes, steps }, most, chosen) {
    const section = make("section", "half");
    const sum = boxes.reduce((all, part) => all + part.weights, 0);
    const row = make("div", "row");
    row.append(...boxes.map((part) => this.box(part, part.weights / most, chosen)));
    const path = make("div", "path");
    for (const [i, [term, about]] of steps.entries()) {
      if (i) path.append(make("span", "arrow", "\u2192"));
      const button = make("button", "term", term);
      button.type = "button";
      this.explain(button, term, about);
      path.append(button);
    }
    section.append(make("div", "title", `${title}: ${short(sum)} weights`), row, path);
    return section;
  }

  /** @param {Part} part @param {number} share of the row @param {string} chosen */
  box(part, share, chosen) {
    const box = make("button", part.quantized ? "box quantized" : "box");
    box.type = "button";
    box.classList.toggle("none", part.weights === 0);
    box.classList.toggle("word", part.label.length > 3);
    box.style.flexBasis = `${share * 100}%`;
    const fill = make("i", part.many > 1 ? "fill many" : "fill");
    fill.style.setProperty("--n", String(part.many));
    box.append(fill, make("span", "label", part.label), " ", make("span", "size", part.size));
    this.boxes.push({ box, fill, share });
    box.setAttribute("aria-label", `${part.label} ${part.size}, ${part.name}`); // what is to be seen comes first
    box.setAttribute("aria-pressed", String(part.module !== "" && part.module === chosen));
    this.explain(box, `${part.name} \u00b7 ${part.size}`, part.about);
    if (part.module) box.addEventListener("click", () => this.pick({ module: part.module }));
    return box;
  }

  /** @param {HTMLElement} node @param {string} term @param {string} about */
  explain(node, term, about) {
    for (const name of ["pointerenter", "focus", "click"]) node.addEventListener(name, () => this.say(term, about));
  }

  /** @param {string} term @param {string} about */
  say(term, about) {
    this.note.replaceChildren(make("b", "", term), make("p", "", about));
  }
}

export default mounted(ArchitectureView);
