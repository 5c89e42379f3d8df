// A conversation as bubbles, with what can be done at each turn: other replies, another one, other words.

import { counted, make, signed, used } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { Shared } from "./shared.js";

/** @import { Component } from "../kit/mount.js" */

/**
 * One turn, as `Turn` in talk/__init__.py says.
 * @typedef {object} Turn
 * @property {string} role
 * @property {string} name who speaks
 * @property {string} text
 * @property {[name: string, args: string][]} calls
 * @property {number | null} added tokens that it adds to the string
 * @property {string} note what there is to say of a reply
 * @property {boolean | null} same whether its ids come back; null for what the model did not write here
 * @property {number} place among the alternatives, from 0
 * @property {number} of how many alternatives there are
 * @property {boolean} replies whether another reply can be asked for in its place
 * @property {boolean} kept whether it is in the shared conversation
 * @property {boolean} editable whether it is a text
 */

/**
 * @typedef {object} TalkData
 * @property {string} version
 * @property {boolean} live whether the model writes: nothing can be pressed then
 * @property {Turn[]} turns
 */

class Talk {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "talk");
    this.list = make("ol", "turns");
    this.list.setAttribute("aria-label", "The conversation");
    this.foot = make("div", "foot");
    this.root.append(this.list, this.foot);
    // Streamlit's shortcuts (r, c) spare its own inputs; from inside a component they would fire.
    for (const name of ["keydown", "keyup", "keypress"]) {
      this.root.addEventListener(name, (event) => {
        if (event.target instanceof HTMLTextAreaElement) event.stopPropagation();
      });
    }
    this.shared = new Shared(this.root, (turn) => this.light(turn));
    this.json = "";
    /** @type {TalkData} */
    this.data = { version: "", live: false, turns: [] };
    /** @type {(name: string, value: unknown) => void} */
    this.send = () => {};
    parent.append(this.root);
  }

  destroy() {
    this.shared.destroy();
    this.root.remove();
  }

  /** @param {TalkData} data @param {Component<TalkData>} component */
  update(data, { setTriggerValue }) {
    this.send = setTriggerValue;
    const json = JSON.stringify(data);
    if (json === this.json) return; // the same content: what is being edited stays
    const typed = this.list.querySelector("textarea");
    const at = typed instanceof HTMLTextAreaElement ? Number(typed.closest("li")?.dataset.turn) : null;
    const words = typed instanceof HTMLTextAreaElement ? typed.value : "";
    const before = this.data;
    this.json = json;
    this.data = data;
    this.list.replaceChildren(...data.turns.map((turn, i) => this.drawTurn(turn, i)));
    this.foot.replaceChildren(...this.adders());
    // What somebody is writing survives a change elsewhere in the conversation.
    if (at !== null && data.turns[at]?.text === before.turns[at]?.text && words !== before.turns[at]?.text) {
      this.edit(at, words);
    }
    // What was just said comes into sight, with room for the reply below it; nothing moves when the page is opened.
    if (before.turns.length && data.turns.length > before.turns.length && data.turns.at(-1)?.kept) {
      this.list.lastElementChild?.scrollIntoView({ block: "center" });
    }
    this.root.dataset.version = data.version;
  }

  /** A system turn can be put before the others, where there is none. */
  adders() {
    const { turns, live } = this.data;
    if (live || !turns.length || turns[0].role === "system" || turns[0].role === "developer") return [];
    return [
      signed("+ System turn", "+ System turn: say first how the model is to answer", true, () => {
        if (this.list.querySelector(".fresh")) return;
        const item = make("li", "turn system fresh");
        const head = make("div", "head");
        head.append(make("b", "", "System"), make("div", "tools"));
        item.append(head, make("div", "said"));
        this.list.prepend(item);
        this.write(item, "", "Text of the new system turn", (text) => this.act("system", 0, { text }), () => item.remove());
      }),
    ];
  }

  /** @param {string} what @param {number} turn @param {Record<string, unknown>} [more] */
  act(what, turn, more) {
    if (!this.data.live) this.send("act", { what, turn, version: this.data.version, ...more });
  }

  /** @param {Turn} turn @param {number} i */
  drawTurn(turn, i) {
    const item = make("li", `turn ${turn.role}${turn.kept ? "" : " offered"}`);
    item.dataset.turn = String(i);
    const head = make("div", "head");
    head.append(make("b", "", turn.name), this.drawTools(turn, i));
    if (turn.added !== null) head.append(make("span", "added", `+${counted(turn.added, "token")}`));
    item.append(head);
    if (turn.text || !turn.calls.length) item.append(make("div", "said", turn.text || "(no text)"));
    for (const [name, given] of turn.calls) {
      const call = make("div", "call");
      call.append(make("span", "", "calls "), make("code", "", name), make("code", "given", given));
      item.append(call);
    }
    if (turn.note || turn.same !== null) {
      const note = make("div", "note", turn.note);
      if (turn.same !== null) {
        note.append(make("span", turn.same ? "same" : "other", turn.same ? "same ids again" : "other ids again"));
      }
      item.append(note);
    }
    return item;
  }

  /** @param {Turn} turn @param {number} i */
  drawTools(turn, i) {
    const row = make("div", "tools");
    if (this.data.live) return row;
    const n = `turn ${i + 1}`;
    if (turn.of > 1) {
      row.append(
        signed("‹", `The alternative before, of ${n}`, turn.place > 0, () => this.act("switch", i, { step: -1 })),
        make("span", "which", `${turn.place + 1} of ${turn.of}`),
        signed("›", `The next alternative of ${n}`, turn.place < turn.of - 1, () => this.act("switch", i, { step: 1 })),
      );
    }
    if (turn.replies) row.append(signed("↻ Again", `Again: another reply in place of ${n}, from another seed`, true, () => this.act("again", i)));
    if (!turn.kept) row.append(signed("Keep", "Keep this reply: put it into the conversation of all pages", true, () => this.act("keep", i)));
    else if (turn.editable) {
      row.append(signed("✎ Edit", `Edit ${n}: say something else`, true, () => this.edit(i, turn.text)));
    }
    return row;
  }

  /** Write in the bubble; Enter sends, Escape leaves it. @param {number} i @param {string} text */
  edit(i, text) {
    const item = [...this.list.children].find((node) => node instanceof HTMLElement && node.dataset.turn === String(i));
    const close = () => item?.replaceWith(this.drawTurn(this.data.turns[i], i));
    if (item && !this.data.live) this.write(item, text, `Text of turn ${i + 1}`, (words) => this.act("edit", i, { text: words }), close);
  }

  /**
   * @param {Element} item @param {string} text @param {string} label
   * @param {(text: string) => void} take @param {() => void} close
   */
  write(item, text, label, take, close) {
    const area = make("textarea", "said");
    area.value = text;
    area.setAttribute("aria-label", label);
    const done = () => {
      take(area.value);
      close();
    };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        used(event);
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        used(event);
        done();
      }
    });
    item.querySelector(".said")?.replaceWith(area);
    const row = make("div", "tools");
    row.append(signed("Send", "Send: go on from these words", true, done), signed("Cancel", "Cancel: leave it as it was", true, close));
    item.querySelector(".tools")?.replaceWith(row);
    area.rows = Math.max(1, Math.ceil(text.length / 48));
    area.focus();
  }

  /** @param {number | null} turn */
  light(turn) {
    for (const node of this.list.children) {
      if (node instanceof HTMLElement) node.classList.toggle("here", Number(node.dataset.turn) === turn);
    }
  }
}

export default mounted(Talk);
