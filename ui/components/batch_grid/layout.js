// What a place of the rectangle is called and looks like.

/** @typedef {{ label: string, id: number, position: number, pad: boolean, seen: boolean }} Cell */

/** @param {Cell} cell */
export function cellClass({ pad, seen }) {
  return `cell${pad ? " pad" : ""}${seen ? "" : " masked"}`;
}

/**
 * How many places in a row are hidden up to and with each one.
 * @param {Cell[]} cells
 */
export function hiddenRuns(cells) {
  let run = 0;
  return cells.map((cell) => (run = cell.seen ? 0 : run + 1));
}

/** @param {Cell} cell @param {number} run how many places next to each other are hidden up to this one */
export function cellTitle(cell, run) {
  const kind = cell.pad ? "padding" : "the prompt's own token";
  const mask = cell.seen ? "mask 1: the model looks at it" : `mask 0: hidden from the model${run > 1 ? `, as ${run - 1} before it` : ""}`;
  const position = cell.position < 0 ? "" : `; position ${cell.position}`;
  return `${cell.label} (id ${cell.id}), ${kind}; ${mask}${position}`;
}
