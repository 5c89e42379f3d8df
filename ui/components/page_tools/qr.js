// A QR code (ISO/IEC 18004) as a picture.

import { shape } from "../kit/dom.js";

const QUIET = 4; // modules of white around it

/**
 * @param {string[]} code rows, "0" and "1"
 * @param {string} label what it is
 */
export function qrPicture(code, label) {
  const size = code.length + 2 * QUIET;
  const svg = shape("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label });
  let path = "";
  code.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) if (row[x] === "1") path += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
  });
  svg.append(shape("path", { d: path, fill: "#000", "shape-rendering": "crispEdges" }));
  return svg;
}
