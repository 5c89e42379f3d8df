// Paints the map on a canvas: points, lines to the neighbours of the chosen one, words where they have room.

import { rgba, themeColour } from "../kit/plain_colour.js";
import { Room } from "./labels.js";

/** @import { Camera } from "./camera.js" */
/** @import { Points } from "./points.js" */

const MOST_WORDS = 420;
const FAMILY = '"Source Sans", "Source Sans Pro", sans-serif';

/** @typedef {{ i: number, x: number, y: number }} Word a point whose word is drawn, and where it is */
/** @typedef {{ ground: string, ink: string, accent: string, quiet: string }} Colours */

/**
 * What is lit: found by the search, chosen, its neighbours, pointed at.
 * @typedef {{ found: Set<number>, picked: number, near: number[], at: number }} Lit
 */

export class Painter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no canvas to draw on.");
    this.canvas = canvas;
    this.context = context;
    this.size = 13; // of the words, in pixels
    /** @type {Word[]} */
    this.words = [];
    this.widths = new Float32Array(0);
    this.xs = new Float32Array(0);
    this.ys = new Float32Array(0);
  }

  /** Another map. @param {Points} points */
  replace(points) {
    this.widths = new Float32Array(points.n);
    this.xs = new Float32Array(points.n);
    this.ys = new Float32Array(points.n);
  }

  /** @returns {Colours} */
  colours() {
    const ground = themeColour(this.canvas, "--st-background-color", "#fff");
    const ink = themeColour(this.canvas, "--st-text-color", "#222");
    const accent = themeColour(this.canvas, "--st-primary-color", "#1f6f8b");
    const mixed = rgba(ink).map((part, k) => Math.round(0.65 * part + 0.35 * rgba(ground)[k]));
    return { ground, ink, accent, quiet: `rgb(${mixed.slice(0, 3).join(",")})` };
  }

  /** @param {Points} points @param {Camera} camera @param {Lit} lit */
  draw(points, camera, lit) {
    const { canvas, context } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(camera.width * ratio), Math.round(camera.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colours = this.colours();
    context.fillStyle = colours.ground;
    context.fillRect(0, 0, camera.width, camera.height);
    this.place(points, camera);
    this.drawPoints(points, camera, lit, colours);
    this.drawLines(lit, colours);
    this.drawWords(points, camera, lit, colours);
  }

  /** @param {Points} points @param {Camera} camera */
  place({ n, x, y }, camera) {
    const { xs, ys } = this;
    for (let i = 0; i < n; i++) {
      const [px, py] = [camera.toX(x[i]), camera.toY(y[i])];
      const seen = px > -4 && py > -4 && px < camera.width + 4 && py < camera.height + 4;
      xs[i] = seen ? px : NaN;
      ys[i] = py;
    }
  }

  /** @param {Points} points @param {Camera} camera @param {Lit} lit @param {Colours} colours */
  drawPoints({ n, groups, shades }, camera, lit, colours) {
    const { context, xs, ys } = this;
    const side = Math.min(6, (n < 3000 ? 4 : 2) + Math.log2(camera.zoom) * 0.5);
    context.globalAlpha = lit.found.size ? 0.45 : 0.65;
    for (const [g, colour] of shades(colours.accent, colours.ground).entries()) {
      context.fillStyle = colour;
      for (let i = 0; i < n; i++) {
        if (groups[i] === g && !Number.isNaN(xs[i])) context.fillRect(xs[i] - side / 2, ys[i] - side / 2, side, side);
      }
    }
    context.globalAlpha = 1;
    for (const i of lit.found) this.disc(i, 4, colours.accent, colours.ground);
    for (const i of lit.near) this.disc(i, 4, colours.ground, colours.ink);
    this.disc(lit.picked, 6, colours.ink, colours.ground);
  }

  /** @param {number} i @param {number} radius @param {string} fill @param {string} edge */
  disc(i, radius, fill, edge) {
    if (i < 0 || Number.isNaN(this.xs[i])) return;
    const { context } = this;
    context.beginPath();
    context.arc(this.xs[i], this.ys[i], radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    context.strokeStyle = edge;
    context.lineWidth = 1.5;
    context.stroke();
  }

  /** @param {Lit} lit @param {Colours} colours */
  drawLines({ picked, near }, { ink }) {
    const { context, xs, ys } = this;
    if (picked < 0 || Number.isNaN(xs[picked])) return;
    context.strokeStyle = ink;
    context.globalAlpha = 0.55;
    context.lineWidth = 1.2;
    for (const i of near) {
      if (Number.isNaN(xs[i])) continue;
      context.beginPath();
      context.moveTo(xs[picked], ys[picked]);
      context.lineTo(xs[i], ys[i]);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  /** @param {Points} points @param {Camera} camera @param {Lit} lit @param {Colours} colours */
  drawWords(points, camera, lit, colours) {
    const room = new Room(camera.width, camera.height);
    const { context, size } = this;
    this.words = [];
    context.textBaseline = "middle";
    context.lineJoin = "round";
    this.drawNames(points, camera, room, colours);
    const first = [lit.at, lit.picked, ...lit.near, ...lit.found].filter((i) => i >= 0);
    const drawn = new Set(first);
    context.font = `600 ${size}px ${FAMILY}`;
    for (const i of drawn) this.word(points, i, room, colours.ink, colours.ground, i === lit.at || i === lit.picked);
    context.font = `${size}px ${FAMILY}`;
    const paler = lit.found.size ? colours.quiet : colours.ink;
    for (let i = 0; i < points.n && this.words.length < MOST_WORDS; i++) {
      if (!Number.isNaN(this.xs[i]) && !drawn.has(i)) this.word(points, i, room, paler, colours.ground, false);
    }
  }

  /** @param {Points} points @param {number} i @param {Room} room @param {string} ink @param {string} ground @param {boolean} always */
  word(points, i, room, ink, ground, always) {
    const { context, size } = this;
    const [x, y] = [this.xs[i], this.ys[i]];
    if (Number.isNaN(x)) return;
    if (!this.widths[i]) this.widths[i] = context.measureText(points.label(i)).width * 1.06 + 2;
    const width = this.widths[i];
    const left = x + 6 + width > context.canvas.clientWidth ? x - 6 - width : x + 6;
    if (!room.take(left - 1, y - size * 0.6, width + 2, size * 1.2, always)) return;
    context.strokeStyle = ground;
    context.lineWidth = 3;
    context.strokeText(points.label(i), left, y);
    context.fillStyle = ink;
    context.fillText(points.label(i), left, y);
    this.words.push({ i, x, y });
  }

  /** @param {Points} points @param {Camera} camera @param {Room} room @param {Colours} colours */
  drawNames(points, camera, room, colours) {
    if (camera.zoom > 6) return;
    const { context } = this;
    const size = this.size * 1.25;
    context.font = `italic 600 ${size}px ${FAMILY}`;
    for (const { name, x, y } of points.names) {
      const width = context.measureText(name).width;
      const [left, middle] = [camera.toX(x) - width / 2, camera.toY(y)];
      if (!room.take(left, middle - size * 0.7, width, size * 1.4)) continue;
      context.strokeStyle = colours.ground;
      context.lineWidth = 5;
      context.strokeText(name, left, middle);
      context.fillStyle = colours.accent;
      context.fillText(name, left, middle);
    }
  }
}
