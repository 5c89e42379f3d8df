// Where the bars, the strip and the draws lie. Nothing here knows the page; lengths are in pixels, `rem` is the page's.

/**
 * @typedef {object} Layout
 * @property {number} row height of a bar's row
 * @property {number} head height of the axis above the rows
 * @property {number} left where the axis begins: the labels stand before it
 * @property {number} plot length of the axis
 * @property {number} value right end of the numbers that are drawn with
 * @property {number | null} own right end of the model's own numbers; null where there is no room or no need
 * @property {number | null} count right end of the counts
 * @property {number} letters that a label may have
 */

/**
 * The columns of the chart: labels, bars, numbers. They depend on the page's width and the labels, never on a bar.
 * @param {string[]} labels
 * @param {number} width of the page
 * @param {number} rem
 * @param {{ own: boolean, count: boolean }} wanted numbers
 * @returns {Layout}
 */
export function chartLayout(labels, width, rem, wanted) {
  const narrow = width < 36 * rem;
  const letter = 0.66 * rem; // of the monospaced labels
  const longest = Math.max(4, ...labels.map((label) => Array.from(label).length));
  const left = Math.min(longest * letter + 0.75 * rem, narrow ? 6 * rem : 12 * rem);
  const column = (narrow ? 4.2 : 6.25) * rem;
  const own = wanted.own && !(narrow && wanted.count);
  const columns = 1 + Number(own) + Number(wanted.count);
  const plot = Math.max(3 * rem, width - left - columns * column - 0.25 * rem);
  const value = left + plot + column;
  return {
    row: 1.75 * rem,
    head: 3 * rem,
    left,
    plot,
    value,
    own: own ? value + column : null,
    count: wanted.count ? value + (columns - 1) * column : null,
    letters: Math.max(2, Math.floor((left - 0.75 * rem) / letter)),
  };
}

/**
 * Marks of an axis from 0 to `end`, its ends among them.
 * @param {number} end share of 0 to 1
 */
export const axisTicks = (end) => [0, 0.25, 0.5, 0.75, 1].map((part) => part * end);

/**
 * The length of a share on an axis that ends at `end`, and whether it goes on behind the end.
 * @param {number} share @param {number} end @param {number} plot pixels of the axis
 */
export const barLength = (share, end, plot) => ({ length: (Math.min(share, end) / end) * plot, cut: share > end });

/**
 * A share of 0 to 1 as the percent of an axis.
 * @param {number} share
 */
export const tick = (share) => `${Number((100 * share).toFixed(2))}%`;

/**
 * Parts of the strip, end to end: the listed shares from the left, then all other tokens together.
 * @param {number[]} shares @param {number} plot
 */
export function stripParts(shares, plot) {
  let from = 0;
  const parts = shares.map((share) => {
    const part = { x: from * plot, width: share * plot };
    from += share;
    return part;
  });
  return { parts, rest: { x: Math.min(from, 1) * plot, width: Math.max(0, 1 - from) * plot } };
}

/**
 * A dot for each draw, above the place where it landed; those that would cover each other are stacked.
 * @param {number[]} places shares of the strip @param {number} plot @param {number} size of a dot @param {number} room above
 */
export function dots(places, plot, size, room) {
  /** @type {Map<number, number>} */
  const stacks = new Map();
  const found = places.map((place) => {
    const bin = Math.floor((place * plot) / size);
    const level = stacks.get(bin) ?? 0;
    stacks.set(bin, level + 1);
    return { x: place * plot, level };
  });
  const step = Math.min(size, (room - size) / Math.max(1, Math.max(0, ...stacks.values()) - 1));
  return found.map(({ x, level }) => ({ x, up: size / 2 + level * step }));
}
