// Drawings as files: SVG that needs no style sheet, and PNG made of that SVG.

import { make, shape } from "./dom.js";
import { colourAttributes, themeColour } from "./plain_colour.js";

const PRESENTATION = ["stroke-width", "opacity", "font-size", "font-weight", "font-family", "text-anchor"];
const MARGIN = 12;

/**
 * A drawing and its place in a picture.
 * @typedef {{ x: number, y: number, svg: SVGSVGElement }} Placed
 */

/** @param {SVGSVGElement} svg @param {"width" | "height"} name */
const side = (svg, name) => Number(svg.getAttribute(name));

/**
 * A copy of a drawing with its styles as attributes.
 * @param {SVGSVGElement} drawing
 */
function frozen(drawing) {
  const copy = /** @type {SVGSVGElement} */ (drawing.cloneNode(true));
  const copies = [copy, ...copy.querySelectorAll("*")];
  for (const [i, original] of [drawing, ...drawing.querySelectorAll("*")].entries()) {
    if (!(original instanceof SVGElement) || original.tagName === "title") continue;
    const style = getComputedStyle(original);
    for (const name of PRESENTATION) {
      const value = style.getPropertyValue(name);
      if (value) copies[i].setAttribute(name, value);
    }
    for (const name of /** @type {const} */ (["fill", "stroke"])) {
      const opacity = `${name}-opacity`;
      const { [opacity]: alpha = 1, ...colour } = colourAttributes(style.getPropertyValue(name), name);
      copies[i].setAttribute(name, String(colour[name]));
      const both = Number(alpha) * Number.parseFloat(style.getPropertyValue(opacity) || "1");
      if (both !== 1) copies[i].setAttribute(opacity, String(both));
    }
    for (const name of ["class", "style", "tabindex", "id"]) copies[i].removeAttribute(name);
  }
  return copy;
}

/**
 * One picture of several drawings, each at its own place, on the page's ground.
 * @param {Element} root
 * @param {Placed[]} drawings
 */
function picture(root, drawings) {
  const width = Math.max(...drawings.map(({ x, svg }) => x + side(svg, "width"))) + 2 * MARGIN;
  const height = Math.max(...drawings.map(({ y, svg }) => y + side(svg, "height"))) + 2 * MARGIN;
  const whole = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  const ground = themeColour(root, "--st-background-color", "#fff");
  whole.append(shape("rect", { width, height, ...colourAttributes(ground) }));
  for (const { x, y, svg } of drawings) {
    const copy = frozen(svg);
    copy.setAttribute("x", String(x + MARGIN));
    copy.setAttribute("y", String(y + MARGIN));
    whole.append(copy);
  }
  return whole;
}

/**
 * @param {Blob} blob
 * @param {string} name of the file
 */
function download(blob, name) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * How much finer than the screen a picture is drawn: twice, as far as a canvas can be that large.
 * @param {number} width
 * @param {number} height
 */
export const pixelScale = (width, height) =>
  Math.min(2, 16_000 / Math.max(width, height), Math.sqrt(1e8 / (width * height)));

/**
 * @param {Blob} svg
 * @param {number} width of the drawing
 * @param {number} height
 */
async function toPng(svg, width, height) {
  const image = new Image();
  image.src = URL.createObjectURL(svg);
  await image.decode();
  const scale = pixelScale(width, height);
  const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * Save what a canvas shows.
 * @param {HTMLCanvasElement} canvas
 * @param {string} name of the file, without its ending
 */
export function saveCanvas(canvas, name) {
  canvas.toBlob((blob) => blob && download(blob, `${name}.png`), "image/png");
}

/**
 * A button that saves what `draw` gives.
 * @param {"SVG" | "PNG"} kind
 * @param {string} label
 * @param {string} name of the file, without its ending
 * @param {() => SVGSVGElement} draw
 */
export function saveButton(kind, label, name, draw) {
  const button = make("button", "", label);
  button.type = "button";
  button.addEventListener("click", async () => {
    const drawing = draw();
    const [width, height] = [side(drawing, "width"), side(drawing, "height")];
    const svg = new Blob([new XMLSerializer().serializeToString(drawing)], { type: "image/svg+xml" });
    download(kind === "SVG" ? svg : await toPng(svg, width, height), `${name}.${kind.toLowerCase()}`);
  });
  return button;
}

/**
 * The two buttons below a view that is made of drawings.
 * @param {Element} root
 * @param {string} name of the file, without its ending
 * @param {() => Placed[]} drawings
 */
export function savers(root, name, drawings) {
  const bar = make("div", "savers");
  const draw = () => picture(root, drawings());
  bar.append(saveButton("SVG", "Save as SVG", name, draw), saveButton("PNG", "Save as PNG", name, draw));
  return bar;
}
