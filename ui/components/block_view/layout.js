// Where the weights, the levels and the counts of a block stand. Numbers in, numbers out.

const LEAST_COLUMN = 0.72; // rem
const WIDEST_COLUMN = 2.4;

/**
 * Pixels of one weight's column: they fill the room, as far as each stays wide enough to be told from its neighbours.
 * @param {number} n weights @param {number} room pixels @param {number} rem
 */
export const columnWidth = (n, room, rem) => Math.max(LEAST_COLUMN * rem, Math.min(WIDEST_COLUMN * rem, room / n));

/**
 * How far the axis reaches on both sides of zero.
 * @param {{ value: number | null, back: number }[]} weights @param {{ at: number }[]} levels
 */
export function reach(weights, levels) {
  let most = 0;
  for (const { value, back } of weights) most = Math.max(most, Math.abs(value ?? 0), Math.abs(back));
  for (const { at } of levels) most = Math.max(most, Math.abs(at));
  return most || 1;
}

/**
 * Pixels from the top of a place on the axis.
 * @param {number} at @param {number} most what `reach` says @param {number} height pixels @param {number} margin above and below
 */
export const down = (at, most, height, margin) => height / 2 - (at / most) * (height / 2 - margin);

/**
 * Which of the labels are written: the first, zero and the last in any case, the others where there is room.
 * @param {number[]} tops pixels from the top, in any order @param {number} line pixels of a line @param {number} zero place of the one that is nearest to zero
 * @returns {Set<number>} places in `tops`
 */
export function written(tops, line, zero) {
  const order = tops.map((_, i) => i).sort((a, b) => tops[a] - tops[b]);
  const first = [order[0], order[order.length - 1], zero];
  /** @type {Set<number>} */
  const taken = new Set();
  for (const i of [...first, ...order]) {
    if (i === undefined || taken.has(i)) continue;
    if ([...taken].every((other) => Math.abs(tops[i] - tops[other]) >= line)) taken.add(i);
  }
  return taken;
}

/**
 * The outline of a histogram that lies on its side, from the axis to the left: points [x, y].
 * @param {number[]} edges on the axis @param {number[]} counts @param {number} width pixels of the largest @param {(at: number) => number} place pixels from the top
 */
export function outline(edges, counts, width, place) {
  // By density: where the axis is turned round, or bins differ, areas stay true.
  const dense = counts.map((count, i) => count / Math.abs(edges[i + 1] - edges[i] || 1));
  const most = Math.max(...dense, Number.MIN_VALUE);
  /** @type {[number, number][]} */
  const points = [[width, place(edges[0])]];
  for (const [i, value] of dense.entries()) {
    const x = width * (1 - value / most);
    points.push([x, place(edges[i])], [x, place(edges[i + 1])]);
  }
  points.push([width, place(edges[edges.length - 1])]);
  return points;
}
