// Rows of tokens as elements. Text reaches the page through `textContent` and text nodes alone.
//
// Layout, and why:
// - A token is an inline-block, so that a line breaks between tokens and never inside one, and so that a
//   token of white space keeps its width at the end of a line. `<wbr>` marks where a line may break.
// - A paragraph with right-to-left letters is laid out as plain inline text instead: browsers join Arabic
//   letters across inline elements that have no padding, border or margin, and the bidirectional algorithm
//   then orders the tokens as it orders the text. As isolated boxes the letters would stand apart, and
//   English words within Arabic would come out in reverse. Each paragraph takes its own direction
//   (`unicode-bidi: plaintext`), as in a plain-text editor.
// - Tokens that share a character, the parts of an emoji, are drawn as one group: the characters once,
//   under them the parts as bytes in hex. The parts are the tokens that take hover and focus.
// - Characters that no token covers are drawn where they were, struck through: the model never sees them.
// - Blocks of about 500 tokens are drawn one by one, when they come near the screen (blocks.js). A block ends
//   where a line of the text ends; only a line of more than 2,000 tokens is cut, and its next token wraps early.

import { make } from "../kit/dom.js";
import { drawText, RTL, UNSEEN } from "./characters.js";
import { colouring, shade } from "./colour.js";
import { nameToken } from "./describe.js";
import { GROUP } from "./rows.js";

/** @import { Row, Settings } from "./rows.js" */

export const BLOCK = 500; // tokens
const LONGEST_BLOCK = 2000;

/**
 * Where the blocks of a row begin, and where the last one ends.
 * @param {Pick<Row, "length" | "runEnd" | "endsLine">} row
 */
export function blockStarts(row) {
  const starts = [0];
  for (let i = 0, inBlock = 0; i < row.length;) {
    const next = row.runEnd(i);
    inBlock += next - i;
    if (inBlock >= LONGEST_BLOCK || (inBlock >= BLOCK * 0.5 && row.endsLine(next - 1))) {
      starts.push(next);
      inBlock = 0;
    }
    i = next;
  }
  if (starts.at(-1) !== row.length) starts.push(row.length);
  return starts;
}

export class RowPainter {
  /** @param {Row} row @param {Settings} settings */
  constructor(row, { whitespace, colourBy }) {
    this.row = row;
    this.drawn = row.elements;
    this.whitespace = whitespace;
    this.colour = colouring(row, colourBy);
    this.flow = Object.assign(make("div", "flow"), { row: 0 });
    this.starts = blockStarts(row);
    /** @type {HTMLElement} */
    this.block = this.flow; // the one that is being painted
    this.unbroken = 0; // letters since the last place where the line may break
    this.mayBreak = false;
    this.lineEnd = 0; // character behind the paragraph that was looked at last
    this.lineIsRtl = false;
  }

  /**
   * Rem that tokens would take on one endless line, and lines that end among them: both guesses, for blocks
   * that are not drawn yet.
   * @param {number} from
   * @param {number} to
   * @returns {[width: number, lines: number]}
   */
  extent(from, to) {
    const { source, starts, ends } = this.row;
    const [low, high] = [source.unit(starts[from]), source.unit(ends[to - 1])];
    const width = Math.max(0, high - low) * 0.75 + (to - from) * 0.3;
    let lines = 0;
    for (let at = source.text.indexOf("\n", low); at >= 0 && at < high; at = source.text.indexOf("\n", at + 1)) lines += 1;
    return [width, lines];
  }

  /** @param {HTMLElement} block @param {number} from @param {number} to */
  paint(block, from, to) {
    const { row } = this;
    this.block = block;
    this.unbroken = 0;
    this.mayBreak = false;
    this.lineEnd = 0;
    for (let i = from; i < to;) {
      const next = row.runEnd(i);
      if (!row.empty(i)) this.addRemoved(i ? row.reach[i - 1] : 0, row.starts[i]);
      if (next - i > 1 || row.partial(i)) {
        for (let part = i; part < next; part += GROUP) this.addGroup(part, Math.min(part + GROUP, next), part > i);
      } else {
        this.addToken(i);
      }
      i = next;
    }
    if (to === row.length) this.addRemoved(row.length ? row.reach[to - 1] : 0, row.textEnd);
  }

  /**
   * Characters that are in no token.
   * @param {number} start @param {number} end
   */
  addRemoved(start, end) {
    if (end <= start) return;
    const node = make("del", "removed");
    drawText(node, this.row.slice(start, end), true);
    this.block.append(make("wbr"), node);
    this.mayBreak = true;
  }

