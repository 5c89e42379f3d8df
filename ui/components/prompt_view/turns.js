// The turns of a conversation as fields to edit. Python makes the conversation of them (prompt_view/turns.py).

/**
 * @typedef {object} Field
 * @property {string} name key in the message
 * @property {string} label accessible name, without the number of the turn
 * @property {string} text
 */

/**
 * @typedef {object} Call
 * @property {number | null} at which call of the pushed turn this is, null for a new one
 * @property {string} name
 * @property {string} arguments JSON
 * @property {boolean} form false where its form is another one, to edit as JSON
 */

/**
 * @typedef {object} Turn
 * @property {number | null} at which turn of the push this is, null for a new one
 * @property {string} role
 * @property {Field[]} fields
 * @property {Call[]} calls
 * @property {string} more names of what the turn has besides
 */

/** @param {string} role @returns {Turn} */
const fresh = (role) => ({ at: null, role, fields: [{ name: "content", label: "Text", text: "" }], calls: [], more: "" });

/**
 * Who would speak after the turn at `place`.
 * @param {Turn[]} turns @param {number} place
 */
export const nextRole = (turns, place) => (["user", "tool"].includes(turns[place]?.role) ? "assistant" : "user");

/**
 * A new turn behind the one at `place`; -1 for the system turn in front.
 * @param {Turn[]} turns @param {number} place @returns {Turn[]}
 */
export const withTurn = (turns, place) =>
  turns.toSpliced(place + 1, 0, fresh(place < 0 ? "system" : nextRole(turns, place)));

/** @param {Turn[]} turns @param {number} place @returns {Turn[]} */
export const withoutTurn = (turns, place) => turns.toSpliced(place, 1);

/**
 * @param {Turn[]} turns @param {number} from @param {number} to
 * @returns {Turn[]} the same turns where there is no such place
 */
export function moved(turns, from, to) {
  if (to < 0 || to >= turns.length) return turns;
  return turns.toSpliced(from, 1).toSpliced(to, 0, turns[from]);
}

/** @param {Turn[]} turns @param {number} place @returns {Turn[]} */
export function withCall(turns, place) {
  const call = { at: null, name: "get_weather", arguments: "{}", form: true };
  return turns.with(place, { ...turns[place], calls: [...turns[place].calls, call] });
}

/** @param {Turn[]} turns @param {number} place @param {number} call @returns {Turn[]} */
export const withoutCall = (turns, place, call) =>
  turns.with(place, { ...turns[place], calls: turns[place].calls.toSpliced(call, 1) });

/**
 * The role of a turn; a tool's answer names its tool.
 * @param {Turn[]} turns @param {number} place @param {string} role @returns {Turn[]}
 */
export function withRole(turns, place, role) {
  const fields = turns[place].fields;
  const named = fields.some(({ name }) => name === "name");
  const more = role === "tool" && !named ? [{ name: "name", label: "Name of the tool", text: "" }] : [];
  return turns.with(place, { ...turns[place], role, fields: [...fields, ...more] });
}
