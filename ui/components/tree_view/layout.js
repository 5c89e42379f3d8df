// Where the parts of a tree of generations are: lanes, places of tokens, thickness of lines.

/**
 * One branch: see `_row` in tree_view/__init__.py.
 * @typedef {object} Row
 * @property {number} number
 * @property {number} of the branch that has its beginning; its own number where none has
 * @property {number} common how many of its tokens are the first ones of that branch
 * @property {boolean} pinned
 * @property {[label: number, p: number, bits: number][]} tokens its own ones
 * @property {string} before the end of the text that it has in common with that branch
 * @property {[text: string, forced: number][]} pieces its own text
 * @property {number} bits of the whole path
 * @property {string} percent
 * @property {string} name
 * @property {string} end why there is no further token
 */

/** @typedef {{ row: Row, lane: number, from: number }} Laid */

/**
 * A lane for each branch. One that leaves another lies below it, the one that leaves it last next to it, so that no line
 * crosses another one.
 * @param {Row[]} rows oldest first
 * @returns {Laid[]} from the top down
 */
export function lanes(rows) {
  /** @type {Map<number, Row[]>} */
  const below = new Map();
  for (const row of rows) {
    if (row.of === row.number) continue;
    below.set(row.of, [...(below.get(row.of) ?? []), row]);
  }
  /** @type {Laid[]} */
  const found = [];
  const place = (/** @type {Row} */ row) => {
    found.push({ row, lane: found.length, from: row.common });
    for (const next of [...(below.get(row.number) ?? [])].sort((a, b) => b.common - a.common)) place(next);
  };
  for (const row of rows) if (row.of === row.number) place(row);
  return found;
}

/** How many tokens the longest branch has. @param {Row[]} rows */
export const longest = (rows) => Math.max(1, ...rows.map((row) => row.common + row.tokens.length));

/**
 * Numbers of the branches that a path runs through, each with how many of its tokens belong to it.
 * @param {Row[]} rows @param {number} number
 * @returns {Map<number, number>} number of the branch -> tokens from the prompt
 */
export function onPath(rows, number) {
  /** @type {Map<number, number>} */
  const found = new Map();
  let row = rows.find((one) => one.number === number);
  let end = row ? row.common + row.tokens.length : 0;
  while (row) {
    found.set(row.number, end);
    if (row.of === row.number) break;
    end = row.common;
    const { of } = row;
    row = rows.find((one) => one.number === of);
  }
  return found;
}

const [THIN, THICK] = [1, 11];

/** Pixels of a line at a probability. @param {number} p */
export const thickness = (p) => THIN + (THICK - THIN) * p;

/**
 * Pixels for a token so that the longest branch fits, within limits.
 * @param {number} room @param {number} tokens @param {number} least @param {number} most
 */
export const fitting = (room, tokens, least, most) => Math.min(most, Math.max(least, room / tokens));

/**
 * Numbers of tokens along the axis: at a round distance, none nearer than it takes to read them.
 * @param {number} tokens @param {number} pixels for each @param {number} gap pixels between two
 */
export function axisNumbers(tokens, pixels, gap) {
  let every = 1;
  for (let i = 0; every * pixels < gap; i++) every = [2, 5, 10][i % 3] * 10 ** Math.floor(i / 3);
  const found = every === 1 ? [] : [1];
  for (let n = every; n <= tokens; n += every) found.push(n);
  return found;
}
