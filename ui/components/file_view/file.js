// What arrives from Python, unpacked: see file_view/payload.py.

import { unpackArray, unpackParts } from "../kit/bytes.js";
import { Row, sourceOf } from "../token_view/rows.js";
import { breakLines, measure } from "./layout.js";

/** @import { Place } from "../kit/bytes.js" */
/** @import { RowHeader, Source } from "../token_view/rows.js" */

/**
 * @typedef {object} Header
 * @property {number} length of the text in characters
 * @property {Place} text in UTF-8
 * @property {Place} lineStarts first character of each line, and the length of the text
 * @property {Place} same of each line: 1 where both cut it alike
 * @property {string[]} keys names as programs write them
 * @property {string[]} colours of the two tokenizers, as CSS
 * @property {string[][]} facts of each tokenizer: tokens, characters per token, cost
 * @property {string[]} headings of these columns
 * @property {string[]} agreement sentences
 * @property {RowHeader[]} rows
 * @property {Place[]} both of each token of each encoding: 1 where the other encoding has it too
 * @property {Place[]} firsts of each encoding: first token of each line, and the number of tokens
 */

/** @typedef {"Python" | "JSON"} Form how ids are written */

export class File {
  /** @param {Uint8Array} payload */
  constructor(payload) {
    const { header, body } = unpackParts(payload);
    const { rows, both, firsts, ...rest } = /** @type {Header} */ (header);
    const array = (/** @type {Place} */ place) => unpackArray(body, place);
    this.header = rest;
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(array(rest.text)));
    /** @type {Source} */
    this.source = sourceOf(text, rest.length);
    this.rows = rows.map((row) => new Row(row, body, this.source));
    this.both = both.map(array);
    this.firsts = firsts.map(array);
    this.same = array(rest.same);
    this.lineStarts = array(rest.lineStarts);
    this.nLines = this.same.length;
    this.measured = measure(this.source, rest.length, this.rows, this.both);
    this.names = this.rows.map((row) => row.name);
    this.differing = Array.from(this.same).filter((same) => !same).length;
  }

  /** @param {number} capacity columns */
  broken(capacity) {
    return breakLines(this.measured, this.lineStarts, capacity);
  }

  /**
   * Share of the characters from `start` to `end` that are in tokens of one encoding alone; one without a character
   * counts as one that differs.
   * @param {number} start @param {number} end
   */
  alone(start, end) {
    return (this.measured.alone[end] - this.measured.alone[start]) / Math.max(1, end - start);
  }

  /** @param {number} line */
  line(line) {
    return this.rows[0].slice(this.lineStarts[line], this.lineStarts[line + 1]);
  }

  /**
   * Ids of the tokens that begin in a line, or of the whole file.
   * @param {number} which tokenizer
   * @param {number | null} line
   */
  ids(which, line) {
    const row = this.rows[which];
    const [from, to] = line === null ? [0, row.length] : [this.firsts[which][line], this.firsts[which][line + 1]];
    return Array.from({ length: to - from }, (_, i) => row.id(from + i));
  }

  /**
   * Those ids as a program reads them.
   * @param {number} which tokenizer
   * @param {number | null} line null for the whole file
   * @param {Form} form
   */
  written(which, line, form) {
    const ids = this.ids(which, line);
    if (form === "Python") return `[${ids.join(", ")}]`;
    const of = line === null ? {} : { line: line + 1, text: this.line(line) };
    return JSON.stringify({ tokenizer: this.header.keys[which], ...of, ids });
  }

  /**
   * A line in words.
   * @param {number} line
   */
  words(line) {
    const alike = this.same[line] ? "both cut it alike" : "cut differently";
    const counts = this.names.map((name, which) => {
      const n = this.firsts[which][line + 1] - this.firsts[which][line];
      return `${name} ${n.toLocaleString("en")} token${n === 1 ? "" : "s"}`;
    });
    return `Line ${(line + 1).toLocaleString("en")}, ${alike}: ${counts.join(", ")}`;
  }
}
