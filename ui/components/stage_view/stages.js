// The stages of sampling: one panel each, the same tokens in all of them. common.js comes first.

const [ROW, HEAD, FOOT, LEAST, MOST, GAP] = [21, 40, 54, 118, 240, 14];
const FATES = ["kept", "here", "earlier"];
const WORDS = { kept: "left", here: "struck out by this stage", earlier: "struck out before" };

function percent(value) {
  if (value === 0) return "0%";
  if (value < 0.0005) return "<0.1%";
  return `${(100 * value).toFixed(1)}%`;
}

class StagesView {
  constructor(parent) {
    this.root = make("div", "stages");
    const key = make("div", "key");
    for (const fate of FATES) {
      const item = make("span", fate);
      item.append(make("i"), WORDS[fate]);
      key.append(item);
    }
    this.place = make("div");
    this.root.append(key, this.place);
    this.root.append(savers(this.root, "sampling", () => [{ x: 0, y: 0, svg: this.place.firstChild }]));
    parent.append(this.root);
    this.observer = new ResizeObserver(() => {
      if (this.data && this.place.clientWidth !== this.drawnFor) this.draw();
    });
    this.observer.observe(this.place);
  }

  destroy() {
    this.observer.disconnect();
    this.root.remove();
  }

  update(data) {
    const json = JSON.stringify(data);
    if (json === this.json) return;
    [this.json, this.data] = [json, data];
    this.draw();
  }

  draw() {
    const { labels, panels } = this.data;
    const width = (this.drawnFor = this.place.clientWidth);
    if (!width) return;
    const longest = Math.max(...labels.map((label) => Array.from(label).length));
    const side = Math.min(Math.max(50, longest * 7.4 + 10), width < 500 ? 92 : 132);
    const fit = Math.max(1, Math.min(panels.length, Math.floor((width - side) / LEAST)));
    const perLine = Math.ceil(panels.length / Math.ceil(panels.length / fit));
    const cell = Math.min(MOST, (width - side) / perLine);
    const height = HEAD + labels.length * ROW + FOOT;
    const lines = Math.ceil(panels.length / perLine);
    this.bands = labels.map(() => []);
    const svg = shape("svg", { width, height: lines * height, role: "img", "aria-label": "The stages of sampling" });
    for (let line = 0; line < lines; line += 1) {
      this.drawLabels(svg, side, width, line * height);
      panels.slice(line * perLine, (line + 1) * perLine).forEach((panel, i) => {
        this.drawPanel(svg, panel, side + i * cell, line * height, cell - GAP);
      });
      labels.forEach((_, r) => this.hit(svg, r, line * height, width));
    }
    this.place.replaceChildren(svg);
  }

  drawLabels(svg, side, width, top) {
    const room = Math.floor((side - 8) / 7.3);
    this.data.labels.forEach((label, r) => {
      const y = top + HEAD + r * ROW;
      const band = shape("rect", { x: 0, y, width, height: ROW, class: "band" });
      this.bands[r].push(band);
      svg.append(band, shape("text", { x: side - 8, y: y + 15, class: "token" }, shortened(label, room)));
    });
  }

  drawPanel(svg, panel, x, top, width) {
    svg.append(shape("text", { x, y: top + 14, class: "title" }, shortened(panel.title, Math.floor(width / 6.6))));
    svg.append(shape("text", { x, y: top + 30, class: "quiet" }, panel.setting));
    const rows = panel.values.length * ROW;
    svg.append(shape("line", { x1: x, x2: x, y1: top + HEAD, y2: top + HEAD + rows, class: "axis" }));
    const known = panel.values.filter((value) => value !== null);
    const [low, high] = panel.logit ? [Math.min(...known), Math.max(...known)] : [0, Math.max(...known, 1e-12)];
    const room = width - 44;
    panel.values.forEach((value, r) => {
      const y = top + HEAD + r * ROW;
      const fate = FATES[panel.fates[r]];
      const length = value === null ? 0 : ((value - low) / (high - low || 1)) * room;
      if (panel.logit) svg.append(shape("rect", { x: x + length, y: y + 4, width: 4, height: 13, class: "kept" }));
      else svg.append(shape("rect", { x, y: y + 4, width: Math.max(length, 1), height: 13, class: `bar ${fate}` }));
      const written = value === null ? "\u2212\u221e" : panel.logit ? value.toFixed(2) : percent(value);
      svg.append(shape("text", { x: x + length + (panel.logit ? 8 : 5), y: y + 15, class: `value ${fate}` }, written));
    });
    const y = top + HEAD + rows + 15;
    const bits = (value) => value.toFixed(2);
    const changed = bits(panel.before) !== bits(panel.after);
    const entropy = changed ? `${bits(panel.before)} \u2192 ${bits(panel.after)} bits` : `${bits(panel.after)} bits`;
    svg.append(shape("text", { x, y, class: "quiet" }, entropy));
    svg.append(shape("text", { x, y: y + 14, class: "quiet" }, `${panel.kept.toLocaleString("en")} token${panel.kept === 1 ? "" : "s"}`));
    if (panel.removed > 0) {
      svg.append(shape("text", { x, y: y + 28, class: "quiet mass" }, `\u2212${percent(panel.removed)} struck out`));
    }
  }

  hit(svg, r, top, width) {
    const hit = shape("rect", { x: 0, y: top + HEAD + r * ROW, width, height: ROW, class: "hit" });
    hit.append(shape("title", {}, this.words(r)));
    hit.addEventListener("pointerenter", () => this.light(r, true));
    hit.addEventListener("pointerleave", () => this.light(r, false));
    svg.append(hit);
  }

  light(r, on) {
    for (const band of this.bands[r]) band.classList.toggle("lit", on);
  }

  words(r) {
    const { labels, panels } = this.data;
    const lines = panels.map((panel) => {
      const value = panel.values[r];
      const written = value === null ? "\u2212\u221e" : panel.logit ? value.toFixed(4) : `${(100 * value).toFixed(4)}%`;
      const fate = FATES[panel.fates[r]];
      return `${panel.title}: ${fate === "earlier" ? WORDS.earlier : written}${fate === "here" ? ", struck out" : ""}`;
    });
    return [labels[r], ...lines].join("\n");
  }
}

export default mounted(StagesView);
