// Any CSS colour, `color-mix()` and `light-dark()` included, as numbers. The browser's own painter translates.

/** @type {OffscreenCanvasRenderingContext2D | null} */
let painter = null;
/** @type {Map<string, [red: number, green: number, blue: number, alpha: number]>} */
const painted = new Map();

/** A canvas of one pixel; text is measured on it as well. */
export function onePixel() {
  painter ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  if (!painter) throw new Error("This browser has no canvas to draw on.");
  return painter;
}

/**
 * Red, green and blue of 0 to 255, alpha of 0 to 1.
 * @param {string} css
 */
export function rgba(css) {
  let found = painted.get(css);
  if (!found) {
    const canvas = onePixel();
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    found = [red, green, blue, alpha / 255];
    painted.set(css, found);
  }
  return found;
}

/**
 * The colour as attributes that every SVG program knows.
 * @param {string} css
 * @param {"fill" | "stroke"} [name]
 * @returns {Record<string, string | number>}
 */
export function colourAttributes(css, name = "fill") {
  if (!css || css === "none") return { [name]: "none" };
  const [red, green, blue, alpha] = rgba(css);
  const rgb = `rgb(${red},${green},${blue})`;
  return alpha === 1 ? { [name]: rgb } : { [name]: rgb, [`${name}-opacity`]: alpha };
}

/**
 * A custom property of the theme that Streamlit shows.
 * @param {Element} node
 * @param {string} name
 * @param {string} otherwise where the property is not set
 */
export function themeColour(node, name, otherwise) {
  return getComputedStyle(node).getPropertyValue(name).trim() || otherwise;
}