  /**
   * A place where the line may break: before white space, between letters of scripts without spaces, and
   * anywhere once a run has become long, so that nothing ever scrolls sideways.
   * @param {string} text
   */
  allowBreak(text) {
    const spaced = /^\s/.test(text) || text.charCodeAt(0) >= 0x0e00;
    if (spaced || this.mayBreak || this.unbroken + text.length > 20) {
      this.block.append(make("wbr"));
      this.unbroken = 0;
    }
    this.unbroken += text.length;
    this.mayBreak = /\s$/.test(text);
  }

  /** @param {number} i */
  inRtlLine(i) {
    if (!this.row.source.rtl) return false;
    const start = this.row.starts[i];
    if (start >= this.lineEnd) {
      // Offsets are in characters; a window is cheaper than finding the line end in them.
      let end = start;
      let line = "";
      while (end < this.row.textEnd && !line.includes("\n")) {
        end += 256;
        line = this.row.slice(start, Math.min(end, this.row.textEnd));
      }
      const cut = line.indexOf("\n");
      if (cut >= 0) line = line.slice(0, cut + 1);
      this.lineEnd = start + Array.from(line).length;
      this.lineIsRtl = RTL.test(line);
    }
    return this.lineIsRtl;
  }

  /** @param {number} i @param {string} className */
  tokenNode(i, className) {
    const { row } = this;
    const node = Object.assign(make("span", `t ${className} ${this.colour(i)}`), { place: i });
    shade(node, row, i);
    node.setAttribute("role", "listitem");
    if (i === row.stop) nameToken(row, i, node);
    row.elements[i] = node;
    return node;
  }

  /** @param {string} text @param {string} piece @param {number} i */
  addSpecial(text, piece, i) {
    const node = this.tokenNode(i, "special");
    node.append(piece);
    this.block.append(make("wbr"), node);
    // Some special tokens swallow the white space after them (Phi-3's): it is drawn behind the pill.
    const swallowed = text.startsWith(piece) ? text.slice(piece.length) : "";
    if (swallowed) {
      const rest = make("span", "swallowed");
      drawText(rest, swallowed, true);
      this.block.append(rest);
    }
    this.unbroken = 0;
    this.mayBreak = true;
  }

  /** @param {number} i */
  addToken(i) {
    const { row } = this;
    const text = row.text(i);
    const piece = row.piece(i);
    if (row.special(i)) {
      this.addSpecial(text, piece, i);
      return;
    }
    if (text === "") {
      // In the ids, not in the text: the space that SentencePiece puts first.
      this.allowBreak(piece);
      const node = this.tokenNode(i, "box added");
      node.textContent = piece;
      this.block.append(node);
      return;
    }
    const rtl = this.inRtlLine(i);
    let className = "box";
    if (rtl || text.includes("\n")) className = "inline";
    else if (text.length > 16) className = "box long";
    if (!rtl) this.allowBreak(text);
    const node = this.tokenNode(i, row.added(i) ? `${className} always` : className);
    if ((this.whitespace && /\s/.test(text)) || UNSEEN.test(text) || text.charCodeAt(0) >= 0x300) {
      drawText(node, text, this.whitespace);
    } else {
      node.textContent = text;
    }
    this.block.append(node);
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {boolean} continued whether the group goes on with the characters of the one before
   */
  addGroup(from, to, continued) {
    const { row } = this;
    const end = row.ends.subarray(from, to).reduce((a, b) => Math.max(a, b), 0);
    let text = row.slice(row.starts[from], end);
    // A stream that stops inside a character decodes to U+FFFD there: the bytes are all there is to show.
    if (row.partial(from) && to - from === 1) text = text.replaceAll("\ufffd", "");
    const group = make("span", "group");
    const shown = make("span", continued ? "whole continued" : "whole");
    drawText(shown, text.replaceAll("\n", "\u23ce"), this.whitespace);
    const parts = make("span", "parts");
    for (let i = from; i < to; i++) {
      const part = this.tokenNode(i, "part");
      part.textContent = row.hex(i).join(" ");
      parts.append(part);
    }
    group.append(shown, parts);
    this.block.append(make("wbr"), group);
    this.unbroken = 0;
    this.mayBreak = true;
    if (text.endsWith("\n")) this.block.append("\n");
  }
}
