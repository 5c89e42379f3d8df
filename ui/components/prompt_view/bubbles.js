// The conversation as bubbles, each edited where it stands. Whoever changes a turn calls `changed` with all of them.

import { make, signed, used } from "../kit/dom.js";
import { drawPane } from "./string.js";
import { moved, withCall, withoutCall, withoutTurn, withRole, withTurn } from "./turns.js";

/** @import { Call, Turn } from "./turns.js" */

/**
 * What prompt_view/turns.py sends.
 * @typedef {object} Editor
 * @property {string} name what is edited
 * @property {string} push name of the newest push
 * @property {number} seen the last edit that the server knew then
 * @property {Turn[]} turns
 * @property {string[]} roles
 * @property {Record<string, string> | null} titles of roles, for texts that are not turns; null for turns
 * @property {string} between a box between the first and the second text; empty without one
 * @property {string[]} tools what the model may call
 */

/** What a person does: turns, whether to wait for the end of typing, and which field gets the keyboard. */
/** @typedef {(turns: Turn[], typed: boolean) => void} Changed */

const GROWS = CSS.supports("field-sizing", "content");

/** @param {HTMLTextAreaElement} area */
function fit(area) {
  if (GROWS) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

export class Bubbles {
  /** @param {Changed} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {Turn[]} */
    this.turns = [];
    /** @type {Editor | null} */
    this.editor = null;
    this.pane = drawPane("conversation", "The conversation. Alt and an arrow moves a turn, Ctrl+Enter adds one.");
    this.tools = make("div");
    this.list = make("ol", "bubbles");
    this.foot = make("div", "adders");
    this.pane.append(this.tools, this.list, this.foot);
    this.pane.addEventListener("keydown", (event) => this.key(event));
    // Streamlit's shortcuts (r, c) spare its own inputs; from inside a component they would fire.
    for (const name of ["keydown", "keyup", "keypress"]) this.pane.addEventListener(name, (e) => e.stopPropagation());
  }

  /** @returns {HTMLLIElement[]} */
  get bubbles() {
    return [...this.list.querySelectorAll("li")].filter((node) => node.dataset.message !== undefined);
  }

  /** @param {EventTarget | null} target @returns {number | null} the turn that it belongs to */
  turnOf(target) {
    const at = target instanceof Element ? target.closest("li")?.dataset.message : undefined;
    return at === undefined ? null : Number(at);
  }

  /** @param {Editor} editor @param {Turn[]} turns */
  show(editor, turns) {
    const [place, field] = this.keyboard();
    this.editor = editor;
    this.turns = turns;
    this.pane.classList.toggle("code", editor.titles !== null);
    this.list.replaceChildren(...turns.map((turn, i) => this.drawTurn(turn, i)));
    if (editor.between && turns.length > 1) {
      this.bubbles[0].after(make("li", "between", editor.between));
    }
    for (const area of this.list.querySelectorAll("textarea")) fit(area);
    this.foot.replaceChildren(...this.adders());
    if (place !== null) this.focus(Math.min(place, turns.length - 1), field);
  }

  /** @param {Editor} editor What else the pane shows, at every update. */
  decorate(editor) {
    this.tools.className = editor.tools.length ? "tools" : "";
    this.tools.replaceChildren(
      ...(editor.tools.length ? [make("b", "", "Tools"), ...editor.tools.map((tool) => make("code", "tool-name", tool))] : []),
    );
  }

  /** @returns {[number | null, string]} the turn and the field that have the keyboard */
  keyboard() {
    const root = this.pane.getRootNode();
    const active = root instanceof ShadowRoot || root instanceof Document ? root.activeElement : null;
    const inside = active instanceof HTMLElement && this.list.contains(active);
    return inside ? [this.turnOf(active), active.dataset.field ?? ""] : [null, ""];
  }

  /** @param {number} place @param {string} [field] */
  focus(place, field = "content") {
    const fields = [...(this.bubbles[place]?.querySelectorAll("[data-field]") ?? [])];
    const node = fields.find((item) => item instanceof HTMLElement && item.dataset.field === field) ?? fields[0];
    if (node instanceof HTMLElement) node.focus({ preventScroll: true });
    node?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Turn[]} turns @param {number | null} place */
  restructure(turns, place) {
    if (!this.editor || turns === this.turns) return;
    this.show(this.editor, turns);
    if (place !== null) this.focus(Math.min(place, turns.length - 1));
    this.changed(turns, false);
  }

  /** @param {Turn} turn @param {number} i */
  drawTurn(turn, i) {
    const item = make("li", `bubble ${turn.role}`);
    item.dataset.message = String(i);
    item.append(this.editor?.titles ? make("b", "title", this.editor.titles[turn.role]) : this.drawHead(turn, i));
    turn.fields.forEach((field, j) => {
      if (field.name !== "content") item.append(make("span", "field-name", field.label));
      const area = make("textarea");
      area.rows = 1;
      area.value = field.text;
      area.dataset.field = field.name;
      area.setAttribute("aria-label", this.editor?.titles?.[turn.role] ?? `${field.label} of turn ${i + 1}`);
      area.placeholder = field.name === "content" && turn.calls.length ? "no text beside the call" : "";
      area.spellcheck = false;
      area.addEventListener("input", () => {
        fit(area);
        this.type(i, { fields: this.turns[i].fields.with(j, { ...this.turns[i].fields[j], text: area.value }) });
      });
      item.append(area);
    });
    turn.calls.forEach((call, j) => {
      item.append(call.form ? this.drawCall(call, i, j) : make("div", "call", `Tool call ${j + 1}: edit it as JSON.`));
    });
    if (turn.more) item.append(make("div", "more", `Also in this turn, to edit as JSON: ${turn.more}.`));
    return item;
  }

  /** @param {Turn} turn @param {number} i */
  drawHead(turn, i) {
    const head = make("div", "head");
    const role = make("select", "role");
    role.setAttribute("aria-label", `Role of turn ${i + 1}`);
    role.dataset.field = "role";
    const roles = this.editor?.roles ?? [];
    role.append(...roles.map((name) => Object.assign(make("option", "", name), { value: name })));
    role.value = turn.role;
    role.addEventListener("change", () => this.restructure(withRole(this.turns, i, role.value), null));
    const n = this.turns.length;
    head.append(
      role,
      signed("↑", `Turn ${i + 1} up`, i > 0, () => this.restructure(moved(this.turns, i, i - 1), i - 1)),
      signed("↓", `Turn ${i + 1} down`, i < n - 1, () => this.restructure(moved(this.turns, i, i + 1), i + 1)),
    );
    if (turn.role === "assistant") {
      head.append(signed("ƒ", `Turn ${i + 1} calls a tool`, true, () => this.restructure(withCall(this.turns, i), i)));
    }
    head.append(signed("✕", `Remove turn ${i + 1}`, n > 1, () => this.restructure(withoutTurn(this.turns, i), i)));
    return head;
  }

  /** @param {Call} call @param {number} i @param {number} j */
  drawCall(call, i, j) {
    const row = make("div", "call");
    row.dataset.call = String(j);
    /** @type {["name", "arguments"]} */
    const names = ["name", "arguments"];
    const inputs = names.map((name) => {
      const input = make("input");
      input.value = call[name];
      input.dataset.field = `call_${j}_${name}`;
      input.setAttribute("aria-label", name === "name" ? `Tool that turn ${i + 1} calls` : `Arguments of turn ${i + 1}, JSON`);
      input.addEventListener("input", () => {
        const { calls } = this.turns[i];
        this.type(i, { calls: calls.with(j, { ...calls[j], [name]: input.value }) });
      });
      return input;
    });
    const remove = () => this.restructure(withoutCall(this.turns, i, j), i);
    row.append(make("span", "", "calls"), ...inputs, signed("✕", `Remove call ${j + 1} of turn ${i + 1}`, true, remove));
    return row;
  }

  adders() {
    if (this.editor?.titles) return [];
    const end = this.turns.length - 1;
    const more = signed("+ Add a turn", "Add a turn", true, () => this.restructure(withTurn(this.turns, end), end + 1));
    if (this.turns[0]?.role === "system") return [more];
    return [more, signed("+ Add a system turn", "Add a system turn", true, () => this.restructure(withTurn(this.turns, -1), 0))];
  }

  /** @param {number} i @param {Partial<Turn>} change */
  type(i, change) {
    this.turns = this.turns.with(i, { ...this.turns[i], ...change });
    this.changed(this.turns, true);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const at = this.turnOf(event.target);
    if (at === null || this.editor?.titles) return;
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (event.altKey && step) {
      used(event);
      this.restructure(moved(this.turns, at, at + step), at + step);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      used(event);
      this.restructure(withTurn(this.turns, at), at + 1);
    }
  }
}
