// Attention: every head of a layer small, grouped by the key-value head that it reads, and one head large.

const [SMALL, LABEL, MATRIX_HEAD] = [64, 92, 84];
const FAINT = 0.02; // weights below this share are not drawn as arcs

const SINK = -1; // stands before the first token, as a key that no token is

function sharesOf(packed) {
  const raw = atob(packed);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Uint16Array(bytes.buffer);
}

class AttentionView {
  constructor(parent) {
    this.root = make("div", "attention");
    this.heads = make("div", "heads");
    this.title = make("div", "title");
    this.scroller = make("div", "scroller");
    this.root.append(this.heads, this.title, this.scroller);
    this.root.append(savers(this.root, "attention", () => [{ x: 0, y: 0, svg: this.scroller.firstChild }]));
    parent.append(this.root);
    this.observer = new ResizeObserver(() => {
      if (this.data && this.scroller.clientWidth !== this.drawnFor) this.draw();
    });
    this.observer.observe(this.scroller);
  }

  destroy() {
    this.observer.disconnect();
    this.root.remove();
  }

  update(data) {
    const json = JSON.stringify(data);
    if (json === this.json) return;
    [this.json, this.data] = [json, data];
    this.weights = sharesOf(data.weights);
    this.sink = data.sink === null ? null : sharesOf(data.sink);
    this.n = data.tokens.length;
    [this.head, this.token] = [data.head, data.token];
    this.drawHeads();
    this.draw();
  }

  weight(head, query, key) {
    if (key === SINK) return this.sink[head * this.n + query] / 65535;
    return this.weights[(head * this.n + query) * this.n + key] / 65535;
  }

  // Where the first token is left out, the darkest of the others sets the scale of a small picture as well.
  drawn(query, key) {
    return key === SINK || (key <= query && !(this.data.skipFirst && this.data.first + key === 0));
  }

  drawHeads() {
    const { data } = this;
    const perGroup = data.nHeads / data.nKvHeads;
    const groups = [];
    this.buttons = [];
    for (let group = 0; group < data.nKvHeads; group++) {
      const box = make("div", perGroup > 1 ? "group" : "group lone");
      if (perGroup > 1) box.append(make("div", "quiet", `key-value head ${group + 1}`));
      const row = make("div", "members");
      for (let head = group * perGroup; head < (group + 1) * perGroup; head++) row.append(this.small(head));
      box.append(row);
      groups.push(box);
    }
    this.heads.replaceChildren(...groups);
    this.markHead();
  }

  small(head) {
    const button = make("button", "head");
    button.type = "button";
    const canvas = make("canvas");
    canvas.width = canvas.height = this.n;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(this.root);
    painter.clearRect(0, 0, 1, 1);
    painter.fillStyle = style.getPropertyValue("--st-primary-color").trim() || "#1f6f8b";
    painter.fillRect(0, 0, 1, 1);
    const [red, green, blue] = painter.getImageData(0, 0, 1, 1).data;
    const image = context.createImageData(this.n, this.n);
    for (let query = 0; query < this.n; query++) {
      for (let key = 0; key <= query; key++) {
        if (!this.drawn(query, key)) continue;
        // The root lifts small weights to where an eye sees them; the numbers are in the large picture.
        image.data.set([red, green, blue, 255 * Math.sqrt(this.weight(head, query, key))], 4 * (query * this.n + key));
      }
    }
    context.putImageData(image, 0, 0);
    button.append(canvas, make("span", "", `head ${head + 1}`));
    button.setAttribute("aria-label", `Head ${head + 1}: show it large`);
    button.addEventListener("click", () => {
      this.head = head;
      this.markHead();
      this.draw();
      this.pick({ head, token: this.data.first + this.token });
    });
    this.buttons[head] = button;
    return button;
  }

  markHead() {
    this.buttons.forEach((button, head) => button.setAttribute("aria-pressed", String(head === this.head)));
  }

  draw() {
    this.drawnFor = this.scroller.clientWidth;
    const { data, head } = this;
    const shared = data.nHeads / data.nKvHeads;
    const group = shared > 1 ? `, one of ${shared} that read key-value head ${Math.floor(head / shared) + 1}` : "";
    this.title.textContent = `Layer ${data.layer}, head ${head + 1}${group}`;
    this.scroller.replaceChildren(data.show === "matrix" ? this.matrix() : this.arcs());
    // On a narrow screen the chosen token comes into view; the page itself does not move.
    const at = this.scroller.querySelector(".chosen")?.getBoundingClientRect();
    const seen = this.scroller.getBoundingClientRect();
    if (at && (at.left < seen.left || at.right > seen.right)) this.scroller.scrollLeft += at.right - seen.right + 60;
  }

  chooseToken(token) {
    this.token = token;
    this.draw();
    this.pick({ head: this.head, token: this.data.first + token });
  }

