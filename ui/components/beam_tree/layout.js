// Where the candidates of a beam search are, and the lines between them. Numbers in, numbers out.

/**
 * A continuation: its token, its own probability, log2 of the probability of the text with it, its fate as a place in
 * `FATES`, and the candidate of the step before that it continues, -1 for none.
 * @typedef {[label: string, p: number, bits: number, fate: number, parent: number]} Candidate
 */

export const FATES = ["kept", "finished", "dropped"];

// In sixteenths of a rem.
export const COLUMN = 124;
export const BOX = 96;
export const HEIGHT = 34;
export const HEAD = 26;
const ROW = 40;

/** Pixels of the drawing. @param {Candidate[][]} columns @param {number} u pixels of a sixteenth of a rem */
export function size(columns, u) {
  const rows = Math.max(1, ...columns.map((column) => column.length));
  return { width: ((columns.length - 1) * COLUMN + BOX + 8) * u, height: (HEAD + rows * ROW) * u };
}

/** The left upper corner of a candidate. @param {number} column @param {number} row @param {number} u */
export const corner = (column, row, u) => ({ x: (column * COLUMN + 4) * u, y: (HEAD + row * ROW) * u });

/**
 * The line from the candidate that is continued to the one that continues it.
 * @param {number} column of the second @param {number} from row @param {number} to row @param {number} u
 */
export function edge(column, from, to, u) {
  const left = corner(column - 1, from, u);
  const right = corner(column, to, u);
  const [x1, y1, x2, y2] = [left.x + BOX * u, left.y + (HEIGHT / 2) * u, right.x, right.y + (HEIGHT / 2) * u];
  const middle = (x1 + x2) / 2;
  return `M${x1.toFixed(1)} ${y1.toFixed(1)}C${middle.toFixed(1)} ${y1.toFixed(1)} ${middle.toFixed(1)} ${y2.toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}`;
}

/** How thick a line is: by the token's own probability. @param {number} p @param {number} u */
export const thickness = (p, u) => (1 + 6 * p) * u;

/**
 * All candidates that the text up to one consists of: its row in each column up to its own.
 * @param {Candidate[][]} columns @param {number} column @param {number} row
 * @returns {number[]}
 */
export function ancestry(columns, column, row) {
  const rows = [];
  for (let c = column, at = row; c >= 0 && at >= 0; at = columns[c][at][4], c--) rows.unshift(at);
  return rows;
}

/** The text up to a candidate. @param {Candidate[][]} columns @param {number} column @param {number} row */
export const textTo = (columns, column, row) => ancestry(columns, column, row).map((at, c) => columns[c][at][0]).join("");

/** How many characters fit into a box. @param {string} label */
export const fitting = (label) => (Array.from(label).length <= 9 ? label : `${Array.from(label).slice(0, 8).join("")}\u2026`);
