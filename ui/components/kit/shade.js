// A shade for a share of 0 to 1: what can be read on it, and the key that says what it means.

import { make } from "./dom.js";

const STEPS = 10;

/**
 * The class that gives the text on a shade its colour: black or white, whichever can be read, in both themes. Between
 * the two limits black can be read on both.
 * @param {number | null} share 0 to 1, from the page's ground to the strongest colour
 */
export const onShade = (share) => ((share ?? 0) > 0.715 ? "deep" : (share ?? 0) > 0.545 ? "middle" : "pale");

/**
 * Swatches from nothing to the strongest, words under them.
 * @param {string} title what the shade means
 * @param {string[]} ticks the words along the scale, at even distances
 * @returns {HTMLElement[]}
 */
export function shadeKey(title, ticks) {
  const scale = make("span", "scale");
  for (let i = 0; i <= STEPS; i++) {
    const step = make("i");
    step.style.setProperty("--share", `${(i / STEPS) * 100}%`);
    scale.append(step);
  }
  const words = make("span", "ticks");
  words.append(...ticks.map((tick) => make("span", "", tick)));
  const both = make("span", "shades");
  both.append(scale, words);
  return [make("span", "", title), both];
}
