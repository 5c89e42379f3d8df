// The view as a picture: an SVG made of what the browser has laid out, and a PNG made of that SVG.
// One of the scripts that ui/token_view/__init__.py joins into a single module, in the order named there.
//
// Every node comes from the DOM API and every text goes through `textContent`, so that serializing escapes it.
// `textLength` keeps each token within its box where the picture is opened without the page's fonts.

const SVG = "http://www.w3.org/2000/svg";
const PICTURE_TOKENS = 3000; // of each row: more make a picture that few programs open
const PICTURE_MARGIN = 16;
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, typeof value === "number" ? String(Math.round(value * 100) / 100) : value);
  }
  if (text !== undefined) node.textContent = text.replace(NOT_XML, "\ufffd");
  return node;
}

class Picture {
  constructor(view) {
    this.view = view;
    this.canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    this.colours = new Map();
    this.shapes = [];
    const box = view.scroller.getBoundingClientRect();
    this.left = box.left - PICTURE_MARGIN;
    this.width = box.width + 2 * PICTURE_MARGIN;
    this.height = PICTURE_MARGIN;
  }

  draw() {
    const { root, scroller } = this.view;
    this.view.dark();
    const pieces = this.pieces(scroller);
    for (const { node } of pieces) node.style.contentVisibility = "visible";
    let bottom = null;
    for (const { node, after } of pieces) {
      const box = node.getBoundingClientRect();
      if (bottom !== null) this.height += Math.max(0, Math.min(box.top - bottom, 28));
      this.top = box.top - this.height;
      this.element(node);
      this.height += box.height;
      ({ bottom } = box);
      if (after) this.note(after, box);
    }
    for (const { node } of pieces) node.style.contentVisibility = "";
    this.height += PICTURE_MARGIN;
    const size = { width: this.width, height: this.height };
    const svg = shape("svg", { ...size, viewBox: `0 0 ${this.width} ${this.height}`, role: "img" });
    const ground = this.colour(getComputedStyle(root).getPropertyValue("--st-background-color").trim() || "#fff");
    const names = this.view.rows.map((row) => `${row.name}: ${row.facts}`).join("; ");
    svg.append(shape("title", {}, names), shape("rect", { ...size, ...ground }), ...this.shapes);
    return svg;
  }

  // What is drawn, from top to bottom: headings whole, and as many blocks as the limit allows.
  pieces(scroller) {
    const found = [...scroller.querySelectorAll(":scope > .legend")].map((node) => ({ node }));
    for (const section of scroller.querySelectorAll(":scope > .row")) {
      for (const part of section.children) {
        const blocks = [...part.querySelectorAll(":scope > .block")];
        if (blocks.length === 0) {
          found.push({ node: part });
          continue;
        }
        let tokens = 0;
        for (const node of blocks) {
          this.view.blocks.fill(node);
          found.push({ node });
          tokens += node.querySelectorAll(".t, .n").length;
          if (tokens >= PICTURE_TOKENS) break;
        }
        const last = found.at(-1);
        if (last.node !== blocks.at(-1)) last.after = `\u2026 the picture holds the first ${tokens.toLocaleString("en")}`;
      }
    }
    return found;
  }

  // Any CSS colour as what every SVG program knows.
  colour(css, name = "fill") {
    if (!this.colours.has(css)) {
      this.canvas.clearRect(0, 0, 1, 1);
      this.canvas.fillStyle = css;
      this.canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = this.canvas.getImageData(0, 0, 1, 1).data;
      this.colours.set(css, [`rgb(${r},${g},${b})`, a / 255]);
    }
    const [rgb, alpha] = this.colours.get(css);
    return alpha === 1 ? { [name]: rgb } : { [name]: rgb, [`${name}-opacity`]: alpha };
  }

