// The most probable tokens of one step as bars on a fixed axis from 0 to 100%; a press on one asks for it.

import { clamp, make } from "../kit/dom.js";
import { shortPercent } from "../stream_view/tokens.js";

/** @import { Data } from "./path.js" */

export class Alternatives {
  /** @param {(id: number) => void} take */
  constructor(take) {
    this.ask = take;
    this.root = make("div", "others");
    this.head = make("p", "asked");
    this.rows = make("div", "choices");
    this.note = make("p", "note");
    this.root.append(this.head, this.rows, this.note);
    this.at = -1; // the one that Enter takes
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    this.frozen = false;
  }

  /** @param {Data} data @param {number} at */
  show(data, at) {
    const { tokens, others, ids, entropy, labels, taken, frozen } = data;
    const [label, p, forced] = tokens[at];
    const [names, shares] = others[at];
    this.frozen = frozen;
    this.head.replaceChildren(make("span", "quiet", `Token ${at + 1}: `), make("b", "token", labels[label] || "\u2205"),
      make("span", "quiet", ` has ${shortPercent(p)}, entropy ${entropy[at].toFixed(2)} bits. Instead:`));
    const there = names.indexOf(label);
    this.buttons = names.map((name, i) => {
      const by = taken.find(([step, id]) => step === at && id === ids[at][i]);
      const mark = i === there ? (forced & 1 ? "put here" : "here") : by ? `branch ${by[2]}` : "";
      const button = make("button", `choice${i === there ? " there" : ""}${by ? " gone" : ""}`);
      button.type = "button";
      button.disabled = frozen || i === there;
      const bar = make("span", "bar");
      bar.style.setProperty("--length", `${(shares[i] * 100).toFixed(2)}%`);
      button.append(make("span", "token", labels[name] || "\u2205"), bar, make("span", "value", shortPercent(shares[i])),
        make("span", "mark", mark));
      const does = i === there ? "is here" : by ? `show ${mark}` : "go on from it";
      button.title = does;
      button.addEventListener("click", () => this.ask(ids[at][i]));
      return button;
    });
    this.rows.replaceChildren(...this.buttons);
    this.at = this.buttons.findIndex((button) => !button.disabled);
    const rest = Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0));
    const outside = there < 0 ? `The token here is none of these ${names.length}. ` : "";
    this.note.textContent = `${outside}All other tokens together: ${shortPercent(rest)}.`;
    this.mark();
  }

  /** @param {number} by */
  move(by) {
    let at = this.at;
    do at = clamp(at + by, 0, this.buttons.length - 1);
    while (this.buttons[at]?.disabled && at > 0 && at < this.buttons.length - 1);
    if (!this.buttons[at]?.disabled) this.at = at;
    this.mark();
  }

  mark() {
    for (const [i, button] of this.buttons.entries()) button.classList.toggle("next", i === this.at);
  }

  take() {
    if (!this.frozen) this.buttons[this.at]?.click();
  }
}
