// The whole file in one narrow strip: the darker, the more of it the two tokenizers cut differently.

import { clamp, make } from "../kit/dom.js";
import { lastNotAfter } from "./layout.js";

/**
 * How much differs in each pixel of a strip: the mean over its rows, at least a third where anything differs at all.
 * @param {Float64Array} tops of the rows, and where the last one ends
 * @param {(place: number) => number} share from 0 to 1
 * @param {number} height pixels
 */
export function shadesOf(tops, share, height) {
  const total = tops[tops.length - 1];
  const used = Math.max(1, Math.min(height, Math.ceil(total))); // a short file does not fill the strip
  const shades = new Float64Array(used);
  for (let y = 0; y < used; y++) {
    const first = lastNotAfter(tops, (y / used) * total);
    const last = Math.max(first + 1, lastNotAfter(tops, ((y + 1) / used) * total));
    let sum = 0;
    const end = Math.min(last, tops.length - 1);
    for (let i = first; i < end; i++) sum += share(i);
    const mean = sum / Math.max(1, end - first);
    shades[y] = mean > 0 ? 0.3 + 0.7 * mean : 0;
  }
  return shades;
}

export class Minimap {
  /** @param {(share: number) => void} jump to a share of the file's height */
  constructor(jump) {
    this.root = make("div", "minimap");
    this.root.title = "Where the two differ: click to go there";
    this.root.setAttribute("aria-hidden", "true"); // the keys and buttons do the same
    this.canvas = make("canvas");
    this.view = make("div", "here");
    this.root.append(this.canvas, this.view);
    this.used = 1; // pixels
    const go = (/** @type {PointerEvent} */ event) => {
      const box = this.canvas.getBoundingClientRect();
      jump(clamp((event.clientY - box.top) / this.used, 0, 1));
    };
    this.root.addEventListener("pointerdown", (event) => {
      this.root.setPointerCapture(event.pointerId);
      go(event);
    });
    this.root.addEventListener("pointermove", (event) => {
      if (this.root.hasPointerCapture(event.pointerId)) go(event);
    });
  }

  /** @param {Float64Array} tops @param {(place: number) => number} share @param {string} colour */
  draw(tops, share, colour) {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (!width || !height) return;
    const shades = shadesOf(tops, share, height);
    this.used = shades.length;
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.fillStyle = colour;
    for (const [y, shade] of shades.entries()) {
      context.globalAlpha = shade;
      context.fillRect(0, y, width, 1);
    }
  }

  /** @param {number} from @param {number} to shares of the file's height that are on the screen */
  show(from, to) {
    this.view.style.top = `${from * this.used}px`;
    this.view.style.height = `${Math.max(4, (to - from) * this.used)}px`;
  }
}
