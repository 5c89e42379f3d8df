// Which changes of the link become a step of the Back button: one for each thing that a person does, and no more.
//
// The server writes a new link at every change, and Streamlit makes a step of the history of each: of every pause of a
// slider and of every word typed. Here a press or a key is the cause of the changes that follow it, however many; all
// that a person does at one slider, number or text, one after the other, is one cause. The first change of a cause is a
// step and the next ones replace it. Another page is always a step of its own.

const CONTROLS = "[data-testid=stSlider], [data-testid=stNumberInput], input, textarea"; // what is moved bit by bit

export class Steps {
  constructor() {
    /** @type {unknown} */
    this.cause = null; // of the next change
    /** @type {unknown} */
    this.once = null; // of the next change alone
    /** @type {unknown} */
    this.stepped = null; // of the newest step
  }

  /**
   * A person pressed or typed something.
   * @param {unknown} control what is moved bit by bit there; null where each press is meant by itself
   */
  did(control) {
    this.cause = control ?? {};
  }

  /** The person went back or forward: what comes now belongs to the step that is there. */
  returned() {
    this.once = null;
    this.cause = {};
    this.stepped = this.cause;
  }

  /**
   * How the browser is to take over a link.
   * @param {boolean} turned whether it is another page's
   * @returns {"pushState" | "replaceState"}
   */
  way(turned) {
    const cause = this.once ?? this.cause;
    this.once = null;
    const known = cause === this.stepped;
    this.stepped = cause;
    return known && !turned ? "replaceState" : "pushState";
  }
}

/** @param {Event} event */
function controlOf(event) {
  return event.composedPath().find((node) => node instanceof Element && node.matches(CONTROLS)) ?? null;
}

/** @returns {Steps} */
function installed() {
  const steps = new Steps();
  const { pushState } = history;
  history.pushState = function pushOrReplace(state, title, url) {
    const turned = url != null && new URL(url, location.href).pathname !== location.pathname;
    if (steps.way(turned) === "pushState") return pushState.call(history, state, title, url);
    return history.replaceState(state, title, url);
  };
  for (const name of ["pointerdown", "keydown"]) addEventListener(name, (event) => steps.did(controlOf(event)), true);
  addEventListener("popstate", () => steps.returned());
  return steps;
}

/** The steps of this browser's page: one for all components, each of which has a copy of this module. */
export function theSteps() {
  const shared = /** @type {{ lmloupeSteps?: Steps }} */ (/** @type {unknown} */ (globalThis));
  shared.lmloupeSteps ??= installed();
  return shared.lmloupeSteps;
}
