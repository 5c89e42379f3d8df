// Where on the ruler what stands: numbers alone, no elements.

/**
 * What Python sends.
 * @typedef {object} RulerData
 * @property {string[]} letters of each character shown; white space and marks as signs
 * @property {number} first number of the first character, from 0
 * @property {{ name: string, colour: string, cuts: number[] }[]} rows cuts: places among the letters, both ends included
 * @property {string} label what a screen reader says
 */

/** @typedef {{ from: number, to: number, same: boolean }} Piece one token, and whether every row has it */

/**
 * The tokens of each row between its cuts.
 * @param {{ cuts: number[] }[]} rows
 * @returns {Piece[][]}
 */
export function piecesOf(rows) {
  /** @type {Map<string, number>} */
  const times = new Map();
  const pieces = rows.map(({ cuts }) => cuts.slice(1).map((to, i) => ({ from: cuts[i], to, same: false })));
  for (const piece of pieces.flat()) {
    const name = `${piece.from} ${piece.to}`;
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  for (const piece of pieces.flat()) piece.same = times.get(`${piece.from} ${piece.to}`) === rows.length;
  return pieces;
}

/**
 * How many rows cut at each place inside, as a list of [place, rows].
 * @param {{ cuts: number[] }[]} rows
 * @returns {[place: number, rows: number][]}
 */
export function cutsOf(rows) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const { cuts } of rows) for (const cut of cuts.slice(1, -1)) counts.set(cut, (counts.get(cut) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
}

/**
 * Left edges of the letters, and the end: no letter is narrower than `least`, and none overlaps the next.
 * @param {number[]} widths
 * @param {number} least
 * @param {number} air between letters
 */
export function edgesOf(widths, least, air) {
  const edges = [0];
  for (const width of widths) edges.push(edges[edges.length - 1] + Math.max(least, width + air));
  return edges;
}

/**
 * The letter at a place on the screen.
 * @param {number[]} edges
 * @param {number} x
 */
export function letterAt(edges, x) {
  let at = 0;
  while (at + 2 < edges.length && edges[at + 1] <= x) at += 1;
  return at;
}
