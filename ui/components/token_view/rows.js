// What arrives from Python, unpacked: see token_view/payload.py.

import { unpackArray, unpackParts } from "../kit/bytes.js";
import { RTL } from "./characters.js";

/** @import { Place } from "../kit/bytes.js" */
/** @import { BlockList } from "./blocks.js" */

const SPECIAL = 1;
const PARTIAL = 2;
const ADDED = 4;
export const NO_FILL = 255;
export const GROUP = 8; // parts drawn under one run of characters; longer runs continue in the next group
export const ROLES = ["none", "system", "user", "assistant", "tool", "special"];

/**
 * A row as `pack_row` writes it.
 * @typedef {object} RowHeader
 * @property {string} name
 * @property {string} subtitle
 * @property {string} colour a CSS colour for the row's head, or ""
 * @property {string} facts the heading's numbers
 * @property {number} count tokens, of which not all need be sent
 * @property {number} textEnd character behind the last one that is drawn
 * @property {string[]} pieces one for each id that occurs, as in `ids`
 * @property {Place} ids
 * @property {Place} bytes of all of them, end to end
 * @property {Place} byteEnds
 * @property {Place} slots of each token: its id's place in `ids`
 * @property {Place} gaps of each token: characters from the end of the one before
 * @property {Place} sizes of each token: characters
 * @property {Place} flags
 * @property {Place} [classes] places in `ROLES`
 * @property {Place} [fill] 0 to 254, or `NO_FILL`
 * @property {string[]} [notes]
 */

/**
 * @typedef {object} Settings
 * @property {string} text
 * @property {number} length of the text in characters
 * @property {boolean} whitespace mark spaces, tabs and line ends
 * @property {number | null} height pixels
 * @property {boolean} selectable
 * @property {string} key of the widget
 * @property {"position" | "id" | "length"} colourBy
 * @property {"text" | "ids" | "both"} show
 * @property {string | null} export name of the saved file
 * @property {number} mostTokens of all rows
 */

/** @typedef {Settings & { rows: Row[] }} Payload */

/**
 * @typedef {object} Source
 * @property {string} text
 * @property {(i: number) => number} unit where character `i` begins, in UTF-16 units
 * @property {boolean} rtl whether any letter goes from right to left
 */

/** @typedef {HTMLSpanElement & { place: number }} Spot the element of a token, or of its id */

export class Row {
  /** @param {RowHeader} header @param {Uint8Array<ArrayBuffer>} body @param {Source} source */
  constructor(header, body, source) {
    const array = (/** @type {Place} */ place) => unpackArray(body, place);
    this.name = header.name;
    this.subtitle = header.subtitle;
    this.colour = header.colour;
    this.facts = header.facts;
    this.count = header.count;
    this.textEnd = header.textEnd;
    this.pieces = header.pieces;
    this.notes = header.notes;
    this.source = source;
    this.ids = array(header.ids);
    this.tokenBytes = array(header.bytes);
    this.byteEnds = array(header.byteEnds);
    this.slots = array(header.slots);
    this.flags = array(header.flags);
    this.classes = header.classes && array(header.classes);
    this.fill = header.fill && array(header.fill);
    this.length = this.slots.length;
    this.starts = new Int32Array(this.length);
    this.ends = new Int32Array(this.length);
    const [gaps, sizes] = [array(header.gaps), array(header.sizes)];
    for (let i = 0, end = 0; i < this.length; i++) {
      this.starts[i] = end + gaps[i];
      end = this.starts[i] + sizes[i];
      this.ends[i] = end;
    }
    // Elements of what is drawn at the moment, which of a long row is a small part (blocks.js).
    /** @type {(Spot | undefined)[]} */
    this.elements = new Array(this.length); // what a person reaches: tokens, or ids where ids alone are shown
    /** @type {(Spot | undefined)[]} */
    this.numbers = new Array(this.length); // the ids below the tokens, where both are shown
    /** @type {BlockList[]} */
    this.lists = []; // its blocks: of what a person reaches, then of the ids below
    this.stop = 0; // the token that Tab reaches
    // Tokens that the tokenizer added have an empty pair of offsets that may be (0, 0) anywhere, so the
    // search runs over the furthest end so far.
    this.reach = new Int32Array(this.length);
    for (let i = 0, far = 0; i < this.length; i++) {
      far = Math.max(far, this.ends[i]);
      this.reach[i] = far;
    }
  }

  /** @param {number} i */
  id(i) { return this.ids[this.slots[i]]; }
  /** @param {number} i */
  piece(i) { return this.pieces[this.slots[i]]; }
  /** @param {number} i */
  special(i) { return (this.flags[i] & SPECIAL) !== 0; }
  /** Whether it is an added token, which a text is cut at before any rule. @param {number} i */
  added(i) { return (this.flags[i] & ADDED) !== 0; }
  /** @param {number} i */
  partial(i) { return (this.flags[i] & PARTIAL) !== 0; }
  /** @param {number} i */
  empty(i) { return this.starts[i] === this.ends[i]; }
  /** @param {number} i */
  text(i) { return this.slice(this.starts[i], this.ends[i]); }
  /** @param {number} i */
  endsLine(i) { return !this.empty(i) && this.source.text.charCodeAt(this.source.unit(this.ends[i]) - 1) === 10; }

  /** @param {number} start @param {number} end */
  slice(start, end) { return this.source.text.slice(this.source.unit(start), this.source.unit(end)); }

  /**
   * The end of the run that begins at token `i`: tokens that share characters belong together.
   * @param {number} i
   */
  runEnd(i) {
    let next = i + 1;
    if (this.special(i) || this.empty(i)) return next;
    for (let far = this.ends[i]; next < this.length && this.starts[next] < far; next++) {
      if (this.special(next) || this.empty(next)) break;
      far = Math.max(far, this.ends[next]);
    }
    return next;
  }

  /** @param {number} i */
  bytesOf(i) {
    const slot = this.slots[i];
    return this.tokenBytes.subarray(slot ? this.byteEnds[slot - 1] : 0, this.byteEnds[slot]);
  }

  /** @param {number} i */
  hex(i) { return Array.from(this.bytesOf(i), (byte) => byte.toString(16).padStart(2, "0")); }

  /**
   * Places of the tokens that cover a character from `start` to `end`.
   * @param {number} start
   * @param {number} end
   */
  covering(start, end) {
    /** @type {number[]} */
    const found = [];
    if (start === end) return found;
    let low = 0;
    for (let high = this.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.reach[middle] > start) high = middle;
      else low = middle + 1;
    }
    for (let i = low; i < this.length && (this.starts[i] < end || this.empty(i)); i++) {
      if (!this.empty(i) && this.ends[i] > start) found.push(i);
    }
    return found;
  }
}

/**
 * Python counts characters, JavaScript UTF-16 units: they part at the first emoji. `unit` leads from one to the other.
 * @param {string} text
 * @param {number} length in characters
 * @returns {Source}
 */
export function sourceOf(text, length) {
  const rtl = RTL.test(text);
  if (text.length === length) return { text, rtl, unit: (i) => i };
  const at = new Int32Array(length + 1);
  let unit = 0;
  for (let i = 0; i < length; i++) {
    at[i] = unit;
    unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
  }
  at[length] = unit;
  return { text, rtl, unit: (i) => at[i] };
}

/** @param {Uint8Array} payload @returns {Payload} */
export function unpack(payload) {
  const { header, body } = unpackParts(payload);
  const source = sourceOf(header.text, header.length);
  return { ...header, rows: header.rows.map((/** @type {RowHeader} */ row) => new Row(row, body, source)) };
}