  wordOf(token, x, y, angle, className) {
    const text = shortened(this.data.tokens[token], 11);
    const turn = angle ? { transform: `rotate(${angle} ${x.toFixed(1)} ${y.toFixed(1)})` } : {};
    const node = shape("text", { x, y, class: `token pick ${className} ${token === this.token ? "chosen" : ""}`, tabindex: 0,
      role: "button", ...turn }, text);
    node.append(shape("title", {}, `${this.data.tokens[token]}, position ${this.data.first + token + 1}`));
    node.addEventListener("click", () => this.chooseToken(token));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.chooseToken(token);
    });
    node.addEventListener("pointerenter", () => this.light(token));
    node.addEventListener("pointerleave", () => this.light(this.token));
    return node;
  }

  light(token) {
    this.scroller.querySelectorAll("[data-query]").forEach((node) => {
      node.classList.toggle("lit", Number(node.dataset.query) === token);
    });
  }

  say(query, key) {
    const share = (this.weight(this.head, query, key) * 100).toFixed(1);
    if (key === SINK) return `${this.data.tokens[query]} gives to the sink, which is no token: ${share} %`;
    return `${this.data.tokens[query]} attends to ${this.data.tokens[key]}: ${share} %`;
  }

  sinkLabel(x, y, angle) {
    const turn = angle ? { transform: `rotate(${angle} ${x.toFixed(1)} ${y.toFixed(1)})` } : {};
    const node = shape("text", { x, y, class: "token sink", ...turn }, "sink");
    node.append(shape("title", {}, "The attention sink: one more logit in the softmax, with no token behind it"));
    return node;
  }

  arcs() {
    const [leftmost, columns] = this.sink ? [SINK, this.n + 1] : [0, this.n];
    const step = Math.max(13, Math.min(72, (this.drawnFor - 60) / columns));
    const width = step * columns + 60;
    const tallest = Math.min(260, Math.max(90, (step * (columns - 1)) / 2));
    const base = tallest + 26;
    const svg = shape("svg", { width, height: base + 96, role: "group", "aria-label": this.title.textContent });
    const x = (i) => step * (i - leftmost + 0.5) + 6;
    for (let query = 0; query < this.n; query++) {
      for (let key = leftmost; key <= query; key++) {
        const weight = this.weight(this.head, query, key);
        if (weight < FAINT || !this.drawn(query, key)) continue;
        const span = x(query) - x(key);
        const rise = 10 + (tallest - 10) * (span / (step * Math.max(1, columns - 1))) ** 0.7;
        const arc = key === query
          ? shape("circle", { cx: x(key), cy: base - 7, r: 5 })
          : shape("path", { d: `M${x(key).toFixed(1)} ${base}C${x(key).toFixed(1)} ${(base - rise * 1.33).toFixed(1)} `
            + `${x(query).toFixed(1)} ${(base - rise * 1.33).toFixed(1)} ${x(query).toFixed(1)} ${base}` });
        arc.setAttribute("class", query === this.token ? "arc lit" : "arc");
        arc.dataset.query = query;
        arc.style.setProperty("--weight", weight.toFixed(4));
        arc.append(shape("title", {}, this.say(query, key)));
        svg.append(arc);
      }
    }
    const angle = step < 18 ? 65 : 50;
    if (this.sink) svg.append(this.sinkLabel(x(SINK) - 3, base + 14, angle));
    for (let i = 0; i < this.n; i++) svg.append(this.wordOf(i, x(i) - 3, base + 14, angle, step < 18 ? "small" : ""));
    // The chosen token's own arcs lie on top.
    svg.append(...svg.querySelectorAll(".arc.lit"));
    return svg;
  }

  matrix() {
    const [leftmost, columns] = this.sink ? [SINK, this.n + 1.5] : [0, this.n];
    const cell = Math.max(11, Math.min(26, (this.drawnFor - LABEL - 12) / columns));
    const size = cell * this.n;
    // The sink's column is the first, half a cell apart from the tokens'.
    const x = (key) => LABEL + (key === SINK ? 0 : key + columns - this.n) * cell;
    const svg = shape("svg", { width: x(this.n) + 60, height: MATRIX_HEAD + size + 8, role: "group",
      "aria-label": this.title.textContent });
    for (let query = 0; query < this.n; query++) {
      const y = MATRIX_HEAD + query * cell;
      svg.append(this.wordOf(query, LABEL - 6, y + cell / 2 + 4, 0, "end"));
      svg.append(this.wordOf(query, x(query) + cell / 2 + 3, MATRIX_HEAD - 6, -50, ""));
      for (let key = leftmost; key <= query; key++) {
        const box = shape("rect", { x: x(key) + 0.5, y: y + 0.5, width: cell - 1, height: cell - 1, rx: 1.5 });
        box.setAttribute("class", query === this.token ? "box lit" : "box");
        box.dataset.query = query;
        const weight = this.drawn(query, key) ? this.weight(this.head, query, key) : 0;
        box.style.setProperty("--share", `${(Math.sqrt(weight) * 100).toFixed(1)}%`);
        box.append(shape("title", {}, this.say(query, key)));
        svg.append(box);
      }
    }
    if (this.sink) svg.append(this.sinkLabel(x(SINK) + cell / 2 + 3, MATRIX_HEAD - 6, -50));
    return svg;
  }
}

export default mounted(AttentionView);
