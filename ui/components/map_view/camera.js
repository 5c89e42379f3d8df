// What part of the map is on the screen, and where its points are there. Numbers in, numbers out.

import { clamp } from "../kit/dom.js";

export const MOST = 400; // times the whole map

/** The map is the square from 0 to 1, up is larger; the screen has pixels, down is larger. */
export class Camera {
  constructor() {
    this.width = 1; // of the screen, in pixels
    this.height = 1;
    this.room = [1, 1]; // pixels for the points
    this.unit = 1; // pixels of the whole map before one comes nearer
    this.near = 1; // the zoom that it begins with
    this.zoom = 1;
    this.x = 0.5; // of the map, in the middle of the screen
    this.y = 0.5;
  }

  /**
   * Show what is to be shown first.
   * @param {[number, number, number, number]} box left, bottom, right and top
   */
  home([left, bottom, right, top]) {
    const [across, up] = [right - left, top - bottom];
    this.zoom = clamp(Math.min(this.room[0] / (across * this.unit), this.room[1] / (up * this.unit)), 1, MOST);
    this.near = this.zoom;
    this.x = (left + right) / 2;
    this.y = (bottom + top) / 2;
  }

  /** @param {number} width @param {number} height pixels of the screen */
  fit(width, height) {
    this.width = width;
    this.height = height;
    this.room = [Math.max(1, width - 2 * Math.min(40, width / 12)), Math.max(1, height - 36)]; // words reach over their points
    this.unit = Math.min(...this.room);
  }

  /** Pixels that the whole map is wide. */
  get scale() {
    return this.unit * this.zoom;
  }

  /** @param {number} x of the map */
  toX(x) {
    return (x - this.x) * this.scale + this.width / 2;
  }

  /** @param {number} y of the map */
  toY(y) {
    return (this.y - y) * this.scale + this.height / 2;
  }

  /**
   * Come nearer; what is at a pixel stays there.
   * @param {number} factor @param {number} [px] @param {number} [py] the middle of the screen unless given
   */
  zoomBy(factor, px = this.width / 2, py = this.height / 2) {
    const x = this.x + (px - this.width / 2) / this.scale;
    const y = this.y - (py - this.height / 2) / this.scale;
    this.zoom = clamp(this.zoom * factor, 1, MOST);
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y + (py - this.height / 2) / this.scale;
    this.keep();
  }

  /** @param {number} dx @param {number} dy pixels that the map moves */
  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
    this.keep();
  }

  /** @param {number} x @param {number} y of the map: brought into the middle where it is not on the screen */
  show(x, y) {
    const [px, py] = [this.toX(x), this.toY(y)];
    if (px >= 0 && px <= this.width && py >= 0 && py <= this.height) return;
    this.x = x;
    this.y = y;
    this.keep();
  }

  keep() {
    this.x = clamp(this.x, 0, 1);
    this.y = clamp(this.y, 0, 1);
  }
}
