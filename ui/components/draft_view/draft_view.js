// Speculative decoding: the text as boxes of drafted and own tokens, and the same pass by pass.

import { clamp, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { boxesOf, boxSays, draftedSays, fateOf, ownOf, passSays } from "./passes.js";

/** @import { View } from "../kit/mount.js" */
/** @import { Box, Pass } from "./passes.js" */

/**
 * What `draft_view` in draft_view/__init__.py sends.
 * @typedef {object} DraftData
 * @property {Pass[]} passes
 * @property {string} name
 */

const SIGNS = { accepted: "\u2713", rejected: "\u2717", unjudged: "\u2013", own: "" };
const WORDS = { accepted: "drafted, accepted", rejected: "drafted, rejected", own: "the model's own" };
/** @type {Record<string, number>} */
const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** @implements {View<DraftData>} */
class DraftView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing drafts");
    this.flow = make("div", "flow");
    this.flow.setAttribute("role", "list");
    this.rows = make("div", "rows");
    this.rows.tabIndex = 0;
    this.rows.setAttribute("role", "group");
    this.rows.setAttribute("aria-label", "Pass by pass");
    this.closely = make("details");
    this.closely.append(make("summary", "", "Pass by pass"), this.rows);
    this.root.append(legend(), this.flow, this.closely);
    parent.append(this.root);
    this.json = "";
    /** @type {HTMLButtonElement[]} */
    this.boxes = [];
    /** @type {HTMLElement[]} */
    this.lines = [];
    /** @type {number[]} */
    this.passOf = [];
    this.at = 0;
    this.flow.addEventListener("click", (event) => {
      const box = event.target instanceof Element ? event.target.closest("button") : null;
      if (box) this.choose(this.boxes.indexOf(box));
    });
    this.flow.addEventListener("keydown", (event) => this.press(event));
  }

  /** @param {DraftData} data */
  update(data) {
    const json = JSON.stringify(data);
    if (json === this.json) return; // the same content: scroll and focus stay
    this.json = json;
    this.flow.setAttribute("aria-label", data.name);
    const boxes = boxesOf(data.passes);
    this.passOf = boxes.map((box) => box.pass);
    this.boxes = [];
    this.flow.replaceChildren(...boxes.flatMap((box) => (box.ends ? [this.item(box), lineEnd()] : [this.item(box)])));
    this.lines = data.passes.map(line);
    const table = make("table");
    const body = make("tbody");
    body.append(...this.lines);
    table.append(head(), body);
    this.rows.replaceChildren(table);
    this.mark(clamp(this.at, 0, Math.max(0, boxes.length - 1)));
    for (const row of this.lines) row.classList.remove("lit");
  }

  destroy() {
    this.root.remove();
  }

  /** @param {Box} box */
  item(box) {
    const item = make("span", "item");
    item.setAttribute("role", "listitem");
    const node = make("button", box.accepted ? "box accepted" : "box own");
    node.type = "button";
    node.tabIndex = -1;
    node.title = boxSays(box);
    node.setAttribute("aria-label", boxSays(box));
    node.append(token(box.label, box.accepted ? "accepted" : "own"));
    if (box.rejected !== null) {
      node.append(token(box.rejected, "rejected"));
      if (box.unjudged) node.append(make("span", "more", `+${box.unjudged}`));
    }
    this.boxes.push(node);
    item.append(node);
    return item;
  }

  /** @param {number} at */
  mark(at) {
    if (this.boxes[this.at]) this.boxes[this.at].tabIndex = -1;
    this.at = at;
    if (this.boxes[at]) this.boxes[at].tabIndex = 0;
  }

  /** Show the pass that wrote a token. @param {number} at */
  choose(at) {
    this.mark(at);
    const chosen = this.passOf[at] ?? -1;
    for (const [number, row] of this.lines.entries()) row.classList.toggle("lit", number === chosen);
    for (const [i, box] of this.boxes.entries()) box.classList.toggle("lit", this.passOf[i] === chosen);
    const row = this.lines[chosen];
    this.closely.open = true;
    if (row) this.rows.scrollTop = row.offsetTop - this.rows.clientHeight / 2 + row.offsetHeight / 2;
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const move = MOVES[event.key];
    if (!move) return;
    used(event);
    this.choose(clamp(this.at + move, 0, this.boxes.length - 1));
    this.boxes[this.at]?.focus({ preventScroll: false });
  }
}

/** A token with the sign of what became of it. @param {string} label @param {keyof typeof SIGNS} fate */
function token(label, fate) {
  const node = make("span", `token ${fate}`);
  const sign = make("span", "sign", SIGNS[fate]);
  sign.setAttribute("aria-hidden", "true");
  const word = make(fate === "rejected" || fate === "unjudged" ? "s" : "span", "word", label);
  if (SIGNS[fate]) node.append(sign);
  node.append(word);
  return node;
}

/** Where the text's own line ends. */
function lineEnd() {
  const node = make("span", "line-end");
  node.setAttribute("aria-hidden", "true");
  return node;
}

function legend() {
  const node = make("div", "legend");
  for (const fate of /** @type {const} */ (["accepted", "rejected", "own"])) node.append(token(WORDS[fate], fate));
  return node;
}

function head() {
  const node = make("thead");
  const row = make("tr");
  for (const name of ["Pass", "Drafted; probability of the model / of the draft", "Own token", "Time"]) {
    const cell = make("th", "", name);
    cell.scope = "col";
    row.append(cell);
  }
  node.append(row);
  return node;
}

/** @param {Pass} pass @param {number} number */
function line(pass, number) {
  const row = make("tr");
  row.setAttribute("aria-label", passSays(pass, number));
  const name = make("th", "number", String(number + 1));
  name.scope = "row";
  const drafted = make("td", "drafted");
  for (const [index, [label, p, q]] of pass.drafted.entries()) {
    const fate = fateOf(pass, index);
    const node = make("span", "one");
    node.title = draftedSays(pass, index);
    node.append(token(label, fate), make("span", "share", fate === "unjudged" ? "not judged" : q ? `${p} / ${q}` : p));
    drafted.append(node);
  }
  drafted.append(make("span", "source", pass.source));
  const own = make("td", "after");
  const label = ownOf(pass);
  if (label !== null) own.append(token(label, "own"));
  row.append(name, drafted, own, make("td", "times", pass.times));
  return row;
}

export default mounted(DraftView);
