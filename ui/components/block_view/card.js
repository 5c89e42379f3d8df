// The arithmetic of one weight: every number between it and its error, and the same as one line.

import { make } from "../kit/dom.js";

/**
 * Write the card of a weight.
 * @param {HTMLElement} card
 * @param {{ steps: [what: string, number: string][], arithmetic: string, where: string }} weight
 * @param {{ i: number, n: number, one: string, go: (to: number) => void }} place its place among how many, what one is called, and how to go to another
 */
export function fillCard(card, { steps, arithmetic, where }, { i, n, one, go }) {
  const step = (/** @type {string} */ sign, /** @type {string} */ name, /** @type {number} */ by) => {
    const button = make("button", "turn", sign);
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.disabled = i + by < 0 || i + by >= n;
    button.addEventListener("click", () => go(i + by));
    return button;
  };
  const head = make("div", "head");
  head.append(step("\u2039", `The ${one} before`, -1), make("b", "", `${one} ${i + 1} of ${n}`), step("\u203a", `The next ${one}`, 1));
  head.append(make("span", "where", where));
  const chain = make("ol", "chain");
  for (const [what, number] of steps) {
    const item = make("li");
    item.append(make("span", "what", what), make("b", "number", number));
    chain.append(item);
  }
  const line = make("p", "line", arithmetic);
  line.setAttribute("aria-live", "polite");
  card.replaceChildren(head, chain, line);
}
