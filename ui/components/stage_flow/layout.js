// Where the parts of the strips lie. Lengths are in pixels.

/**
 * See `Strip` in stage_flow/__init__.py.
 * @typedef {object} Strip
 * @property {string} rule
 * @property {string} does
 * @property {boolean} removes
 * @property {number[]} shares
 * @property {boolean[]} struck
 * @property {number} others
 * @property {number} others_struck
 * @property {string[]} texts
 */

/** @typedef {{ x: number, width: number, struck: boolean }} Part */

/**
 * The parts of one strip from the left: each named token, then all others that stay, then all others that go.
 * @param {Strip} strip @param {number} plot pixels of the strip
 * @returns {Part[]}
 */
export function parts({ shares, struck, others, others_struck: gone }, plot) {
  let x = 0;
  const all = [...shares.map((share, i) => ({ share, struck: struck[i] })), { share: others, struck: false }, { share: gone, struck: true }];
  return all.map(({ share, struck: is }) => {
    const part = { x, width: share * plot, struck: is };
    x += part.width;
    return part;
  });
}

/**
 * The ribbon between a part of one strip and the same part of the next, as a path.
 * @param {Part} from @param {Part} to @param {number} top where the first strip ends @param {number} bottom where the next begins
 */
export function ribbon(from, to, top, bottom) {
  const middle = (top + bottom) / 2;
  const edge = (/** @type {number} */ a, /** @type {number} */ b) => `${a.toFixed(1)} ${top}C${a.toFixed(1)} ${middle} ${b.toFixed(1)} ${middle} ${b.toFixed(1)} ${bottom}`;
  const back = `L${(to.x + to.width).toFixed(1)} ${bottom}C${(to.x + to.width).toFixed(1)} ${middle} ${(from.x + from.width).toFixed(1)} ${middle} ${(from.x + from.width).toFixed(1)} ${top}`;
  return `M${edge(from.x, to.x)}${back}Z`;
}
