// A piece of a prompt cut where white space needs a sign.

/** @type {Record<string, string>} */
const SIGNS = { "\n": "⏎", "\t": "⇥", "\r": "␍" };

/**
 * The text cut at line ends and tabs, which would be invisible; each of them has its sign.
 * @param {string} text
 */
export function bitsOf(text) {
  return text.split(/(\r|\n|\t)/).filter(Boolean).map((bit) => ({ sign: SIGNS[bit], text: bit }));
}
