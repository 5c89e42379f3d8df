// What Python packs into bytes, read back.

/**
 * Where an array lies: its first byte, its length in items, its type. `=` before the type says that
 * a single item stands for all.
 * @typedef {[from: number, length: number, kind: string]} Place
 */

const TYPES = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i2: Int16Array, i4: Int32Array };

/** @typedef {InstanceType<(typeof TYPES)[keyof typeof TYPES]>} Numbers */

/**
 * One of the arrays of a body.
 * @param {Uint8Array<ArrayBuffer>} body begins at the first byte of its buffer
 * @param {Place} place
 * @returns {Numbers}
 */
export function unpackArray(body, [from, length, kind]) {
  const same = kind[0] === "=";
  const Type = TYPES[/** @type {keyof typeof TYPES} */ (same ? kind.slice(1) : kind)];
  if (!same) return new Type(body.buffer, from, length);
  return new Type(length).fill(new Type(body.buffer, from, 1)[0]);
}

/**
 * The version at the head of a payload: 16 characters.
 * @param {Uint8Array} payload
 */
export const versionOf = (payload) => new TextDecoder().decode(payload.subarray(0, 16));

/**
 * The two parts behind the version: a header in JSON, whose length comes first, and the arrays.
 * @param {Uint8Array} payload
 */
export function unpackParts(payload) {
  const length = new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(16, true);
  const header = JSON.parse(new TextDecoder().decode(payload.subarray(20, 20 + length)));
  return { header, body: payload.slice(20 + length) }; // a copy begins at an address that the arrays can use
}

/**
 * Numbers of 16 bits, little-endian, from base64.
 * @param {string} text
 */
export function uint16FromBase64(text) {
  const raw = atob(text);
  const bytes = Uint8Array.from(raw, (char) => char.charCodeAt(0));
  return new Uint16Array(bytes.buffer);
}

/**
 * Numbers of 32 bits with a point, little-endian, from base64.
 * @param {string} text
 */
export function float32FromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
