// Mouse and fingers on a map: one drags, two come nearer, a short touch chooses.

const STILL = 5; // pixels that a click may slip

/**
 * What a gesture does; places are pixels of the element.
 * @typedef {object} Deeds
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, x: number, y: number) => void} zoom
 * @property {(x: number, y: number) => void} point
 * @property {(x: number, y: number) => void} choose
 */

export class Touches {
  /** @param {HTMLElement} node @param {Deeds} deeds */
  constructor(node, deeds) {
    this.node = node;
    this.deeds = deeds;
    /** @type {Map<number, [number, number]>} */
    this.down = new Map();
    this.moved = false;
    node.addEventListener("pointerdown", (event) => this.press(event));
    node.addEventListener("pointermove", (event) => this.move(event));
    node.addEventListener("pointerup", (event) => this.lift(event, true));
    node.addEventListener("pointercancel", (event) => this.lift(event, false));
    node.addEventListener("pointerleave", () => this.down.size || deeds.point(NaN, NaN));
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  place({ clientX, clientY }) {
    const { left, top } = this.node.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button) return;
    this.moved = this.down.size > 0;
    this.down.set(event.pointerId, this.place(event));
    this.node.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const [x, y] = this.place(event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      this.deeds.point(x, y);
      return;
    }
    const [dx, dy] = [x - before[0], y - before[1]];
    if (!this.moved && Math.hypot(dx, dy) < STILL) return;
    this.moved = true;
    const other = [...this.down].find(([id]) => id !== event.pointerId)?.[1];
    this.down.set(event.pointerId, [x, y]);
    if (!other) {
      this.deeds.pan(dx, dy);
      return;
    }
    const apart = (/** @type {[number, number]} */ [a, b]) => Math.max(1, Math.hypot(a - other[0], b - other[1]));
    this.deeds.zoom(apart([x, y]) / apart(before), (x + other[0]) / 2, (y + other[1]) / 2);
    this.deeds.pan(dx / 2, dy / 2);
  }

  /** @param {PointerEvent} event @param {boolean} wanted */
  lift(event, wanted) {
    if (!this.down.delete(event.pointerId) || !wanted || this.moved) return;
    this.deeds.choose(...this.place(event));
  }
}
