// One bar of parts that make a whole, each as long as it has parameters.

import { make, percent } from "../kit/dom.js";
import { drawn } from "../kit/mount.js";

/** @typedef {{ label: string, parts: { name: string, n: number, words: string }[] }} Data */

/** @param {Data} data */
function parts(data) {
  const total = data.parts.reduce((sum, { n }) => sum + n, 0) || 1;
  const bar = make("div", "bar");
  const list = make("ul");
  list.setAttribute("aria-label", data.label);
  for (const [i, { name, n, words }] of data.parts.entries()) {
    const piece = make("i", `shade-${i}`);
    piece.style.flexGrow = String(n / total);
    piece.title = `${name}: ${n.toLocaleString("en")} parameters`;
    bar.append(piece);
    const item = make("li");
    item.append(make("i", `swatch shade-${i}`), make("span", "", `${name} `), make("b", "", percent(n / total)), make("span", "quiet", ` ${words}`));
    list.append(item);
  }
  bar.setAttribute("aria-hidden", "true");
  return [bar, list];
}

export default drawn(() => make("div", "drawing shares"), parts);
