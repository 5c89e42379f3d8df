// A text area that sends what is typed after a short pause. The rules of who has the newest text: ui/live_text/box.py.

const PAUSE_MS = 250;
const PAUSE_LONG_MS = 800; // a text of this many characters takes the server a moment
const LABEL_PX = 28; // Streamlit's heights include the label
const LONG = 100_000;

// What each box holds and what of it was sent, by name. It outlives the element on the page: another page draws a new one.
const drafts = new Map();
let edits = 0; // one count for all boxes, for as long as the browser's page lives

function draftOf(name) {
  if (!drafts.has(name)) drafts.set(name, { push: null, held: "", sent: "", edit: 0, newest: true, owner: null });
  return drafts.get(name);
}

// Back and forward ask for an earlier screen: what was typed before gives way to it.
addEventListener("popstate", () => drafts.forEach((draft) => { draft.newest = false; }));

// A link is written at every pause, and each would become a step of the Back button. While a person stays in a box
// only the first one does, and the next ones replace it. Another page (another path) is always a step of its own.
let answering = null; // the box whose text is on its way into the link
const pushState = history.pushState;
history.pushState = function pushOrReplace(state, title, url) {
  let way = pushState;
  if (answering && url != null && new URL(url, location.href).pathname === location.pathname) {
    if (answering.stepped) way = history.replaceState;
    answering.stepped = true;
    answering = null;
  }
  return way.call(history, state, title, url);
};

class LiveText {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "live";
    this.head = document.createElement("div");
    this.head.className = "head";
    this.label = document.createElement("label");
    this.label.htmlFor = "box";
    this.area = document.createElement("textarea");
    this.area.id = "box";
    this.area.setAttribute("autocomplete", "off");
    this.area.setAttribute("spellcheck", "false"); // red waves under code and other languages
    this.head.append(this.label);
    this.root.append(this.head, this.area);
    this.buildHelp();
    this.listen();
    parent.append(this.root);
  }

  buildHelp() {
    this.helper = document.createElement("button");
    this.helper.type = "button";
    this.helper.className = "helper";
    this.helper.textContent = "?";
    this.help = document.createElement("div");
    this.help.id = "help";
    this.help.className = "help";
    this.help.setAttribute("role", "tooltip");
    this.helper.setAttribute("aria-describedby", "help");
    this.head.append(this.helper, this.help);
  }

  listen() {
    const on = (name, handler) => this.area.addEventListener(name, handler);
    on("input", () => this.typed());
    // A word that is being composed (Japanese, accents on a phone) is left alone until it stands.
    on("compositionstart", () => {
      this.composing = true;
      clearTimeout(this.timer);
    });
    on("compositionend", () => {
      this.composing = false;
      this.typed();
      this.reconcile();
    });
    on("focus", () => { this.stepped = false; });
    on("blur", (event) => {
      // On the way to another page two runs would be asked for at once, and Streamlit may lose the page among them.
      // The box over there sends what it finds here; the pause goes on, in case the person stays after all.
      if (!event.relatedTarget?.closest?.("a[href]")) this.send();
      setTimeout(() => { if (answering === this && !this.focused()) answering = null; }, 1000);
    });
    on("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.send();
    });
    // Streamlit's shortcuts (r, c) spare its own inputs; from inside a component they would fire.
    for (const name of ["keydown", "keyup", "keypress"]) this.root.addEventListener(name, (e) => e.stopPropagation());
  }

  focused() {
    return this.area.getRootNode().activeElement === this.area;
  }

  typed() {
    this.draft.edit = edits += 1;
    this.draft.newest = true;
    clearTimeout(this.timer);
    if (this.composing) return;
    this.timer = setTimeout(() => this.send(), this.area.textLength > LONG ? PAUSE_LONG_MS : PAUSE_MS);
  }

  send() {
    clearTimeout(this.timer);
    const { draft } = this;
    if (this.composing || this.area.value === draft.sent) return;
    draft.held = draft.sent = this.area.value;
    answering = this;
    this.setStateValue("edit", { push: draft.push, edit: draft.edit, text: draft.sent });
  }

  update(data, setStateValue) {
    const first = !this.data;
    Object.assign(this, { data, setStateValue, draft: draftOf(data.name) });
    this.label.textContent = data.label;
    this.helper.setAttribute("aria-label", `Help for ${data.label}`);
    this.area.placeholder = data.placeholder ?? "";
    this.helper.hidden = this.help.hidden = !data.help;
    this.help.textContent = data.help ?? "";
    if (first) {
      this.draft.owner = this;
      this.area.style.height = `${data.height - LABEL_PX}px`;
      this.put(this.draft.held);
      if (this.draft.held !== this.draft.sent) this.typed();
    }
    this.reconcile();
    this.root.dataset.push = data.push; // what tests wait for
  }

  // Take over a push, or stand by what was typed since.
  reconcile() {
    const { data, draft } = this;
    if (draft.push === data.push || this.composing) return;
    draft.push = data.push;
    if (draft.newest && draft.edit > data.seen) {
      draft.sent = null; // what was sent stood on an older push
      this.typed();
      return;
    }
    clearTimeout(this.timer);
    this.put(data.text);
    draft.held = draft.sent = this.area.value; // line ends as the browser keeps them
    draft.edit = Math.min(draft.edit, data.seen);
    draft.newest = true;
  }

  put(text) {
    if (this.area.value === text) return;
    const { selectionStart, selectionEnd } = this.area;
    this.area.value = text;
    if (this.focused()) this.area.setSelectionRange(selectionStart, selectionEnd);
  }

  destroy() {
    clearTimeout(this.timer);
    // Typed, and the page went away before the pause was over: the next page's box finds it here.
    if (this.draft.owner === this) this.draft.held = this.area.value;
    this.root.remove();
  }
}

// Streamlit calls the function below at every run with new data; the box lives as long as its place.
const boxes = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let box = boxes.get(parentElement);
  if (!box) boxes.set(parentElement, (box = new LiveText(parentElement)));
  box.update(data, setStateValue);
  return () => {
    boxes.delete(parentElement);
    box.destroy();
  };
}
