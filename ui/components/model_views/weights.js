// The attention weights of one layer's heads over the tokens that are drawn, and what goes elsewhere.

export const SINK = -1; // stands before the first token, as a key that no token is
export const FIRST = -2; // the text's first token where it is not among those that are drawn
const WHOLE = 65535;

/** @typedef {Uint16Array | string | null | undefined} Shares one of 16 bits for each (head, query) */

export class Weights {
  /**
   * @param {number} [n] tokens
   * @param {Uint16Array} [weights] of (head, query, key)
   * @param {Shares} [sink] where the model has one
   * @param {Shares} [toFirst] what goes to the text's first token
   * @param {Shares} [before] what goes to tokens between that one and those that are drawn
   */
  constructor(n = 0, weights = new Uint16Array(), sink, toFirst, before) {
    this.n = n;
    this.nHeads = n ? weights.length / (n * n) : 0;
    this.weights = weights;
    this.hasSink = Boolean(sink);
    this.others = { sink, toFirst, before };
  }

  /** @param {number} head @param {number} query @param {number} key */
  of(head, query, key) {
    if (key === SINK) return this.share(this.others.sink, head, query);
    if (key === FIRST) return this.toFirst(head, query);
    return this.weights[(head * this.n + query) * this.n + key] / WHOLE;
  }

  /** @param {number} head @param {number} query */
  toFirst(head, query) {
    return this.share(this.others.toFirst, head, query);
  }

  /** @param {number} head @param {number} query */
  before(head, query) {
    return this.share(this.others.before, head, query);
  }

  /** @param {Shares} shares @param {number} head @param {number} query */
  share(shares, head, query) {
    return Number(shares?.[head * this.n + query] ?? 0) / WHOLE;
  }

  /**
   * What a token reads: keys with their shares.
   * @param {number} head @param {number} query
   * @returns {Map<number, number>}
   */
  row(head, query) {
    const found = new Map();
    if (this.hasSink) found.set(SINK, this.of(head, query, SINK));
    for (let key = 0; key <= query; key++) found.set(key, this.of(head, query, key));
    return found;
  }
}
