// The one string that the model reads, as pieces; above it what was left out of it, below it what it is.

import { counted, make } from "../kit/dom.js";
import { bitsOf } from "./bits.js";

/**
 * A run of characters that came from one place.
 * @typedef {object} Piece
 * @property {string} text
 * @property {number} start character
 * @property {number | null} line of the template
 * @property {number | null} caller line that called the macro of that line
 * @property {number | null} message
 * @property {string} part
 * @property {string} words what the part is called
 * @property {string | null} role
 * @property {boolean} special
 * @property {[text: string, token: number | null][] | null} runs the text cut at its tokens, where they are shown
 */

/**
 * What the template left out.
 * @typedef {object} Lost
 * @property {number | null} message
 * @property {number | null} call
 * @property {boolean} whole nothing of the message is there
 * @property {string} text the beginning of what is missing
 * @property {string} sentence
 */

/**
 * A choice that is one press away.
 * @typedef {object} Tab
 * @property {string} key
 * @property {string} name
 * @property {string} note
 * @property {boolean} alarm
 * @property {boolean} chosen
 */

/**
 * @typedef {object} StringData
 * @property {Piece[]} pieces
 * @property {[id: number, trained: boolean][] | null} tokens where a layer shows them
 * @property {string} layer "roles", "tokens" or "loss"
 * @property {Tab[]} layers
 * @property {Tab[]} families
 * @property {Lost[]} lost
 * @property {Tab | null} remedy a family that writes all of it
 * @property {string | null} error in place of the text
 * @property {string} ghost what the model writes behind it
 * @property {string[]} foot
 */

/** @typedef {HTMLSpanElement & { place: number }} PieceNode */

/**
 * One pane: a group with a name.
 * @param {string} className @param {string} label
 */
export function drawPane(className, label) {
  const pane = make("div", className);
  pane.setAttribute("role", "group");
  pane.setAttribute("aria-label", label);
  return pane;
}

/**
 * A row of buttons of which one is pressed.
 * @param {string} label @param {Tab[]} tabs @param {(key: string) => void} choose
 */
export function drawTabs(label, tabs, choose) {
  const row = drawPane("tabs", label);
  for (const tab of tabs) {
    const button = make("button", "tab", tab.name);
    button.type = "button";
    button.setAttribute("aria-pressed", String(tab.chosen));
    if (tab.note) button.append(make("span", tab.alarm ? "note alarm" : "note", tab.note));
    button.addEventListener("click", () => choose(tab.key));
    row.append(button);
  }
  return row;
}

/**
 * The pieces of the prompt.
 * @param {StringData} data
 * @returns {PieceNode[]}
 */
export function drawPieces(data) {
  /** @type {number | null} */
  let drawn = null;
  return data.pieces.map((piece, i) => {
    const node = Object.assign(make("span", "p"), { place: i });
    if (piece.role) node.classList.add(piece.role);
    if (piece.special) node.classList.add("special");
    if (piece.part === "generation_prompt") node.classList.add("asks");
    if (piece.part === "template_text") node.classList.add("added");
    for (const [text, token] of piece.runs ?? [[piece.text, null]]) {
      // White space behind a special token may belong to it: the rest of a token is no other one.
      node.append(...(token === null || token === drawn ? letters(text) : [drawToken(text, token, data)]));
      drawn = token;
    }
    return node;
  });
}

/** @param {string} text */
function letters(text) {
  return bitsOf(text).flatMap((bit) => (bit.sign ? [make("span", "sign", bit.sign), bit.text] : [bit.text]));
}

/** @param {string} text @param {number} place @param {StringData} data */
function drawToken(text, place, data) {
  const [id, trained] = data.tokens?.[place] ?? [0, false];
  const node = make("span", place % 2 ? "t odd" : "t");
  node.dataset.token = String(place);
  const loss = data.layer === "loss" ? `, ${trained ? "trains" : "ignored by the loss (-100)"}` : "";
  node.title = `token ${place + 1}, id ${id}${loss}`;
  if (trained && data.layer === "loss") node.classList.add("trained");
  // A token that is a later part of a character already drawn has no letter of its own.
  node.append(...(text ? letters(text) : [make("span", "sign", "·")]));
  return node;
}

const MAX_LOST = 6;

/**
 * A card for each part that is missing, and one press to a family that has it.
 * @param {StringData} data @param {(key: string) => void} choose
 */
export function drawLost(data, choose) {
  const cards = drawPane("losses", "What the template leaves out");
  for (const lost of data.lost.slice(0, MAX_LOST)) {
    const card = make("div", "lost");
    if (lost.message !== null) card.dataset.message = String(lost.message);
    card.append(make("del", "", lost.text), make("span", "", lost.sentence));
    cards.append(card);
  }
  if (data.lost.length > MAX_LOST) {
    cards.append(make("div", "lost", `And ${counted(data.lost.length - MAX_LOST, "more part")}.`));
  }
  const { remedy } = data;
  if (remedy) {
    const button = make("button", "remedy", remedy.name);
    button.type = "button";
    button.addEventListener("click", () => choose(remedy.key));
    cards.append(button);
  }
  return cards;
}

/**
 * The whole pane, but for the pieces' own events.
 * @param {StringData} data
 * @param {PieceNode[]} nodes
 * @param {string} label
 */
export function drawText(data, nodes, label) {
  const pane = drawPane("text", label);
  if (data.error !== null) {
    const box = make("div", "error", data.error);
    box.setAttribute("role", "alert");
    pane.append(box);
  } else if (nodes.length) pane.append(...nodes);
  else pane.append(make("span", "nothing", "nothing is written"));
  if (data.ghost) pane.append(make("span", "ghost", data.ghost));
  return pane;
}
