// Rows for tests, packed here by hand and not as Python does it.

import { Row, sourceOf } from "../../ui/components/token_view/rows.js";

/** @import { Place } from "../../ui/components/kit/bytes.js" */
/** @import { RowHeader } from "../../ui/components/token_view/rows.js" */

/** @typedef {{ id?: number, bytes: number[], start: number, end: number, flags?: number, piece?: string }} TestToken */

/**
 * A row of tokens, each with a place of its own in the table of ids.
 * @param {string} text
 * @param {TestToken[]} tokens
 * @param {{ classes?: number[], fill?: number[], notes?: string[] }} [extra]
 */
export function rowOf(text, tokens, extra = {}) {
  /** @type {number[]} */
  const items = [];
  /** @param {number[]} values @returns {Place} */
  const add = (values) => {
    items.push(...values);
    return [4 * (items.length - values.length), values.length, "i4"];
  };
  let last = 0;
  let total = 0;
  const gaps = tokens.map(({ start, end }) => {
    const gap = start - last;
    last = end;
    return gap;
  });
  const byteEnds = tokens.map(({ bytes }) => {
    total += bytes.length;
    return total;
  });
  const length = Array.from(text).length;
  /** @type {RowHeader} */
  const header = {
    name: "test",
    subtitle: "",
    colour: "",
    facts: "",
    count: tokens.length,
    textEnd: length,
    pieces: tokens.map(({ piece }, i) => piece ?? `piece ${i}`),
    ids: add(tokens.map(({ id }, i) => id ?? i)),
    bytes: add(tokens.flatMap(({ bytes }) => bytes)),
    byteEnds: add(byteEnds),
    slots: add(tokens.map((_, i) => i)),
    gaps: add(gaps),
    sizes: add(tokens.map(({ start, end }) => end - start)),
    flags: add(tokens.map(({ flags }) => flags ?? 0)),
    classes: extra.classes && add(extra.classes),
    fill: extra.fill && add(extra.fill),
    notes: extra.notes,
  };
  return new Row(header, new Uint8Array(new Int32Array(items).buffer), sourceOf(text, length));
}

/**
 * Tokens of one byte and one character each.
 * @param {string} text in ASCII
 */
export const letters = (text) =>
  Array.from(text, (char, i) => ({ bytes: [char.charCodeAt(0)], start: i, end: i + 1 }));
