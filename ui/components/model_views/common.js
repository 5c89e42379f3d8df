// What the views of the model's inside share: SVG shapes, colours as a file needs them, and the two buttons that save.
// Joined in front of lens.js or attention.js by ui/model_views/__init__.py, and of stages.js by ui/stage_view. Every text goes through `textContent`.

const SVG = "http://www.w3.org/2000/svg";
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
const PRESENTATION = ["fill", "stroke", "stroke-width", "stroke-opacity", "opacity", "font-size", "font-weight",
  "font-family", "text-anchor"];

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, typeof value === "number" ? String(Math.round(value * 100) / 100) : value);
  }
  if (text !== undefined) node.textContent = text.replace(NOT_XML, "\ufffd");
  return node;
}

function shortened(text, room) {
  const letters = Array.from(text);
  return letters.length <= room ? text : `${letters.slice(0, Math.max(1, room - 1)).join("")}\u2026`;
}

// Any CSS colour as `rgb()`, which every program reads; the browser's own painter translates.
const painter = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const painted = new Map();
function plainColour(css) {
  if (css === "none" || !css) return "none";
  if (!painted.has(css)) {
    painter.clearRect(0, 0, 1, 1);
    painter.fillStyle = css;
    painter.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = painter.getImageData(0, 0, 1, 1).data;
    painted.set(css, alpha === 255 ? `rgb(${red},${green},${blue})` : `rgba(${red},${green},${blue},${alpha / 255})`);
  }
  return painted.get(css);
}

// A copy of a drawing that needs no style sheet.
function frozen(node) {
  const copy = node.cloneNode(true);
  const [from, to] = [[node, ...node.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((original, i) => {
    if (!(original instanceof SVGElement) || original.tagName === "title") return;
    const style = getComputedStyle(original);
    for (const name of PRESENTATION) {
      const value = style.getPropertyValue(name);
      if (value) to[i].setAttribute(name, name === "fill" || name === "stroke" ? plainColour(value) : value);
    }
    for (const name of ["class", "style", "tabindex", "id"]) to[i].removeAttribute(name);
  });
  return copy;
}

function save(blob, name) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// One picture of several drawings, each at its own place.
function picture(root, drawings) {
  const margin = 12;
  const width = Math.max(...drawings.map(({ x, svg }) => x + Number(svg.getAttribute("width")))) + 2 * margin;
  const height = Math.max(...drawings.map(({ y, svg }) => y + Number(svg.getAttribute("height")))) + 2 * margin;
  const whole = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  const ground = getComputedStyle(root).getPropertyValue("--st-background-color").trim() || "#fff";
  whole.append(shape("rect", { width, height, fill: plainColour(ground) }));
  for (const { x, y, svg } of drawings) {
    const copy = frozen(svg);
    copy.setAttribute("x", x + margin);
    copy.setAttribute("y", y + margin);
    whole.append(copy);
  }
  return whole;
}

async function savePng(svg, name) {
  const text = new XMLSerializer().serializeToString(svg);
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = new OffscreenCanvas(image.width * 2, image.height * 2);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  save(await canvas.convertToBlob({ type: "image/png" }), name);
}

function savers(root, name, drawings) {
  const bar = make("div", "savers");
  const svg = make("button", "", "Save as SVG");
  const png = make("button", "", "Save as PNG");
  svg.type = png.type = "button";
  svg.addEventListener("click", () => {
    const text = new XMLSerializer().serializeToString(picture(root, drawings()));
    save(new Blob([text], { type: "image/svg+xml" }), `${name}.svg`);
  });
  png.addEventListener("click", () => savePng(picture(root, drawings()), `${name}.png`));
  bar.append(svg, png);
  return bar;
}

// Streamlit calls a component's function at every run; the view lives as long as its place.
function mounted(View) {
  const views = new WeakMap();
  return (component) => {
    const { data, parentElement, setTriggerValue } = component;
    let view = views.get(parentElement);
    if (!view) views.set(parentElement, (view = new View(parentElement)));
    view.pick = (value) => setTriggerValue("picked", value);
    view.update(data);
    return () => {
      views.delete(parentElement);
      view.destroy();
    };
  };
}
