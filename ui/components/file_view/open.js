// A file that a person opens or drops, for Python: it decodes it and says what is wrong.

import { used } from "../kit/dom.js";

const MOST = 16_000_000; // bytes; a text may have two million characters of at most four bytes, or UTF-16

/**
 * Bytes in base64.
 * @param {Uint8Array} bytes
 */
export function base64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

/**
 * @param {File} file
 * @param {(sent: { name: string, data: string }) => void} send
 * @param {(text: string) => void} say
 */
export async function sendFile(file, send, say) {
  if (file.size > MOST) {
    say(`${file.name} has ${file.size.toLocaleString("en")} bytes: open a part of it, of at most ${MOST.toLocaleString("en")}.`);
    return;
  }
  say(`Reading ${file.name} \u2026`);
  send({ name: file.name, data: base64(new Uint8Array(await file.arrayBuffer())) });
}

/**
 * Makes a place take files that are dropped on it.
 * @param {HTMLElement} place
 * @param {(file: File) => void} open
 */
export function takeDrops(place, open) {
  place.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    used(event);
    place.classList.add("dropping");
  });
  place.addEventListener("dragleave", () => place.classList.remove("dropping"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    used(event);
    open(file);
  });
}
