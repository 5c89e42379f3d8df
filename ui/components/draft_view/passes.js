// The passes of a speculation as boxes in a row: who proposed each token, and what was thrown away where.

import { counted } from "../kit/dom.js";

/**
 * One drafted token.
 * @typedef {[label: string, p: string, q: string]} Drafted p: what the model gave it, empty where it never judged it
 */

/**
 * One pass of the model.
 * @typedef {object} Pass
 * @property {Drafted[]} drafted
 * @property {number} accepted how many of them, from the first
 * @property {[label: string, ends: boolean][]} tokens what it wrote; whether a line ends with the token
 * @property {string} source where the draft comes from, in words
 * @property {string} times in words
 */

/**
 * @typedef {object} Box
 * @property {string} label
 * @property {boolean} accepted drafted and accepted; else the model's own
 * @property {boolean} ends
 * @property {number} pass
 * @property {number} at its number in the text, from 0
 * @property {string | null} rejected the drafted token that it stands in the place of
 * @property {number} unjudged how many drafted tokens after that one were thrown away with it
 */

/** What became of the drafted token with this index. @param {Pass} pass @param {number} index */
export function fateOf(pass, index) {
  if (index < pass.accepted) return "accepted";
  return index === pass.accepted && pass.drafted[index][1] ? "rejected" : "unjudged";
}

/** The model's own token of a pass; null where an accepted one ended the text. @param {Pass} pass */
export const ownOf = (pass) => (pass.tokens.length > pass.accepted ? pass.tokens[pass.accepted][0] : null);

/** @param {Pass[]} passes @returns {Box[]} */
export function boxesOf(passes) {
  /** @type {Box[]} */
  const boxes = [];
  for (const [number, pass] of passes.entries()) {
    for (const [index, [label, ends]] of pass.tokens.entries()) {
      const accepted = index < pass.accepted;
      const replaces = !accepted && index < pass.drafted.length;
      boxes.push({
        label,
        accepted,
        ends,
        pass: number,
        at: boxes.length,
        rejected: replaces ? pass.drafted[index][0] : null,
        unjudged: replaces ? pass.drafted.length - index - 1 : 0,
      });
    }
  }
  return boxes;
}

/** A box in words. @param {Box} box */
export function boxSays({ label, accepted, pass, at, rejected, unjudged }) {
  const whose = accepted ? "drafted and accepted" : "the model's own";
  const more = unjudged ? ` and ${counted(unjudged, "token")} after it` : "";
  const instead = rejected === null ? "" : `, in place of the drafted \u201c${rejected}\u201d${more}`;
  return `Token ${at + 1} \u201c${label}\u201d: ${whose}${instead}. Pass ${pass + 1}`;
}

/** A drafted token in words. @param {Pass} pass @param {number} index */
export function draftedSays(pass, index) {
  const [label, p, q] = pass.drafted[index];
  const fate = fateOf(pass, index);
  const why = ownOf(pass) === null ? "the text had ended" : "one before it was rejected";
  const judged = fate === "unjudged" ? `not judged, because ${why}` : `${fate}, the model gave it ${p}`;
  return `\u201c${label}\u201d: ${judged}${q ? `, the draft ${q}` : ""}`;
}

/** @param {Pass} pass @param {number} number */
export function passSays(pass, number) {
  const drafted = pass.drafted.length ? `${counted(pass.drafted.length, "token")} drafted, ${pass.accepted} accepted. ` : "";
  return `Pass ${number + 1}: ${drafted}${pass.source} ${pass.times}`.trim();
}
