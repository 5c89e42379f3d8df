// What is new of a reply that is being written, handed to the view that draws it. Streamlit sends the script of a component
// with every message, so this one is small, and a component of its own. The view may come later than the first of it.

const KEPT = 8;

/**
 * What `Feed` in stream_view/__init__.py sends.
 * @typedef {object} Feed
 * @property {string} channel name of the reply
 * @property {number} from place of the first token here
 * @property {number} reused tokens of the prompt that were in a cache
 * @property {unknown[]} tokens
 */

/** @param {{ data: Feed }} component */
export default ({ data: { channel, from, reused, tokens } }) => {
  const page = /** @type {{ lmloupeReplies?: Map<string, { reused: number, tokens: unknown[] }> }} */ (globalThis);
  page.lmloupeReplies ??= new Map();
  const held = page.lmloupeReplies.get(channel) ?? { reused, tokens: [] };
  page.lmloupeReplies.delete(channel);
  page.lmloupeReplies.set(channel, held); // the newest is the last
  for (const old of [...page.lmloupeReplies.keys()].slice(0, -KEPT)) page.lmloupeReplies.delete(old);
  held.reused = reused;
  for (const [i, token] of tokens.entries()) held.tokens[from + i] = token;
  document.dispatchEvent(new CustomEvent("lmloupe-reply", { detail: channel }));
};
