// The turn that a person points at: the bubbles and the string, which are two views, light up together.

const POINTED = "lmloupe-turn";

export class Shared {
  /** @param {HTMLElement} root of the view; each turn in it has `data-turn` @param {(turn: number | null) => void} light */
  constructor(root, light) {
    this.told = (/** @type {Event} */ event) => light(/** @type {CustomEvent<number | null>} */ (event).detail);
    document.addEventListener(POINTED, this.told);
    for (const name of ["pointerover", "focusin"]) root.addEventListener(name, (event) => say(turnOf(event)));
    root.addEventListener("pointerleave", () => say(null));
  }

  destroy() {
    document.removeEventListener(POINTED, this.told);
  }
}

/** @param {number | null} turn */
function say(turn) {
  document.dispatchEvent(new CustomEvent(POINTED, { detail: turn }));
}

/** @param {Event} event */
function turnOf(event) {
  const node = event.target instanceof Element ? event.target.closest("[data-turn]") : null;
  return node instanceof HTMLElement ? Number(node.dataset.turn) : null;
}
