// The way into a class: the box for a code, the sheet on the wall, and a button that copies what nobody else shall read.

import { copied } from "../kit/clipboard.js";
import { make } from "../kit/dom.js";
import { mounted } from "../kit/mount.js";
import { qrPicture } from "../page_tools/qr.js";

/** @import { Component } from "../kit/mount.js" */

/** @typedef {{ kind: "enter", code: string, length: number }} Enter */
/** @typedef {{ kind: "sheet", code: string, link: string, rows: string[] }} Sheet */
/** @typedef {{ kind: "copy", label: string, text: string }} Copy */
/** @typedef {Enter | Sheet | Copy} Data see __init__.py */

const SHOWN_MS = 2000;

/** @param {string} label @param {string} text */
function copyButton(label, text) {
  const button = make("button", "copy", label);
  button.type = "button";
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text, button)) ? "Copied" : "This browser copies nothing";
    setTimeout(() => { button.textContent = label; }, SHOWN_MS);
  });
  return button;
}

/** @param {Enter} data @param {(code: string) => void} send */
function codeForm(data, send) {
  const form = make("form", "enter");
  const label = make("label", "", "Code of the class");
  const box = make("input");
  Object.assign(box, { value: data.code, maxLength: data.length + 2, autocomplete: "off", spellcheck: false, size: data.length + 1, name: "code" });
  box.setAttribute("autocapitalize", "characters");
  const join = make("button", "join", "Join");
  label.append(box);
  form.append(label, join);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) send(box.value);
  });
  return form;
}

/** @param {Sheet} data */
function wallSheet({ code, link, rows }) {
  const sheet = make("div", "sheet");
  const words = make("div", "words");
  const letters = make("p", "code", code);
  letters.setAttribute("aria-label", `Code ${[...code].join(" ")}`);
  words.append(make("p", "say", "Open this link, or enter the code on the page \u201cA class\u201d:"));
  words.append(make("p", "link", link.replace(/^https?:\/\//, "")), letters, copyButton("Copy the link", link));
  sheet.append(qrPicture(rows, "QR code of the link to this class"), words);
  return sheet;
}

class Door {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = make("div", "door");
    parent.append(this.root);
    this.json = "";
    this.send = (/** @type {string} */ _code) => {};
  }

  /** @param {Data} data @param {Component<Data>} component */
  update(data, component) {
    this.send = (/** @type {string} */ code) => component.setTriggerValue("code", code);
    const json = JSON.stringify(data);
    if (json === this.json) return; // what is being typed stays
    this.json = json;
    this.root.replaceChildren(this.parts(data));
  }

  /** @param {Data} data */
  parts(data) {
    if (data.kind === "enter") return codeForm(data, (code) => this.send(code));
    return data.kind === "sheet" ? wallSheet(data) : copyButton(data.label, data.text);
  }

  destroy() {
    this.root.remove();
  }
}

export default mounted(Door);
