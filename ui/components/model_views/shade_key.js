// The key of a colour scale: swatches from light to dark, and a word under its ends and middle.

import { make } from "../kit/dom.js";

const STEPS = 10;

/**
 * @param {string} title what the shade means
 * @param {string[]} ticks the words along the scale, at even distances
 * @param {(share: number) => number} [lift] the shade of a share, where it is not the share itself
 * @returns {HTMLElement[]}
 */
export function shadeKey(title, ticks, lift = (share) => share) {
  const scale = make("span", "scale");
  for (let i = 0; i <= STEPS; i++) {
    const step = make("i");
    step.style.setProperty("--share", `${lift(i / STEPS) * 100}%`);
    scale.append(step);
  }
  const words = make("span", "ticks");
  words.append(...ticks.map((tick) => make("span", "", tick)));
  const both = make("span", "shades");
  both.append(scale, words);
  return [make("span", "", title), both];
}
