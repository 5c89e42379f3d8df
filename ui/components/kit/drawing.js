// A view that is made of SVG drawings, two buttons that save them below.

import { make } from "./dom.js";
import { savers } from "./save.js";

/** @import { Component } from "./mount.js" */
/** @import { Placed } from "./save.js" */

/**
 * A subclass fills `root` in its constructor and ends it with `finish`; `draw` draws `data` anew.
 * @template Data
 */
export class Drawing {
  /** @param {HTMLElement} parent @param {string} className */
  constructor(parent, className) {
    this.root = make("div", `drawing ${className}`);
    parent.append(this.root);
    this.data = /** @type {Data} */ (/** @type {unknown} */ (null)); // until the first update
    this.json = "";
    this.drawnFor = 0; // pixels that there were
    /** @type {(value: unknown) => void} */
    this.pick = () => {};
    /** @type {ResizeObserver | undefined} */
    this.observer = undefined;
  }

  /**
   * Adds the buttons; from now on a new width of `place` draws anew.
   * @param {HTMLElement} place
   * @param {string} file name of the saved file, without its ending
   * @param {() => Placed[]} drawings what is saved
   */
  finish(place, file, drawings) {
    this.root.append(savers(this.root, file, drawings));
    this.observer = new ResizeObserver(() => {
      if (this.json && place.clientWidth !== this.drawnFor) this.draw();
    });
    this.observer.observe(place);
  }

  destroy() {
    this.observer?.disconnect();
    this.root.remove();
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, { setTriggerValue }) {
    this.pick = (value) => setTriggerValue("picked", value);
    const json = JSON.stringify(data);
    if (json === this.json) return; // the same content: scroll and focus stay
    this.json = json;
    this.replace(data);
  }

  /**
   * Other data than before.
   * @param {Data} data
   */
  replace(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    throw new Error("A drawing says how it is drawn.");
  }
}

/**
 * The drawing in an element that holds one.
 * @param {Element} place
 */
export const drawingIn = (place) => /** @type {SVGSVGElement} */ (place.firstChild);
