// A file line by line as two tokenizers cut it. Only what is on the screen is in the page.

import { versionOf } from "../kit/bytes.js";
import { copied } from "../kit/clipboard.js";
import { activeIn, clamp, isWriting, make, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { themeColour } from "../kit/plain_colour.js";
import { describe } from "../token_view/describe.js";
import { File } from "./file.js";
import { drawHead, drawTools } from "./head.js";
import { lastNotAfter, scrollFor, topsOf, windowAt } from "./layout.js";
import { Minimap } from "./minimap.js";
import { sendFile, takeDrops } from "./open.js";
import { lineButtons, paintRow } from "./paint.js";

/** @import { Component } from "../kit/mount.js" */
/** @import { Broken } from "./layout.js" */
/** @import { Form } from "./file.js" */
/** @import { Spot } from "./paint.js" */

const GUTTER = 5; // columns for the number of a line and the edge

class FileView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "file");
    this.head = make("div", "head");
    this.tools = drawTools({ step: (by) => this.step(by), only: (on) => this.choose(on), open: (file) => this.open(file) });
    this.scroller = make("div", "scroller");
    this.scroller.tabIndex = 0;
    this.content = make("div", "content");
    this.content.setAttribute("role", "list");
    this.scroller.append(this.content);
    this.map = new Minimap((share) => this.scrollTo(share * this.total() - this.scroller.clientHeight / 2));
    const body = make("div", "body");
    body.append(this.scroller, this.map.root);
    this.status = make("div", "status");
    this.status.setAttribute("role", "status");
    this.foot = make("div", "foot");
    this.foot.append(this.status);
    this.root.append(this.head, this.tools.root, body, this.foot);
    parent.append(this.root);
    this.version = "";
    this.only = false;
    this.asked = /** @type {boolean | null} */ (null); // by a press; until Python says it, older answers change nothing
    this.told = false; // by Python
    this.file = /** @type {File} */ (/** @type {unknown} */ (null)); // until the first update, as what follows
    this.broken = /** @type {Broken} */ (/** @type {unknown} */ (null));
    /** @type {number[]} rows that are offered: all, or those of lines that differ */
    this.rows = [];
    this.tops = new Float64Array(1);
    this.current = -1; // place in `rows`
    /** @type {Map<number, HTMLElement>} by place in `rows` */
    this.drawn = new Map();
    this.drawnFor = 0; // pixels that the scroller was wide
    this.height = 28; // of one line of tokens, in pixels
    /** @type {Component<Uint8Array>["setTriggerValue"]} */
    this.setTriggerValue = () => {};
    this.pageKey = (/** @type {KeyboardEvent} */ event) => this.keyOfPage(event);
    this.observer = new ResizeObserver(() => {
      if (this.file && this.scroller.clientWidth !== this.drawnFor) this.lay();
      else if (this.file) this.drawMap();
    });
    this.listen();
  }

  listen() {
    this.scroller.addEventListener("scroll", () => this.fill()); // browsers send one for each frame at most
    this.scroller.addEventListener("click", ({ target }) => {
      const at = /** @type {Element} */ (target);
      const row = /** @type {HTMLElement | null} */ (at.closest(".row"));
      if (!row || at.closest("button")) return;
      this.go(Number(row.dataset.place), false);
      this.tell(at);
    });
    this.scroller.addEventListener("pointerover", ({ target }) => this.tell(/** @type {Element} */ (target)));
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    // N works wherever nobody writes, so also before anything in here has the keyboard.
    document.addEventListener("keydown", this.pageKey);
    this.observer.observe(this.scroller);
    takeDrops(this.root, (file) => this.open(file));
  }

  destroy() {
    document.removeEventListener("keydown", this.pageKey);
    this.observer.disconnect();
    this.root.remove();
  }

  /** @param {Uint8Array} payload @param {Component<Uint8Array>} component */
  update(payload, { setTriggerValue }) {
    this.setTriggerValue = setTriggerValue;
    const [version, only] = [versionOf(payload), payload[payload.length - 1] === 1];
    if (this.asked === null && only !== this.told && this.file && only !== this.only) this.choose(only, false);
    if (only === this.asked) this.asked = null;
    this.told = only;
    if (version === this.version) return; // the same content: scroll and focus stay
    this.version = version;
    const [before, at] = [this.file, this.firstCharacter()];
    this.file = new File(payload);
    const { header } = this.file;
    if (!before) this.only = only;
    for (const [i, colour] of header.colours.entries()) this.root.style.setProperty(`--family-${i}`, colour);
    this.scroller.setAttribute("aria-label", `The file line by line, as ${this.file.names.join(" and ")} cut it`);
    drawHead(this.head, this.file, (which, form) => this.copy(which, null, form));
    this.current = -1;
    this.foot.replaceChildren(this.status);
    this.lay(before?.source.text === this.file.source.text ? at : 0);
    this.say(this.file.differing ? "Click a line or a token for more." : "Both cut every line alike.");
  }

  firstCharacter() {
    if (!this.file || !this.rows.length) return 0;
    const { first } = this.window();
    return this.broken.starts[this.rows[first]];
  }

  /** @param {number} [at] the character that shall be at the top */
  lay(at = this.firstCharacter()) {
    const line = this.current >= 0 ? this.broken.starts[this.rows[this.current]] : -1;
    this.drawnFor = this.scroller.clientWidth;
    const probe = make("span", "probe", "0".repeat(100));
    this.content.replaceChildren(probe);
    const column = probe.getBoundingClientRect().width / 100;
    const height = Number.parseFloat(getComputedStyle(probe).lineHeight);
    this.broken = this.file.broken(Math.max(16, this.drawnFor / column - GUTTER));
    this.height = height;
    this.offer();
    if (line >= 0) this.current = this.placeOf(line);
    this.draw();
    this.scrollTo(this.tops[this.placeOf(at)]);
  }

  /** The rows that are offered, and how high each is. */
  offer() {
    const { starts, lines } = this.broken;
    this.rows = [];
    for (let row = 0; row < lines.length; row++) if (!this.only || !this.file.same[lines[row]]) this.rows.push(row);
    this.tops = topsOf(this.rows, (row) => this.height * (this.file.alone(starts[row], starts[row + 1]) ? 2.3 : 1.3));
  }

  draw() {
    this.drawn.clear();
    const empty = make("p", "nothing", "Both cut every line of this file alike.");
    this.content.replaceChildren(...(this.rows.length ? [] : [empty]));
    this.tools.show({ only: this.only, differing: this.file.differing, lines: this.file.nLines });
    this.root.style.setProperty("--rows", `${this.total() + 2}px`);
    this.drawMap();
  }

  drawMap() {
    const { starts } = this.broken;
    const share = (/** @type {number} */ place) => this.file.alone(starts[this.rows[place]], starts[this.rows[place] + 1]);
    this.map.draw(this.tops, share, themeColour(this.root, "--st-primary-color", "#1f6f8b"));
    this.fill();
  }

  total() { return this.tops[this.tops.length - 1]; }

  window() { return windowAt(this.tops, this.scroller.scrollTop, this.scroller.clientHeight); }

  /** Draws the rows that have come onto the screen, and takes away those that left it. */
  fill() {
    const { first, last, top, shift, content } = this.window();
    this.content.style.height = `${content}px`;
    for (const [place, node] of this.drawn) {
      if (place >= first && place <= last) continue;
      node.remove();
      this.drawn.delete(place);
    }
    for (let place = first; place <= last && place < this.rows.length; place++) {
      let node = this.drawn.get(place);
      if (!node) {
        node = this.row(place);
        this.drawn.set(place, node);
        this.content.append(node);
      }
      node.style.top = `${this.tops[place] + shift}px`;
    }
    const total = Math.max(1, this.total());
    this.map.show(top / total, Math.min(1, (top + this.scroller.clientHeight) / total));
  }

  /** @param {number} place */
  row(place) {
    const { starts, lines } = this.broken;
    const row = this.rows[place];
    const line = lines[row];
    const first = row === 0 || lines[row - 1] !== line;
    const node = paintRow(this.file, { start: starts[row], end: starts[row + 1], line, first }, (which, form) => this.copy(which, line, form));
    node.dataset.place = String(place);
    node.classList.toggle("current", place === this.current);
    return node;
  }

  /** @param {number} which @param {number | null} line @param {Form} form */
  async copy(which, line, form) {
    const n = this.file.ids(which, line).length.toLocaleString("en");
    const of = line === null ? "the whole file" : `line ${(line + 1).toLocaleString("en")}`;
    const done = await copied(this.file.written(which, line, form), this.root);
    const what = `${n} ids of ${of} in ${this.file.names[which]}, as ${form === "Python" ? "a Python list" : "JSON"}`;
    this.say(done ? `Copied ${what}.` : "The browser did not allow copying: open the page over HTTPS or on localhost.");
  }

  /** @param {globalThis.File} file */
  open(file) {
    sendFile(file, (sent) => this.setTriggerValue("opened", sent), (text) => this.say(text));
  }

  /** @param {string} text */
  say(text) { this.status.textContent = text; }

  /** What is known of the token under the pointer. @param {Element} target */
  tell(target) {
    const found = /** @type {Spot | null} */ (target.closest(".t"));
    if (!found) return;
    const row = this.file.rows[found.which];
    const facts = describe(row, found.place).filter(([term]) => term !== "special" && term !== "holds");
    this.say(`${row.name}: ${facts.map(([term, value]) => `${term} ${value}`).join(" \u00b7 ")}`);
  }

  /** The place of the row in which a character is, or of the nearest before it. @param {number} character */
  placeOf(character) {
    if (!this.rows.length) return 0;
    const row = lastNotAfter(this.broken.starts, character);
    return lastNotAfter(this.rows, row);
  }

  /** @param {number} top pixels of all rows */
  scrollTo(top) {
    this.scroller.scrollTop = scrollFor(this.tops, top, this.scroller.clientHeight);
    this.fill();
  }

  /**
   * Makes a row the current one.
   * @param {number} place
   * @param {boolean} center bring it to the middle, or leave it where it is seen
   */
  go(place, center) {
    if (!this.rows.length) return;
    this.drawn.get(this.current)?.classList.remove("current");
    this.current = clamp(place, 0, this.rows.length - 1);
    const { top } = this.window();
    const [from, to] = [this.tops[this.current], this.tops[this.current + 1]];
    const height = this.scroller.clientHeight;
    if (center) this.scrollTo(from - height / 3);
    else if (from < top) this.scrollTo(from);
    else if (to > top + height) this.scrollTo(to - height);
    this.drawn.get(this.current)?.classList.add("current");
    const line = this.broken.lines[this.rows[this.current]];
    const buttons = lineButtons(this.file, line, (which, form) => this.copy(which, line, form));
    buttons.prepend(`Copy the ids of line ${(line + 1).toLocaleString("en")}`);
    this.foot.replaceChildren(this.status, buttons);
    this.say(`${this.file.words(line)}.`);
  }

  /** To the next or the previous row that differs, from the current one or from the first on the screen. @param {1 | -1} by */
  step(by) {
    const { starts } = this.broken;
    const from = this.current >= 0 ? this.current : this.window().first - (by > 0 ? 1 : 0);
    for (let place = from + by; place >= 0 && place < this.rows.length; place += by) {
      const row = this.rows[place];
      if (this.file.alone(starts[row], starts[row + 1]) > 0) return this.go(place, true);
    }
    return this.say(by > 0 ? "No difference after this line." : "No difference before this line.");
  }

  /** @param {boolean} on whether lines that both cut alike are left out @param {boolean} [tell] let Python know */
  choose(on, tell = true) {
    if (tell) this.asked = on;
    const at = this.current >= 0 ? this.broken.starts[this.rows[this.current]] : this.firstCharacter();
    this.only = on;
    this.offer();
    this.current = -1;
    this.draw();
    this.scrollTo(this.tops[this.placeOf(at)]);
    if (tell) this.setTriggerValue("only", on);
  }

  /** @param {KeyboardEvent} event */
  keyOfPage(event) {
    if (event.key.toLowerCase() !== "n" || event.ctrlKey || event.metaKey || event.altKey || isWriting(event)) return;
    used(event);
    this.step(event.shiftKey ? -1 : 1);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || activeIn(this.root) !== this.scroller) return;
    const from = this.current >= 0 ? this.current : this.window().first - 1;
    /** @type {Record<string, number>} */
    const places = { ArrowDown: from + 1, ArrowUp: Math.max(0, from - 1), Home: 0, End: this.rows.length - 1 };
    if (!(event.key in places)) return;
    used(event);
    this.go(places[event.key], false);
  }
}

export default mounted(FileView);
