// How a view lives in Streamlit's page. Streamlit calls a component's function at every run with new data;
// the view lives as long as its place.

/**
 * What Streamlit gives to a component.
 * @template Data
 * @typedef {object} Component
 * @property {Data} data what Python sent
 * @property {HTMLElement} parentElement
 * @property {(name: string, value: unknown) => void} setStateValue kept until it is set again
 * @property {(name: string, value: unknown) => void} setTriggerValue for one run
 */

/**
 * @template Data
 * @typedef {object} View
 * @property {(data: Data, component: Component<Data>) => void} update
 * @property {() => void} destroy
 */

/**
 * The function that a component exports.
 * @template Data
 * @param {new (parent: HTMLElement) => View<Data>} Class
 */
export function mounted(Class) {
  /** @type {WeakMap<HTMLElement, View<Data>>} */
  const views = new WeakMap();
  return (/** @type {Component<Data>} */ component) => {
    const { data, parentElement } = component;
    const view = views.get(parentElement) ?? new Class(parentElement);
    views.set(parentElement, view);
    view.update(data, component);
    return () => {
      views.delete(parentElement);
      view.destroy();
    };
  };
}

/**
 * The function of a component that keeps nothing: its parts are made anew where the data are others than before.
 * @template Data
 * @param {() => HTMLElement} holder makes the element around the parts
 * @param {(data: Data, root: HTMLElement) => Node[]} parts
 */
export function drawn(holder, parts) {
  /** @implements {View<Data>} */
  class Drawn {
    /** @param {HTMLElement} parent */
    constructor(parent) {
      this.root = holder();
      parent.append(this.root);
      this.json = "";
    }

    /** @param {Data} data */
    update(data) {
      const json = JSON.stringify(data);
      if (json === this.json) return; // the same content: scroll and focus stay
      this.json = json;
      this.root.replaceChildren(...parts(data, this.root));
    }

    destroy() {
      this.root.remove();
    }
  }
  return mounted(Drawn);
}