  element(node) {
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility === "hidden") return;
    for (const box of node.getClientRects()) if (box.width && box.height) this.box(node, style, box);
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) this.text(child, style);
      else if (child.nodeType === Node.ELEMENT_NODE) this.element(child);
    }
  }

  box(node, style, box) {
    const [x, y] = [box.left - this.left, box.top - this.top];
    const place = { x, y, width: box.width, height: box.height };
    const border = parseFloat(style.borderTopWidth) || 0;
    const radius = Math.min(parseFloat(style.borderTopRightRadius) || 0, box.height / 2);
    const ground = this.colour(style.backgroundColor);
    const filled = ground["fill-opacity"] !== 0;
    if (border) {
      const half = border / 2;
      const inner = { x: x + half, y: y + half, width: box.width - border, height: box.height - border, rx: radius };
      const line = { ...this.colour(style.borderTopColor, "stroke"), "stroke-width": border };
      if (style.borderTopStyle === "dashed") line["stroke-dasharray"] = "3 2";
      this.shapes.push(shape("rect", { ...inner, ...(filled ? ground : { fill: "none" }), ...line }));
    } else if (filled) {
      this.shapes.push(shape("rect", { ...place, rx: Math.min(radius, 2), ...ground }));
    }
    const edge = /^(.+) ([\d.]+)px 0px 0px 0px inset$/.exec(style.boxShadow);
    if (edge) this.shapes.push(shape("rect", { ...place, width: Number(edge[2]), ...this.colour(edge[1]) }));
    const under = border ? 0 : parseFloat(style.borderBottomWidth) || 0;
    if (under) {
      const line = { ...place, y: y + box.height - under, height: under };
      this.shapes.push(shape("rect", { ...line, ...this.colour(style.borderBottomColor) }));
    }
    if (node.classList.contains("bar")) {
      const part = getComputedStyle(node, "::before");
      const bar = { ...place, width: parseFloat(part.width) || 0, ...this.colour(part.backgroundColor) };
      this.shapes.push(shape("rect", bar));
    }
    if (node.dataset.sign) this.line(node.dataset.sign, box, style, 0.62);
  }

  // One <text> for each line that a run of text takes.
  text(node, style) {
    if (!node.data.trim()) return;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = range.getClientRects();
    if (boxes.length === 1) {
      this.line(node.data, boxes[0], style);
      return;
    }
    let run = null;
    let at = 0;
    for (const char of node.data) {
      range.setStart(node, at);
      range.setEnd(node, (at += char.length));
      const box = range.getBoundingClientRect();
      if (!box.width) {
        if (run) run.text += char; // a mark on the letter before it
        continue;
      }
      // On one line, but apart: right-to-left text around it drew the space and the word to two places.
      const beside = run && (Math.abs(box.left - run.right) < 1 || Math.abs(box.right - run.left) < 1);
      if (beside && Math.abs(run.top - box.top) < 2) {
        run.text += char;
        run.left = Math.min(run.left, box.left);
        run.right = Math.max(run.right, box.right);
        continue;
      }
      if (run) this.run(run, style);
      run = { text: char, left: box.left, right: box.right, top: box.top, height: box.height };
    }
    if (run) this.run(run, style);
  }

  run({ text, left, right, top, height }, style) {
    if (text.trim()) this.line(text, { left, top, width: right - left, height }, style);
  }

  line(text, box, style, opacity = 1) {
    this.canvas.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = this.canvas.measureText("x");
    const attributes = {
      x: box.left - this.left,
      y: box.top - this.top + (box.height - up - down) / 2 + up,
      "font-family": style.fontFamily.replaceAll('"', "'"),
      "font-size": parseFloat(style.fontSize),
      "font-weight": style.fontWeight,
      textLength: box.width,
      lengthAdjust: "spacingAndGlyphs",
      style: "white-space:pre",
      ...this.colour(style.color),
    };
    if (opacity !== 1) attributes.opacity = opacity;
    this.shapes.push(shape("text", attributes, text));
  }

  note(text, box) {
    this.height += 4;
    this.top = 0;
    const style = getComputedStyle(this.view.root);
    this.canvas.font = `${style.fontSize} ${style.fontFamily}`;
    const { width } = this.canvas.measureText(text);
    this.line(text, { left: box.left, top: this.height, width, height: 24 }, style);
    this.height += 24;
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function toPng(blob, { width, height }) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  // Twice as fine as the screen, as far as a canvas can be that large.
  const scale = Math.min(2, 16_000 / Math.max(width, height), Math.sqrt(1e8 / (width * height)));
  const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return canvas.convertToBlob({ type: "image/png" });
}

function drawExporter(view, name) {
  const bar = make("div", "save");
  bar.append(make("span", "", "Save the picture"));
  for (const kind of ["SVG", "PNG"]) {
    const button = make("button", "", kind);
    button.type = "button";
    button.setAttribute("aria-label", `Save the picture as ${kind}`);
    button.addEventListener("click", async () => {
      const picture = new Picture(view);
      const svg = new XMLSerializer().serializeToString(picture.draw());
      const blob = new Blob([svg], { type: "image/svg+xml" });
      save(kind === "SVG" ? blob : await toPng(blob, picture), `${name}.${kind.toLowerCase()}`);
    });
    bar.append(button);
  }
  return bar;
}
