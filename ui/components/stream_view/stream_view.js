// A reply while it is written: the prompt as one block, a time line, and a box for each token, appended as it comes.

import { make, shape } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { unit } from "../kit/room.js";
import { endsLine, groupNode } from "./boxes.js";
import { phaseWords, seconds, timeline } from "./phases.js";
import { heldWords, Reply } from "./tokens.js";

/** @import { Prompt } from "./phases.js" */
/** @import { Token } from "./tokens.js" */

/**
 * What `stream_view` in stream_view/__init__.py sends.
 * @typedef {object} StreamData
 * @property {string} channel name of the reply; what is new of it comes through feed.js
 * @property {Prompt} prompt
 * @property {boolean} hold whether text is shown as an engine that holds it back shows it
 * @property {Token[] | null} tokens of a reply that has ended, which is drawn as its two phases alone; null while it is written
 */

const SAY_MS = 5000; // between two announcements

/** @typedef {{ reused: number, tokens: (Token | undefined)[] }} Held what has come of a reply, see feed.js */

/** @returns {Map<string, Held>} by the replies' names */
function replies() {
  const page = /** @type {{ lmloupeReplies?: Map<string, Held> }} */ (globalThis);
  page.lmloupeReplies ??= new Map();
  return page.lmloupeReplies;
}

class StreamView {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "drawing stream");
    this.phases = make("div", "phases");
    this.words = ["Prefill", "Decode"].map((name, i) => {
      const phase = make("p", "phase");
      const words = make("span", "words");
      phase.append(make("b", "", `${i + 1} ${name}`), words);
      this.phases.append(phase);
      return words;
    });
    this.line = shape("svg", { role: "img" });
    this.flow = make("div", "flow");
    this.held = make("p", "held");
    this.key = make("p", "key", "Number: the model’s own probability of the token. Stronger shade: less probable.");
    this.live = make("div", "unseen");
    this.live.setAttribute("aria-live", "polite");
    this.root.append(this.phases, this.line, this.flow, this.held, this.key, this.live);
    parent.append(this.root);
    this.data = /** @type {StreamData} */ (/** @type {unknown} */ (null)); // until the first update
    this.reply = new Reply();
    /** @type {HTMLElement[]} */
    this.nodes = []; // one for each group
    this.shown = 0; // characters of the held text that are drawn
    this.said = 0; // and that were announced
    this.saidAt = -Infinity;
    this.listen = (/** @type {Event} */ event) => {
      if (/** @type {CustomEvent} */ (event).detail === this.data?.channel) this.refresh();
    };
    document.addEventListener("lmloupe-reply", this.listen);
    this.observer = new ResizeObserver(() => this.drawLine());
    this.observer.observe(this.root);
  }

  /** @param {StreamData} data */
  update(data) {
    const { channel, hold } = this.data ?? {};
    this.data = data;
    if (data.channel !== channel || data.tokens) {
      this.reply = new Reply(); // of one that has ended all tokens are here: another one's may have been
      this.said = 0;
    }
    if (data.channel !== channel || data.hold !== hold) this.begin();
    this.refresh();
  }

  /** Nothing of the reply is drawn yet. */
  begin() {
    const { hold, tokens } = this.data;
    this.nodes = [];
    this.shown = 0;
    this.flow.className = `flow${hold ? " held-back" : ""}`;
    this.flow.replaceChildren(promptNode(this.data.prompt));
    this.flow.hidden = this.key.hidden = tokens !== null;
    this.held.hidden = !hold || tokens !== null;
    this.key.hidden ||= hold;
  }

  refresh() {
    const { channel, hold, prompt, tokens } = this.data;
    const held = replies().get(channel) ?? { reused: prompt.reused, tokens: [] };
    const changed = this.reply.take(tokens ?? held.tokens);
    if (tokens === null) {
      if (hold) this.appendText();
      else this.appendBoxes(Math.min(changed, this.nodes.length));
      this.flow.firstElementChild?.classList.toggle("reading", !this.reply.tokens.length);
      this.announce();
    }
    const words = phaseWords({ ...prompt, reused: tokens ? prompt.reused : held.reused }, this.times(), tokens !== null);
    for (const [i, word] of words.entries()) this.words[i].textContent = word;
    this.drawLine();
  }

  times() {
    return this.reply.tokens.map((token) => token[3]);
  }

  /** @param {number} from the first group that is new, or was open */
  appendBoxes(from) {
    for (let i = from; i < this.reply.groups.length; i++) {
      const node = groupNode(this.reply.groups[i]);
      if (i < this.nodes.length) this.nodes[i].replaceWith(node);
      else this.flow.append(node);
      this.nodes[i] = node;
      if (endsLine(this.reply.groups[i])) node.after(make("br"));
    }
  }

  appendText() {
    const { reply } = this;
    if (reply.text.length > this.shown) this.flow.append(reply.text.slice(this.shown));
    this.shown = reply.text.length;
    this.held.textContent = heldWords(reply.held(), false);
  }

  /** Tell a screen reader what is new, not at every token. */
  announce() {
    const now = performance.now();
    if (now - this.saidAt < SAY_MS || this.reply.text.length === this.said) return;
    this.live.textContent = this.reply.text.slice(this.said);
    this.said = this.reply.text.length;
    this.saidAt = now;
  }

  drawLine() {
    const width = this.root.clientWidth;
    if (!this.data || width === 0) return;
    const [u, times] = [unit(), this.times()];
    const { end, prefill, ticks } = timeline(times, width - 2);
    const [top, bar] = [2 * u, 16 * u];
    this.line.setAttribute("width", String(width));
    this.line.setAttribute("height", String(36 * u));
    this.line.setAttribute("aria-label", `Time line. Prefill: ${this.words[0].textContent}. Decode: ${this.words[1].textContent}.`);
    const marks = ticks.slice(1).map((x) => `M${x.toFixed(1)} ${top}v${bar}`).join("");
    /** @type {SVGElement[]} */
    const parts = [
      shape("rect", { class: "room", x: 0, y: top, width: width - 2, height: bar }),
      shape("rect", { class: "prefill", x: 0, y: top, width: prefill, height: bar }),
      shape("path", { class: "ticks", d: marks }),
    ];
    if (times.length) {
      const first = shape("text", { x: Math.max(prefill, 1), y: 32 * u }, `first token ${seconds(times[0])}`);
      if (prefill > width / 2) first.setAttribute("text-anchor", "end");
      parts.push(first);
    }
    if (prefill < width * 0.75) parts.push(shape("text", { class: "quiet", x: width - 2, y: 32 * u, "text-anchor": "end" }, seconds(end)));
    this.line.replaceChildren(...parts);
  }

  destroy() {
    document.removeEventListener("lmloupe-reply", this.listen);
    this.observer.disconnect();
    this.root.remove();
  }
}

/**
 * The prompt, one block: it is read at once.
 * @param {Prompt} prompt
 */
function promptNode({ n, first, last }) {
  const node = make("span", "prompt");
  node.title = "The prompt";
  node.append(...first.map((label) => make("span", "of-prompt", label)));
  if (last.length) node.append(make("span", "more", "…"), ...last.map((label) => make("span", "of-prompt", label)));
  node.append(make("b", "", `${n.toLocaleString("en")} ${n === 1 ? "token" : "tokens"}`));
  return node;
}

export default mounted(StreamView);
