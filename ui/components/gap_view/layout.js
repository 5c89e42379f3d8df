// Where the lines between two columns of ranks go.

/** @typedef {{ name: string, share: number, text: string, hover: string }} Item */

/**
 * @typedef {object} Line
 * @property {number} from row in the left column, from 0
 * @property {number} to row in the right column
 * @property {"up" | "down" | "same"} way where it leads
 * @property {string} name
 */

/**
 * One line for each candidate that both columns have.
 * @param {Item[]} left @param {Item[]} right
 * @returns {Line[]}
 */
export function lines(left, right) {
  const rows = new Map(right.map(({ name }, row) => [name, row]));
  return left.flatMap(({ name }, from) => {
    const to = rows.get(name);
    if (to === undefined) return [];
    return [{ from, to, way: to < from ? "up" : to > from ? "down" : "same", name }];
  });
}

/**
 * The path of a line in a box of 100 by one unit a row.
 * @param {Line} line
 */
export function path({ from, to }) {
  const [a, b] = [from + 0.5, to + 0.5];
  return `M0 ${a} C45 ${a} 55 ${b} 100 ${b}`;
}
