// What this browser remembers of its classes; draws nothing.

import { mounted } from "../kit/mount.js";
import { merged, secretIn } from "./memory.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Held, Memory } from "./memory.js" */

/** @typedef {{ code: string, student: string | null, teacher: string | null }} Data see `kept` in __init__.py */

const PLACE = "lmloupe-classes";

/** @type {Memory} */
let here = {}; // for a browser that keeps nothing

/** @returns {Memory} */
function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
    return found && typeof found === "object" ? found : {};
  } catch {
    return here;
  }
}

/** @param {Memory} memory */
function remember(memory) {
  here = memory;
  try {
    localStorage.setItem(PLACE, JSON.stringify(memory));
  } catch {
    // as above
  }
}

class Keeper {
  constructor() {
    this.said = "";
    this.offered = ""; // the secret of a link, which the server has to judge
    this.data = /** @type {Data} */ ({ code: "", student: null, teacher: null });
    this.send = (/** @type {unknown} */ _held) => {};
    this.stop = new AbortController();
    // Another tab of this browser has joined, or the teacher's own link is opened in this one.
    for (const name of ["storage", "hashchange"]) addEventListener(name, () => this.look(), { signal: this.stop.signal });
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.data = data;
    this.send = (/** @type {unknown} */ held) => component.setStateValue("held", held);
    this.look();
  }

  look() {
    const { code, student, teacher } = this.data;
    const secret = secretIn(location.hash);
    if (secret) {
      this.offered = secret;
      history.replaceState(history.state, "", location.pathname + location.search);
    }
    const before = remembered();
    const memory = merged(before, code, { student, teacher }, Date.now());
    if (JSON.stringify(memory) !== JSON.stringify(before)) remember(memory);
    /** @type {Held} */
    const held = memory[code] ?? { student: null, teacher: null, at: 0 };
    const { offered } = this;
    const said = JSON.stringify([code, held.student, held.teacher, offered]);
    if (said === this.said) return;
    const known = held.student === student && held.teacher === teacher && (!offered || offered === teacher);
    this.said = said;
    if (!known) this.send({ code, student: held.student, teacher: held.teacher, offered });
  }

  destroy() {
    this.stop.abort();
  }
}

export default mounted(Keeper);
