// How large things are, and how one sees that there is more to the side.

import { clamp, rootSize } from "./dom.js";

/** Pixels of a sixteenth of a rem: 1 at the usual size, more on a projector. */
export const unit = () => rootSize() / 16;

/**
 * The same, but no more than lets a drawing of this height be seen whole under the bar, and not less than 1.
 * @param {number} height of the drawing, in sixteenths of a rem
 * @param {number} [usual] what `unit` says
 * @param {number} [screen] pixels in height
 */
export const fittingUnit = (height, usual = unit(), screen = window.innerHeight) =>
  Math.max(Math.min(usual, (screen - 150) / height), Math.min(usual, 1));

/**
 * Let a scroller say where it goes on: its edges fade while there is more behind them.
 * @param {HTMLElement} scroller
 */
export function evident(scroller) {
  scroller.classList.add("evident");
  scroller.addEventListener("scroll", () => fade(scroller), { passive: true });
}

/** @param {HTMLElement} scroller with the class `evident`; call this when its content has changed */
export function fade(scroller) {
  const { scrollLeft, scrollWidth, clientWidth } = scroller;
  scroller.classList.toggle("more-left", scrollLeft > 1);
  scroller.classList.toggle("more-right", scrollLeft + clientWidth < scrollWidth - 1);
}

/**
 * Scroll sideways so far that a part of the content is seen; the page itself does not move.
 * @param {HTMLElement} scroller @param {Element | null | undefined} node
 */
export function reveal(scroller, node) {
  if (node) {
    const [at, seen] = [node.getBoundingClientRect(), scroller.getBoundingClientRect()];
    if (at.left < seen.left) scroller.scrollLeft -= seen.left - at.left + 24;
    else if (at.right > seen.right) scroller.scrollLeft += at.right - seen.right + 24;
  }
  fade(scroller);
}

/**
 * Where an arrow key leads in a table.
 * @type {Readonly<Record<string, [down: number, right: number]>>}
 */
const MOVES = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/**
 * The place that a key leads to, or undefined for a key that leads nowhere.
 * @param {string} key
 * @param {[row: number, column: number]} at
 * @param {[rows: number, columns: number]} size
 * @returns {[row: number, column: number] | undefined}
 */
export function moved(key, [row, column], [rows, columns]) {
  if (key === "Home") return [row, 0];
  if (key === "End") return [row, columns - 1];
  const move = MOVES[key];
  return move && [clamp(row + move[0], 0, rows - 1), clamp(column + move[1], 0, columns - 1)];
}

/**
 * Make another cell of a drawn table the picked one, which alone is reached by the tab key.
 * @param {SVGGElement[][]} nodes
 * @param {[row: number, column: number]} before
 * @param {[row: number, column: number]} at
 * @returns {SVGGElement | undefined} its node
 */
export function repick(nodes, before, at) {
  const [old, node] = [nodes[before[0]]?.[before[1]], nodes[at[0]]?.[at[1]]];
  old?.classList.remove("picked");
  old?.setAttribute("tabindex", "-1");
  old?.removeAttribute("aria-selected");
  node?.classList.add("picked");
  node?.setAttribute("tabindex", "0");
  node?.setAttribute("aria-selected", "true");
  return node;
}
