// Tells a token view which of its tokens has its card open, for as long as the card is on the page (see pinned.js).

import { mounted } from "../kit/mount.js";
import { ASK, PIN } from "./pinned.js";

/** @import { Pin } from "./pinned.js" */

class PinMark {
  constructor() {
    /** @type {Pin} */
    this.pin = { key: "", row: -1, index: -1 };
    // A view that is drawn after its card asks.
    this.onAsk = (/** @type {Event} */ event) => {
      if (/** @type {CustomEvent<string>} */ (event).detail === this.pin.key) this.say(this.pin);
    };
    document.addEventListener(ASK, this.onAsk);
  }

  /** @param {Pin} pin */
  say(pin) { document.dispatchEvent(new CustomEvent(PIN, { detail: pin })); }

  /** @param {Pin} data */
  update(data) {
    const { key, row, index } = this.pin;
    if (data.key === key && data.row === row && data.index === index) return; // the page may have scrolled since
    this.pin = data;
    this.say(data);
  }

  destroy() {
    document.removeEventListener(ASK, this.onAsk);
    this.say({ ...this.pin, row: -1, index: -1 });
  }
}

export default mounted(PinMark);
