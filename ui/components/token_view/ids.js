// The ids of a row as a list: below its tokens, or in place of them.

import { make } from "../kit/dom.js";
import { colouring, shade } from "./colour.js";
import { nameToken } from "./describe.js";
import { BLOCK } from "./paint.js";

/** @import { Row, Settings } from "./rows.js" */

export class IdPainter {
  /** @param {Row} row @param {Settings} settings */
  constructor(row, { colourBy, show }) {
    this.row = row;
    this.alone = show === "ids";
    this.colour = colouring(row, colourBy);
    this.flow = Object.assign(make("div", this.alone ? "flow ids" : "ids below"), { row: 0 });
    this.drawn = this.alone ? row.elements : row.numbers;
    this.starts = Array.from({ length: Math.ceil(row.length / BLOCK) }, (_, block) => block * BLOCK);
    this.starts.push(row.length);
  }

  /**
   * See `RowPainter.extent`.
   * @param {number} from
   * @param {number} to
   * @returns {[width: number, lines: number]}
   */
  extent(from, to) {
    return [(to - from) * (this.alone ? 5 : 3.2), 0];
  }

  /** @param {HTMLElement} block @param {number} from @param {number} to */
  paint(block, from, to) {
    const { row } = this;
    for (let i = from; i < to; i++) {
      const kind = `${this.alone ? "t" : "n"} number${row.special(i) ? " control" : ""}`;
      const node = Object.assign(make("span", `${kind} ${this.colour(i)}`, String(row.id(i))), { place: i });
      shade(node, row, i);
      if (this.alone) node.setAttribute("role", "listitem");
      if (this.alone && i === row.stop) nameToken(row, i, node);
      this.drawn[i] = node;
      block.append(node, " ");
    }
  }
}
