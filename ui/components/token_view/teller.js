// Where the facts of a token under the pointer stand: in the head of its own row, where they cover no other row, or,
// in the presenter view, on a card at the right edge of the screen.

import { make } from "../kit/dom.js";
import { drawText } from "./characters.js";
import { describe, elsewhere } from "./describe.js";

/** @import { Row } from "./rows.js" */

const presented = () => document.documentElement.dataset.present !== undefined;

export class Teller {
  /** @param {HTMLElement} host the view */
  constructor(host) {
    this.host = host;
    this.node = make("div", "tooltip");
    this.node.setAttribute("aria-hidden", "true"); // the token's own name says the same
    this.node.hidden = true;
    host.append(this.node);
    /** @type {Map<HTMLElement, HTMLElement>} what the heads of other rows say */
    this.others = new Map();
    // In the presenter view the rows leave the right edge to the card.
    this.watcher = new MutationObserver(() => this.follow());
    this.watcher.observe(document.documentElement, { attributeFilter: ["data-present"] });
    this.follow();
  }

  follow() {
    this.hide();
    this.host.classList.toggle("presented", presented());
  }

  destroy() { this.watcher.disconnect(); }

  /** @param {Row} row @param {number} i @param {HTMLElement | undefined} head of its row */
  show(row, i, head) {
    const headline = make("bdi", "headline");
    if (row.partial(i)) headline.textContent = row.hex(i).join(" ");
    else if (row.special(i) || row.empty(i)) headline.textContent = row.piece(i);
    else drawText(headline, row.text(i).replaceAll("\n", "\u23ce"), true);
    const list = make("dl");
    for (const [term, value] of describe(row, i)) {
      const pair = make("div");
      const detail = make("dd", term === "" ? "note" : "");
      detail.append(make("bdi", "", value));
      pair.append(make("dt", "", term), detail);
      list.append(pair);
    }
    this.node.replaceChildren(headline, list);
    const card = !head || (presented() && !this.host.classList.contains("opened")); // else a page's own card is there
    this.node.classList.toggle("card", card);
    (card ? this.host : head).append(this.node);
    if (!card) head.classList.add("telling");
    this.node.hidden = false;
  }

  /** What the head of another row says meanwhile. @param {Row} row @param {number[]} tokens @param {HTMLElement} head */
  tell(row, tokens, head) {
    const node = make("div", "elsewhere", elsewhere(row, tokens));
    node.setAttribute("aria-hidden", "true");
    head.append(node);
    head.classList.add("telling");
    this.others.set(head, node);
  }

  hide() {
    this.node.parentElement?.classList.remove("telling");
    this.node.hidden = true;
    this.host.append(this.node);
    for (const [head, node] of this.others) {
      head.classList.remove("telling");
      node.remove();
    }
    this.others.clear();
  }
}
