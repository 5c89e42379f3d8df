// What a grammar did to each token: a column a token, and beside them the candidates of the one that is picked.

import { activeIn, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { kindOf, moves, width } from "./steps.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Candidate, Step } from "./steps.js" */

/**
 * What `grammar_view` in grammar_view/__init__.py sends.
 * @typedef {object} GrammarData
 * @property {string} name what a reader of the screen hears first
 * @property {Step[]} steps
 * @property {number} picked
 * @property {string} ending why the text ends
 * @property {string} free what the model writes without the grammar
 * @property {string} free_title
 */

const KEY = [
  ["wanted-key", "overruled: above it the model's own first choice"],
  ["struck-key", "share of the probability that was struck out"],
  ["allowed-key", "number of tokens that are allowed (logarithmic)"],
];

class GrammarView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing grammar");
    this.strip = make("div", "strip");
    this.strip.setAttribute("role", "listbox");
    this.strip.setAttribute("aria-orientation", "horizontal");
    this.ending = make("p", "ending");
    this.free = make("div", "free");
    this.detail = make("div", "detail");
    this.detail.setAttribute("aria-live", "polite");
    const left = make("div", "left");
    left.append(this.strip, this.ending, keyOf(), this.free);
    this.root.append(left, this.detail);
    parent.append(this.root);
    this.json = "";
    /** @type {GrammarData} */
    this.data = { name: "", steps: [], picked: 0, ending: "", free: "", free_title: "" };
    /** @type {HTMLElement[]} */
    this.nodes = [];
    this.at = 0;
    /** @type {(step: number) => void} */
    this.pick = () => {};
    this.strip.addEventListener("click", (event) => {
      const node = event.target instanceof Element && event.target.closest(".step");
      if (node instanceof HTMLElement) this.choose(this.nodes.indexOf(node));
    });
    this.strip.addEventListener("keydown", (event) => {
      const next = moves(event.key, this.at, this.nodes.length);
      if (event.key === "Enter" || event.key === " ") this.choose(this.at);
      else if (next !== undefined) {
        this.show(next);
        this.nodes[next]?.focus();
      } else return;
      used(event);
    });
  }

  destroy() {
    this.root.remove();
  }

  /** @param {GrammarData} data @param {Component<GrammarData>} component */
  update(data, { setTriggerValue }) {
    this.pick = (step) => setTriggerValue("picked", { step });
    const json = JSON.stringify(data);
    if (json === this.json) return; // the same content: scroll and focus stay
    this.json = json;
    const focused = this.nodes.includes(/** @type {HTMLElement} */ (activeIn(this.root)));
    this.data = data;
    this.strip.setAttribute("aria-label", data.name);
    this.strip.classList.toggle("calm", data.steps.every((step) => step.wanted === null));
    this.nodes = data.steps.map(column);
    this.strip.replaceChildren(...this.nodes);
    this.ending.textContent = data.ending;
    this.free.replaceChildren(make("h3", "", data.free_title), make("p", "said", data.free));
    this.show(data.picked);
    if (focused) this.nodes[this.at]?.focus({ preventScroll: true });
  }

  /** @param {number} i */
  choose(i) {
    this.show(i);
    this.pick(i);
  }

  /** @param {number} i */
  show(i) {
    this.at = i;
    for (const [k, node] of this.nodes.entries()) {
      node.classList.toggle("picked", k === i);
      node.setAttribute("aria-selected", String(k === i));
      node.tabIndex = k === i ? 0 : -1;
    }
    const step = this.data.steps[i];
    if (step) this.detail.replaceChildren(...candidates(step, i, this.data.steps.length));
  }
}

function keyOf() {
  const node = make("ul", "key");
  node.append(...KEY.map(([sign, words]) => {
    const item = make("li");
    item.append(make("i", sign), words);
    return item;
  }));
  return node;
}

/** @param {Step} step @param {number} i */
function column(step, i) {
  const node = make("div", `step ${kindOf(step)} tint-${(i % 2) + 1}`);
  node.setAttribute("role", "option");
  const seen = [...(step.wanted ?? []), step.label, step.allowed].join(" ");
  node.setAttribute("aria-label", `${seen}. ${step.says}`); // begins with what is seen, as it must
  node.title = step.says;
  const wanted = make("span", "wanted");
  if (step.wanted) wanted.append(make("b", "", step.wanted[0]), ` ${step.wanted[1]}`);
  const struck = make("span", "track");
  const fill = make("i", "struck");
  fill.style.width = width(step.struck_out);
  struck.append(fill);
  const allowed = make("span", "counted");
  const bar = make("i", "bar");
  bar.style.width = width(step.allowed_share);
  allowed.append(bar, make("span", "", step.allowed));
  // The spaces are between the words where the text is read, not drawn.
  node.append(wanted, " ", make("span", "token", step.label), " ", struck, allowed);
  return node;
}

/** @param {Step} step @param {number} i @param {number} n */
function candidates(step, i, n) {
  const title = make("h3", "", `Token ${i + 1} of ${n}: ${step.label}`);
  const table = make("table");
  const head = make("tr");
  for (const [name, words] of [["name", "Token"], ["axis", "Model's own, 0 to 100%"], ["number", ""], ["number", "With the grammar (outline)"]]) {
    const cell = make("th", name, words);
    cell.scope = "col";
    head.append(cell);
  }
  const body = make("tbody");
  body.append(...step.candidates.map(line));
  const thead = make("thead");
  thead.append(head);
  table.append(thead, body);
  return [title, make("p", "says", step.says), table];
}

/** @param {Candidate} one */
function line(one) {
  const node = make("tr", one.left === null ? "out" : one.drawn ? "drawn" : "in");
  const name = make("th", one.special ? "name special-token" : "name", one.label);
  name.scope = "row";
  const axis = make("td", "axis");
  const track = make("div", "track");
  const own = make("i", "own");
  own.style.width = width(one.own);
  track.append(own);
  if (one.left !== null) {
    const left = make("i", "left-over");
    left.style.width = width(one.left);
    track.append(left);
  }
  axis.append(track);
  const said = one.left === null ? "struck out" : one.drawn ? `${one.left_text} written` : one.left_text;
  node.append(name, axis, make("td", "number", one.own_text), make("td", "number", said));
  return node;
}

export default mounted(GrammarView);
