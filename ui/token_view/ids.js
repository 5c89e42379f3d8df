// The ids of a row as a list: below its tokens, or in place of them.
// One of the scripts that ui/token_view/__init__.py joins into a single module, in the order named there.

class IdPainter {
  constructor(row, { colourBy, show }) {
    this.row = row;
    this.alone = show === "ids";
    this.colour = colouring(row, colourBy);
    this.flow = make("div", this.alone ? "flow ids" : "ids below");
    this.next = 0;
  }

  // Draws up to about `count` more ids; returns whether the list is complete.
  paint(count) {
    const { row } = this;
    const until = Math.min(row.length, this.next + count);
    for (; this.next < until; this.next++) {
      const i = this.next;
      if (i % BLOCK === 0) this.flow.append((this.block = make("div", "block")));
      const kind = `${this.alone ? "t" : "n"} number${row.special(i) ? " control" : ""}`;
      const node = make("span", `${kind} ${this.colour(i)}`, String(row.id(i)));
      shade(node, row, i);
      node.place = i;
      (this.alone ? row.elements : row.numbers)[i] = node;
      this.block.append(node, " ");
    }
    return this.next >= row.length;
  }
}
