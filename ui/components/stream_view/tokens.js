// What the boxes of a reply are: which tokens form one character together, and what an engine that holds text back has
// shown. See ui/generation/live/boxes.py, which makes what arrives here.

/**
 * A token as Python sends it: what its bits say; its text, or its bytes in hex; its probability; milliseconds since the
 * prefill began; of one with bytes the whole characters that are there with it, and how many bytes it holds back.
 * @typedef {[bits: number, label: string, p: number, ms: number, adds?: string, held?: number]} Token
 */

/**
 * Tokens that share characters, or one alone.
 * @typedef {object} Group
 * @property {number} from place of the first one
 * @property {Token[]} tokens
 * @property {string} text whole characters, as far as they are there
 * @property {boolean} open it ends inside a character, and nothing has come after it
 * @property {boolean} broken it ended inside a character, and what came after did not belong to it
 */

const JOINS = 1;
const SPECIAL = 2;
const BYTES = 4;
const UNKNOWN = "\ufffd";

/** @param {Token} token */
export const isSpecial = (token) => (token[0] & SPECIAL) !== 0;
/** @param {Token} token */
export const isBytes = (token) => (token[0] & BYTES) !== 0;

/** The tokens of a reply that have come so far, and the groups that they form. */
export class Reply {
  constructor() {
    /** @type {Token[]} */
    this.tokens = [];
    /** @type {Group[]} */
    this.groups = [];
    this.text = ""; // as an engine has shown it
  }

  /**
   * Take over what is new. What was there stays as it is.
   * @param {(Token | undefined)[]} all from the first token on; what comes after a gap waits until the gap is filled
   * @returns {number} place of the first group that changed
   */
  take(all) {
    let changed = this.groups.length;
    for (let i = this.tokens.length; i < all.length; i++) {
      const token = all[i];
      if (!token) break;
      changed = Math.min(changed, this.add(token));
    }
    return changed;
  }

  /**
   * The next token.
   * @param {Token} token
   * @returns {number} place of the first group that changed
   */
  add(token) {
    const [bits, label] = token;
    const last = this.groups.at(-1);
    const joins = (bits & JOINS) !== 0 && last !== undefined;
    const ended = !joins && last?.open;
    if (ended) {
      last.open = false;
      last.broken = true;
      last.text += UNKNOWN;
      this.text += UNKNOWN;
    }
    const group = joins ? last : { from: this.tokens.length, tokens: [], text: "", open: false, broken: false };
    if (!joins) this.groups.push(group);
    group.tokens.push(token);
    this.tokens.push(token);
    // Where a character was cut off, the text that Python sends begins with the sign for it.
    const adds = isBytes(token) ? (token[4] ?? "").slice(ended ? 1 : 0) : label;
    group.text += adds;
    group.open = (token[5] ?? 0) > 0;
    if (!isSpecial(token)) this.text += adds;
    return this.groups.length - (ended ? 2 : 1);
  }

  /** The bytes that an engine holds back, in hex: of a character that is not whole yet. */
  held() {
    const last = this.groups.at(-1);
    if (!last?.open) return "";
    const bytes = last.tokens.flatMap((token) => token[1].split(" ")).filter(Boolean);
    return bytes.slice(-(last.tokens.at(-1)?.[5] ?? 0)).join(" ");
  }
}

/**
 * What is held back just now, in one line.
 * @param {string} held bytes in hex @param {boolean} ended whether the reply has ended
 */
export function heldWords(held, ended) {
  if (!held) return "Nothing is held back just now.";
  const n = held.split(" ").length;
  const bytes = `${n} ${n === 1 ? "byte" : "bytes"} (${held})`;
  return ended ? `Never shown: ${bytes}; the reply ended inside a character.` : `Held back just now: ${bytes} of a character that is not whole yet.`;
}

/**
 * A probability in few characters, never 0 or 100 where it is neither.
 * @param {number} p
 */
export function shortPercent(p) {
  if (p >= 0.995) return p < 1 ? ">99%" : "100%";
  if (p >= 0.0095) return `${Math.round(p * 100)}%`;
  return p >= 0.0005 ? `${(p * 100).toFixed(1)}%` : "<0.1%";
}
