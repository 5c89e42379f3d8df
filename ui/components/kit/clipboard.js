// Text into the clipboard, also where a page is not served over HTTPS.

import { make } from "./dom.js";

/**
 * Whether the text is in the clipboard now.
 * @param {string} text
 * @param {Element} near where the page has the keyboard, which it gets back
 */
export async function copied(text, near) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused: the older way below needs no permission.
    }
  }
  const area = make("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  near.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
