// Marks that bars have beside their colour, as paths of an SVG.

/**
 * Diagonal lines inside a box, as the path of an SVG.
 * @param {number} x @param {number} y @param {number} length @param {number} size its height @param {number} gap
 */
export function hatched(x, y, length, size, gap) {
  const path = [];
  for (let from = gap / 2 - size; from < length; from += gap) {
    const [low, high] = [Math.max(0, -from), Math.min(size, length - from)];
    if (high <= low) continue;
    const point = (/** @type {number} */ t) => `${(x + from + t).toFixed(1)} ${(y + size - t).toFixed(1)}`;
    path.push(`M${point(low)}L${point(high)}`);
  }
  return path.join("");
}

/**
 * The end of a bar that goes on behind its axis.
 * @param {number} x @param {number} y @param {number} size
 */
export function torn(x, y, size) {
  const step = size / 4;
  const edge = [0, 1, 2, 3, 4].map((i) => `L${x - (i % 2 ? 6 : 1)} ${y + i * step}`).join("");
  return `M${x + 1} ${y}${edge}L${x + 1} ${y + size}Z`;
}
