// Where the panels of the stages lie, and how a share is written. Nothing here knows the page.

export const ROW = 21;
export const HEAD = 40;
const [FOOT, LEAST, MOST] = [54, 118, 240];

/**
 * Panels side by side, in as few lines as the width allows, of about as many panels each.
 * @param {string[]} labels of the tokens
 * @param {number} nPanels
 * @param {number} width of the page, in pixels
 */
export function panelsLayout(labels, nPanels, width) {
  const longest = Math.max(...labels.map((label) => Array.from(label).length));
  const side = Math.min(Math.max(50, longest * 7.4 + 10), width < 500 ? 92 : 132);
  const fit = Math.max(1, Math.min(nPanels, Math.floor((width - side) / LEAST)));
  const perLine = Math.ceil(nPanels / Math.ceil(nPanels / fit));
  return {
    side, // pixels that the labels take
    perLine,
    lines: Math.ceil(nPanels / perLine),
    cell: Math.min(MOST, (width - side) / perLine), // of a panel and the gap behind it
    height: HEAD + labels.length * ROW + FOOT, // of one line
  };
}

/**
 * A share of 0 to 1 as percent.
 * @param {number} value
 */
export function percent(value) {
  if (value === 0) return "0%";
  if (value < 0.0005) return "<0.1%";
  return `${(100 * value).toFixed(1)}%`;
}
