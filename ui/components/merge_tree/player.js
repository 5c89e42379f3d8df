// Play, pause, a slider and a speed for something that grows in steps. It runs in the browser alone; Python hears
// where it came to rest.

import { clamp, make } from "../kit/dom.js";

const FRAME_MS = 900;
const REST_MS = 350;
const SPEEDS = ["0.5", "1", "2", "4"];

/** @typedef {{ step: number, speed: string }} At */

export class Player {
  /** @param {(step: number) => void} show */
  constructor(show) {
    this.show = show;
    this.step = 0;
    this.last = 0;
    this.speed = "1";
    /** @type {(at: At) => void} */
    this.tell = () => {};
    /** @type {string[]} */
    this.told = []; // what Python has last answered, and what it was told since
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.rest = undefined;
    this.root = make("div", "player");
    this.button = make("button", "play");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.toggle());
    this.slider = make("input");
    this.slider.type = "range";
    this.slider.min = "0";
    this.slider.setAttribute("aria-label", "Merges done");
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.count = make("span", "count");
    this.select = make("select");
    this.select.setAttribute("aria-label", "Speed");
    for (const speed of SPEEDS) this.select.append(new Option(`${speed}\u00d7`, speed));
    this.select.addEventListener("change", () => this.hasten(this.select.value));
    this.said = make("p", "said");
    this.said.setAttribute("aria-live", "polite");
    const line = make("div", "line");
    line.append(this.button, this.slider, this.count, this.select);
    this.root.append(line, this.said);
    this.face();
  }

  get playing() {
    return this.timer !== undefined;
  }

  /**
   * What Python says: taken over for another picture, and where a link or a button changed it.
   * @param {number} step @param {string} speed @param {number} last @param {boolean} other
   */
  follow(step, speed, last, other) {
    this.last = last;
    this.slider.max = String(last);
    const said = JSON.stringify({ step: clamp(step, 0, last), speed });
    const answered = this.told.indexOf(said);
    if (!other && answered >= 0) {
      this.told.splice(0, answered); // an answer that comes late never moves the slider back
      return;
    }
    if (!other && (this.playing || this.rest !== undefined)) return;
    if (other) this.stop();
    this.told = [said];
    this.step = clamp(step, 0, last);
    this.speed = SPEEDS.includes(speed) ? speed : "1";
    this.face();
  }

  /** @param {string} speed */
  hasten(speed) {
    this.speed = speed;
    if (this.playing) this.run();
    else this.restSoon();
  }

  toggle() {
    if (this.playing) {
      this.stop();
      this.restSoon();
      return;
    }
    if (this.step >= this.last) this.turn(0);
    this.run();
  }

  run() {
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      this.turn(this.step + 1);
      if (this.step >= this.last) {
        this.stop();
        this.restSoon();
      }
    }, FRAME_MS / Number(this.speed));
    this.face();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.face();
  }

  /**
   * A person goes to a step.
   * @param {number} step
   */
  go(step) {
    this.stop();
    this.turn(step);
    this.restSoon();
  }

  /** @param {number} step */
  turn(step) {
    this.step = clamp(step, 0, this.last);
    this.face();
    this.show(this.step);
  }

  restSoon() {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.rest = undefined;
      const at = { step: this.step, speed: this.speed };
      const said = JSON.stringify(at);
      if (said === this.told[this.told.length - 1] || this.playing) return;
      this.told.push(said);
      this.tell(at);
    }, REST_MS);
  }

  face() {
    const word = this.playing ? "Pause" : "Play";
    this.button.textContent = this.playing ? "\u23f8" : "\u25b6";
    this.button.setAttribute("aria-label", word);
    this.button.title = word;
    this.button.disabled = this.last === 0;
    this.slider.disabled = this.last === 0;
    this.slider.value = String(this.step);
    this.count.textContent = `merge ${this.step} of ${this.last}`;
    this.select.value = this.speed;
  }

  /**
   * Say what this step does; a reader hears it only while nothing plays.
   * @param {string} words @param {boolean} loud
   */
  say(words, loud) {
    this.said.setAttribute("aria-live", this.playing ? "off" : "polite");
    this.said.textContent = words;
    this.said.classList.toggle("loud", loud);
    this.slider.setAttribute("aria-valuetext", `merge ${this.step}: ${words}`);
  }
}
