// Which words have room on the map. Numbers in, numbers out.

const CELL = 6; // pixels: how exactly the room is known

/** Room that words have taken on a screen. */
export class Room {
  /** @param {number} width @param {number} height pixels */
  constructor(width, height) {
    this.columns = Math.ceil(width / CELL);
    this.rows = Math.ceil(height / CELL);
    this.taken = new Uint8Array(Math.max(0, this.columns * this.rows));
  }

  /**
   * Take a box, all of it on the screen, if nobody has any of it yet.
   * @param {number} x @param {number} y its upper left corner @param {number} width @param {number} height
   * @param {boolean} [always] take it in any case
   */
  take(x, y, width, height, always = false) {
    const [left, top] = [Math.floor(x / CELL), Math.floor(y / CELL)];
    const [right, bottom] = [Math.floor((x + width) / CELL), Math.floor((y + height) / CELL)];
    if (left < 0 || top < 0 || right >= this.columns || bottom >= this.rows) return false;
    if (!always) {
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) if (this.taken[row * this.columns + column]) return false;
      }
    }
    for (let row = top; row <= bottom; row++) {
      this.taken.fill(1, row * this.columns + left, row * this.columns + right + 1);
    }
    return true;
  }
}

/**
 * The point nearest to a pixel, or -1 where none is within `reach` pixels.
 * @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys pixels; NaN for what is not on the screen
 * @param {number} px @param {number} py @param {number} reach
 */
export function nearest(xs, ys, px, py, reach) {
  let best = -1;
  let least = reach * reach;
  for (let i = 0; i < xs.length; i++) {
    const far = (xs[i] - px) ** 2 + (ys[i] - py) ** 2;
    if (far < least) {
      least = far;
      best = i;
    }
  }
  return best;
}

/**
 * Of the words on the screen the next one in a direction, or -1: near counts, and straight ahead counts double.
 * @param {{ i: number, x: number, y: number }[]} words
 * @param {number} px @param {number} py where one is
 * @param {number} dx @param {number} dy the direction: -1, 0 or 1 each
 */
export function onward(words, px, py, dx, dy) {
  let best = -1;
  let least = Infinity;
  for (const { i, x, y } of words) {
    const ahead = (x - px) * dx + (y - py) * dy;
    if (ahead < 1) continue;
    const aside = Math.abs((x - px) * dy) + Math.abs((y - py) * dx);
    const cost = ahead + 2 * aside;
    if (cost < least) {
      least = cost;
      best = i;
    }
  }
  return best;
}
