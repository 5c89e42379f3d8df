// The token whose card is open. The page says which, by a component beside the card (pin.js): with the
// tokens themselves it would send a whole text again at every click.

/** @import { Blocks } from "../token_view/blocks.js" */
/** @import { Row, Spot } from "../token_view/rows.js" */

/** @typedef {[row: number, i: number, name: string]} Lit a token and the class that marks it */
/** @typedef {{ key: string, row: number, index: number }} Pin a widget and its token whose card is open; -1 for none */

/**
 * Whose token it is.
 * @typedef {object} Board
 * @property {HTMLElement} root
 * @property {Row[]} rows
 * @property {Blocks | undefined} blocks
 * @property {(mark: Lit, change: (node: Spot, name: string) => void) => void} each
 */

export const PIN = "lmloupe-pin";
export const ASK = "lmloupe-ask-for-pin";

export class Pinned {
  /** @param {Board} view */
  constructor(view) {
    this.view = view;
    this.key = ""; // of the widget
    /** @type {Lit | null} */
    this.mark = null;
    this.onPin = (/** @type {Event} */ event) => this.follow(/** @type {CustomEvent<Pin>} */ (event).detail);
    document.addEventListener(PIN, this.onPin);
  }

  /** Other rows are drawn: whose card is open? @param {string} key */
  ask(key) {
    this.key = key;
    this.mark = null; // its element is gone
    this.set(null);
    document.dispatchEvent(new CustomEvent(ASK, { detail: key }));
  }

  /** @param {Lit | null} mark */
  set(mark) {
    if (this.mark) this.view.each(this.mark, (node, name) => node.classList.remove(name));
    this.mark = mark;
    this.view.root.classList.toggle("opened", mark !== null);
    if (mark) this.view.each(mark, (node, name) => node.classList.add(name));
  }

  /** @param {number} row @param {number} i */
  is(row, i) { return this.mark?.[0] === row && this.mark[1] === i; }

  /** @param {Pin} pin */
  follow({ key, row: number, index }) {
    if (key !== this.key) return;
    const row = this.view.rows[number];
    if (!row || index >= row.length) {
      this.set(null);
      return;
    }
    this.view.blocks?.fill(row.lists[0].at(index));
    this.set([number, index, "pinned"]);
    row.elements[index]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  destroy() { document.removeEventListener(PIN, this.onPin); }
}
