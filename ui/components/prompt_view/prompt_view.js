// A prompt and the template that wrote it. Text goes in by textContent alone.

const SIGNS = { "\n": "⏎", "\t": "⇥", "\r": "␍" };

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

class PromptView {
  constructor(parent) {
    this.root = make("div", "prompt-view");
    this.version = null;
    this.lit = [];
    for (const name of ["pointerover", "focusin"]) this.root.addEventListener(name, (event) => this.meet(event));
    this.root.addEventListener("keydown", (event) => this.key(event));
    parent.append(this.root);
  }

  destroy() {
    this.root.remove();
  }

  update(data) {
    if (data.version === this.version) return; // the same content: what is lit, focused and scrolled stays
    this.version = data.version;
    this.lit = [];
    this.pieces = data.pieces;
    this.root.classList.toggle("with-source", data.lines !== null);
    this.root.style.setProperty("--digits", data.digits);
    this.text = this.drawText(data);
    const panes = make("div", "panes");
    panes.append(this.text);
    this.source = data.lines && this.drawSource(data);
    if (this.source) panes.append(this.source);
    this.status = make("div", "status");
    this.status.setAttribute("role", "status");
    this.root.replaceChildren(...(this.source ? [this.status, panes] : [panes]));
    if (data.first !== null && this.source) this.lightPiece(data.first, true);
    this.root.dataset.version = data.version; // what tests wait for
  }

  drawText(data) {
    const pane = make("div", "text");
    pane.setAttribute("role", "group");
    pane.setAttribute("aria-label", "The prompt. Arrow keys go from piece to piece.");
    if (data.height) pane.style.maxHeight = `${data.height}px`;
    this.nodes = data.pieces.map((piece, i) => {
      const node = make("span", "p");
      node.place = i;
      if (piece.role) node.classList.add(piece.role);
      if (piece.special) node.classList.add("special");
      if (piece.part === "generation_prompt") node.classList.add("asks");
      if (piece.part === "template_text") node.classList.add("added");
      // White space alone would be invisible; a line end is drawn as a sign before it.
      for (const bit of piece.text.split(/(\r|\n|\t)/)) {
        if (SIGNS[bit]) node.append(make("span", "sign", SIGNS[bit]));
        if (bit) node.append(bit);
      }
      return node;
    });
    if (data.lines && this.nodes.length) this.nodes[data.first ?? 0].tabIndex = 0;
    pane.append(...this.nodes);
    if (!this.nodes.length) pane.append(make("span", "nothing", "nothing is written"));
    return pane;
  }

  drawSource(data) {
    const pane = make("div", "source");
    pane.setAttribute("role", "group");
    pane.setAttribute("aria-label", "The template. Arrow keys go from line to line.");
    if (data.height) pane.style.maxHeight = `${data.height}px`;
    const wrote = new Set(data.wrote);
    this.lines = data.lines.map((text, i) => {
      const row = make("div", wrote.has(i + 1) ? "line wrote" : "line");
      row.number = i + 1;
      row.append(make("span", "number", String(i + 1)), make("code", "", text || " "));
      return row;
    });
    if (this.lines.length) this.lines[0].tabIndex = 0;
    pane.append(...this.lines);
    return pane;
  }

  find(target) {
    if (!(target instanceof Element)) return null;
    return target.closest(".p") ?? target.closest(".line");
  }

  meet(event) {
    if (!this.source) return;
    const node = this.find(event.target);
    if (!node) return;
    if (event.type === "pointerover") {
      // What scrolls under a resting pointer is nobody's wish.
      if (event.clientX === this.pointerX && event.clientY === this.pointerY) return;
      [this.pointerX, this.pointerY] = [event.clientX, event.clientY];
    }
    if (node.place !== undefined) this.lightPiece(node.place, true);
    else this.lightLine(node.number, true);
  }

  dark() {
    for (const [node, name] of this.lit) node.classList.remove(name);
    this.lit = [];
  }

  light(node, name) {
    node.classList.add(name);
    this.lit.push([node, name]);
  }

  lightPiece(place, reveal) {
    this.dark();
    const piece = this.pieces[place];
    this.nodes.forEach((node, i) => {
      if (piece.message !== null && this.pieces[i].message === piece.message) this.light(node, "message");
    });
    this.light(this.nodes[place], "here");
    if (piece.caller) this.light(this.lines[piece.caller - 1], "caller");
    const row = piece.line ? this.lines[piece.line - 1] : null;
    if (row) {
      this.light(row, "here");
      if (reveal) this.reveal(this.source, row);
    }
    this.say(piece);
  }

  lightLine(number, reveal) {
    this.dark();
    this.light(this.lines[number - 1], "here");
    const written = this.nodes.filter((_, i) => this.pieces[i].line === number || this.pieces[i].caller === number);
    for (const node of written) this.light(node, "here");
    if (reveal && written.length) this.reveal(this.text, written[0]);
    const characters = written.reduce((sum, node) => sum + [...this.pieces[node.place].text].length, 0);
    this.status.textContent = written.length
      ? `Template line ${number} wrote ${characters} characters in ${written.length} places.`
      : `Template line ${number} wrote nothing here.`;
  }

  say(piece) {
    const message = piece.message === null ? "no message: the template’s own" : `message ${piece.message + 1}`;
    const caller = piece.caller ? `, called from line ${piece.caller}` : "";
    const line = piece.line ? `template line ${piece.line}${caller}` : "no line";
    this.status.textContent = `From character ${piece.start}: ${line}, ${message}, ${piece.words}.`;
  }

  // Scrolls inside the pane only: the page itself must not jump under a pointer.
  reveal(pane, node) {
    const [outer, inner] = [pane.getBoundingClientRect(), node.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      pane.scrollTop += inner.top - outer.top - outer.height / 2 + inner.height / 2;
    }
  }

  key(event) {
    const node = this.find(event.target);
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = node.place !== undefined ? this.nodes : this.lines;
    const at = all.indexOf(node);
    const places = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
    if (!(event.key in places)) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit's own shortcuts are not meant here
    const next = all[Math.max(0, Math.min(all.length - 1, places[event.key]))];
    node.removeAttribute("tabindex");
    next.tabIndex = 0;
    next.focus({ preventScroll: true });
    this.reveal(node.place !== undefined ? this.text : this.source, next);
  }
}

// Streamlit calls the function below at every run with new data; the view lives as long as its place.
const views = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new PromptView(parentElement)));
  view.update(data);
  return () => {
    views.delete(parentElement);
    view.destroy();
  };
}
