// The logit lens: a grid of layers and positions, the most probable token in each cell.

const [ROW, LABELS, HEAD, MIN_CELL, MAX_CELL] = [23, 74, 46, 62, 132];
const LETTER = 7.3; // pixels of a letter in a cell

class LensView {
  constructor(parent) {
    this.root = make("div", "lens");
    this.labels = make("div", "labels");
    this.scroller = make("div", "scroller");
    const body = make("div", "body");
    body.append(this.labels, this.scroller);
    this.root.append(make("div", "legend"), body);
    this.root.append(savers(this.root, "layers", () => [
      { x: 0, y: 0, svg: this.labels.firstChild },
      { x: LABELS, y: 0, svg: this.scroller.firstChild },
    ]));
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
    if (json === this.json) return; // the same content: scroll and focus stay
    const moved = this.data && this.data.first === data.first && this.data.rows.length === data.rows.length;
    const left = this.scroller.scrollLeft;
    [this.json, this.data] = [json, data];
    this.draw();
    if (moved) this.scroller.scrollLeft = left;
  }

  draw() {
    const { data } = this;
    this.drawnFor = this.scroller.clientWidth;
    const n = data.reads.length;
    this.cell = Math.max(MIN_CELL, Math.min(MAX_CELL, (this.drawnFor - 2) / n));
    this.legend();
    const height = HEAD + data.rows.length * ROW + 28;
    const labels = shape("svg", { width: LABELS, height, "aria-hidden": "true" });
    const grid = shape("svg", { width: n * this.cell + 2, height, tabindex: 0, role: "application" });
    labels.append(this.word(LABELS - 8, 14, "reads", "quiet end"), this.word(LABELS - 8, HEAD - 10, "layer", "quiet end"));
    labels.append(this.word(LABELS - 8, height - 9, "then comes", "quiet end"));
    this.nodes = data.rows.map((row, r) => {
      const y = HEAD + r * ROW;
      labels.append(this.word(LABELS - 8, y + 15, row.label, "end"));
      return row.cells.map((cell, c) => this.drawCell(grid, cell, c, y, r));
    });
    const room = Math.floor((this.cell - 6) / LETTER);
    data.reads.forEach((token, c) => {
      const head = this.word((c + 0.5) * this.cell, 14, shortened(token, room), "middle token");
      head.append(shape("title", {}, `position ${data.first + c + 1}: ${token}`));
      grid.append(head, this.word((c + 0.5) * this.cell, HEAD - 14, String(data.first + c + 1), "middle quiet small"));
      grid.append(this.word((c + 0.5) * this.cell, height - 9, shortened(data.follows[c], room), "middle token quiet"));
    });
    grid.addEventListener("click", (event) => {
      const place = event.target.closest?.("[data-c]");
      if (place) this.choose(Number(place.dataset.r), Number(place.dataset.c));
    });
    grid.addEventListener("keydown", (event) => this.key(event));
    this.labels.replaceChildren(labels);
    this.scroller.replaceChildren(grid);
    this.mark(...data.picked);
    const selected = data.picked[1] * this.cell;
    if (selected + this.cell > this.scroller.clientWidth) this.scroller.scrollLeft = selected - this.cell;
  }

  drawCell(grid, [text, share, title, agrees], c, y, r) {
    const group = shape("g", { "data-r": r, "data-c": c, class: agrees ? "cell agrees" : "cell" });
    const box = shape("rect", { x: c * this.cell + 1, y: y + 1, width: this.cell - 2, height: ROW - 2, rx: 3 });
    if (share === null) box.classList.add("unknown");
    else box.style.setProperty("--share", `${share * 100}%`);
    const room = Math.floor((this.cell - 6) / LETTER);
    group.append(box, this.word((c + 0.5) * this.cell, y + 15.5, shortened(text, room), "middle token"));
    group.append(shape("title", {}, title));
    grid.append(group);
    return group;
  }

  word(x, y, text, className) {
    return shape("text", { x, y, class: className }, text);
  }

  legend() {
    const { legend } = this.data;
    const bar = this.root.firstChild;
    const scale = make("span", "scale");
    for (let i = 0; i <= 10; i++) {
      const step = make("i");
      step.style.setProperty("--share", `${i * 10}%`);
      scale.append(step);
    }
    bar.replaceChildren(make("span", "", legend.title), make("span", "quiet", legend.low), scale,
      make("span", "quiet", legend.high), make("span", "bold", "bold"), make("span", "quiet", legend.bold));
  }

  mark(r, c) {
    this.at = [r, c];
    this.marked?.classList.remove("picked");
    this.marked = this.nodes[r]?.[c];
    this.marked?.classList.add("picked");
    const row = this.data.rows[r];
    const grid = this.scroller.firstChild;
    if (row) grid.setAttribute("aria-label", `Layer ${row.label}, position ${this.data.first + c + 1}: ${row.cells[c][2]}. `
      + "Arrow keys go from cell to cell, Enter opens its top ten.");
  }

  choose(r, c) {
    this.mark(r, c);
    this.pick({ layer: this.data.rows[r].layer, position: this.data.first + c });
  }

  key(event) {
    const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
    const [r, c] = this.at;
    if (event.key === "Enter" || event.key === " ") this.choose(r, c);
    else if (moves[event.key]) {
      const [dr, dc] = moves[event.key];
      const column = Math.max(0, Math.min(this.data.reads.length - 1, c + dc));
      this.mark(Math.max(0, Math.min(this.data.rows.length - 1, r + dr)), column);
    } else return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit's own shortcuts are not meant here
  }
}

export default mounted(LensView);
