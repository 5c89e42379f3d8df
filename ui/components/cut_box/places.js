// Where a text is cut: places are numbers of letters before a cut, from 1 to one less than there are letters.

/**
 * The places with one of them put in or taken out, in order.
 * @param {number[]} places @param {number} at
 */
export const toggled = (places, at) => (places.includes(at) ? places.filter((place) => place !== at) : [...places, at].sort((a, b) => a - b));

/**
 * The number of the piece that each letter is in, from 0.
 * @param {number} letters how many @param {number[]} places
 */
export const pieceOf = (letters, places) => Array.from({ length: letters }, (_, i) => places.filter((place) => place <= i).length);

/**
 * The place to which a key leads.
 * @param {string} key @param {number} at @param {number} letters how many
 * @returns {number | undefined} undefined where the key leads nowhere
 */
export function placeAfter(key, at, letters) {
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 1, End: letters - 1 }[key];
  return to === undefined ? undefined : Math.max(1, Math.min(letters - 1, to));
}
