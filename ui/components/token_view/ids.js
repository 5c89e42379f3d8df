// The ids of a row as a list: below its tokens, or in place of them.
// One of the scripts that ui/token_view/__init__.py joins into a single module, in the order named there.

class IdPainter {
  constructor(row, { colourBy, show }) {
    this.row = row;
    this.alone = show === "ids";
    this.colour = colouring(row, colourBy);
    this.flow = make("div", this.alone ? "flow ids" : "ids below");
    this.drawn = this.alone ? row.elements : row.numbers;
    this.starts = Array.from({ length: Math.ceil(row.length / BLOCK) }, (_, block) => block * BLOCK);
    this.starts.push(row.length);
  }

  extent(from, to) {
    return [(to - from) * (this.alone ? 62 : 48), 0];
  }

  paint(block, from, to) {
    const { row } = this;
    for (let i = from; i < to; i++) {
      const kind = `${this.alone ? "t" : "n"} number${row.special(i) ? " control" : ""}`;
      const node = make("span", `${kind} ${this.colour(i)}`, String(row.id(i)));
      shade(node, row, i);
      node.place = i;
      if (this.alone && i === row.stop) node.tabIndex = 0;
      this.drawn[i] = node;
      block.append(node, " ");
    }
  }
}
