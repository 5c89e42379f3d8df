// Steps of the Back button. A link is written at every pause of somebody who types, and each would become a step.

/** @type {Stay | null} */
let answering = null; // the stay whose text is on its way into the link
const pushState = history.pushState;
history.pushState = function pushOrReplace(state, title, url) {
  let way = pushState;
  if (answering && url != null && new URL(url, location.href).pathname === location.pathname) {
    if (answering.stepped) way = history.replaceState;
    answering.stepped = true;
    answering = null;
  }
  return way.call(history, state, title, url);
};

/** While somebody stays in one field, only the first link is a step, and the next ones replace it. */
export class Stay {
  constructor() {
    this.stepped = false;
  }

  begins() {
    this.stepped = false;
  }

  /** Call this with each text that is sent. */
  sends() {
    answering = this;
  }

  ends() {
    setTimeout(() => {
      if (answering === this) answering = null;
    }, 1000);
  }
}
