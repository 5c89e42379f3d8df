// Above the lines: what the file costs in both tokenizers, how far they agree, and how to move about.

import { make } from "../kit/dom.js";
import { copyButtons } from "./paint.js";

/** @import { File, Form } from "./file.js" */

/**
 * @param {HTMLElement} place
 * @param {File} file
 * @param {(which: number, form: Form) => void} copy
 */
export function drawHead(place, file, copy) {
  const table = make("table");
  const names = make("tr");
  names.append(...["Tokenizer", ...file.header.headings, "Copy all ids"].map((word) => make("th", "", word)));
  table.append(names);
  for (const [which, row] of file.rows.entries()) {
    const line = make("tr");
    const name = make("th", `name of-${which}`);
    name.scope = "row";
    name.append(make("i", "dot"), row.name);
    line.append(name, ...file.header.facts[which].map((value) => make("td", "", value)));
    const buttons = make("td", "buttons");
    buttons.append(...copyButtons(`all ids of ${row.name}`, (form) => copy(which, form)));
    line.append(buttons);
    table.append(line);
  }
  const agreement = make("div", "agreement");
  agreement.append(...file.header.agreement.map((sentence) => make("p", "", sentence)));
  place.replaceChildren(table, agreement);
}

/**
 * The buttons and the switch between the head and the lines.
 * @param {{ step: (by: 1 | -1) => void, only: (on: boolean) => void, open: (file: globalThis.File) => void }} actions
 */
export function drawTools({ step, only, open }) {
  const root = make("div", "tools");
  const button = (/** @type {string} */ text, /** @type {string} */ keys, /** @type {1 | -1} */ by) => {
    const node = make("button", "", text);
    node.type = "button";
    node.title = `Key: ${keys}`;
    node.setAttribute("aria-keyshortcuts", keys.replace(" + ", "+"));
    node.addEventListener("click", () => step(by));
    return node;
  };
  const buttons = [button("\u2191 Previous difference", "Shift + N", -1), button("\u2193 Next difference", "N", 1)];
  const label = make("label");
  const box = make("input");
  box.type = "checkbox";
  box.addEventListener("change", () => only(box.checked));
  label.append(box, "Only lines that differ");
  const count = make("span", "count");
  const picker = make("input");
  picker.type = "file";
  picker.hidden = true;
  picker.addEventListener("change", () => {
    if (picker.files?.[0]) open(picker.files[0]);
    picker.value = ""; // the same file again is a new one
  });
  const opener = make("button", "", "Open a file \u2026");
  opener.type = "button";
  opener.title = "Or drop it on the lines. Its text becomes the text of all pages.";
  opener.addEventListener("click", () => picker.click());
  root.append(...buttons, label, count, opener, picker);
  return {
    root,
    /** @param {{ only: boolean, differing: number, lines: number }} state */
    show({ only: on, differing, lines }) {
      box.checked = on;
      for (const node of buttons) node.disabled = differing === 0;
      const written = (/** @type {number} */ n) => n.toLocaleString("en");
      count.textContent = `${written(differing)} of ${written(lines)} ${lines === 1 ? "line differs" : "lines differ"}`;
    },
  };
}
