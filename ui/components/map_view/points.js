// What arrives from Python, unpacked: see map_view/__init__.py.

import { unpackArray, unpackParts } from "../kit/bytes.js";
import { rgba } from "../kit/plain_colour.js";

/** @import { Place } from "../kit/bytes.js" */

const WHOLE = 65535;

/**
 * @typedef {object} Header
 * @property {string} map changes where the points do
 * @property {string[]} labels of the points, those first that are to be written first
 * @property {Place} x
 * @property {Place} y
 * @property {Place} ids
 * @property {Place} groups
 * @property {{ name: string, colour: string | number }[]} legend of the groups: a colour, or a share of the accent
 * @property {string} legendTitle
 * @property {{ name: string, x: number, y: number, title: string }[]} names of places
 * @property {string} label what the map is, for those who do not see it
 * @property {[number, number, number, number]} home left, bottom, right and top of what is shown first
 * @property {LitIds} lit
 */

/**
 * What changes without the points: ids of tokens.
 * @typedef {{ found: number[], picked: number, near: number[] }} LitIds
 */

/** The points of a map in the order in which their words are written. */
export class Points {
  /** @param {Header} header @param {Uint8Array<ArrayBuffer>} body */
  constructor(header, body) {
    const share = (/** @type {Place} */ place) => Float32Array.from(unpackArray(body, place), (value) => value / WHOLE);
    this.map = header.map;
    this.labels = header.labels;
    this.x = share(header.x);
    this.y = share(header.y);
    this.ids = unpackArray(body, header.ids);
    this.groups = unpackArray(body, header.groups);
    this.legend = header.legend;
    this.legendTitle = header.legendTitle;
    this.names = header.names;
    this.what = header.label;
    this.home = header.home;
    this.n = this.x.length;
    /** @type {Map<number, number>} */
    this.places = new Map();
    for (let i = 0; i < this.n; i++) this.places.set(this.ids[i], i);
    this.shades = this.shades.bind(this);
  }

  /** @param {number} i */
  label(i) {
    return this.labels[i];
  }

  /** The place of a token, -1 where the map does not hold it. @param {number} id */
  placeOf(id) {
    return this.places.get(id) ?? -1;
  }

  /** Colours of the groups. @param {string} accent @param {string} ground */
  shades(accent, ground) {
    const [full, none] = [rgba(accent), rgba(ground)];
    return this.legend.map(({ colour }) => {
      if (typeof colour === "string") return colour;
      const mixed = [0, 1, 2].map((k) => Math.round(none[k] + (full[k] - none[k]) * (0.25 + 0.75 * colour)));
      return `rgb(${mixed.join(",")})`;
    });
  }
}

/**
 * The points of a payload, or `known` where they are the same, and what is lit of them.
 * @param {Uint8Array} payload
 * @param {Points | undefined} known
 */
export function unpackMap(payload, known) {
  const { header, body } = unpackParts(payload);
  const sent = /** @type {Header} */ (header);
  return { points: known?.map === sent.map ? known : new Points(sent, body), lit: sent.lit };
}
