// What a tooltip and a screen reader say about a token.
// One of the scripts that ui/token_view/__init__.py joins into a single module, in the order named there.

function describe(row, i) {
  const [start, end] = [row.starts[i], row.ends[i]];
  const hex = row.hex(i);
  const facts = [["id", String(row.id(i))], ["piece", row.piece(i)]];
  const bytes = hex.length > 48 ? `${hex.slice(0, 48).join(" ")} \u2026` : hex.join(" ");
  facts.push(["bytes", hex.length > 4 ? `${bytes} (${hex.length})` : bytes]);
  facts.push(["characters", start === end ? (hex.length ? "none: the tokenizer added it" : "none: no token has this id") : `${start}\u2013${end}`]);
  if (row.partial(i)) facts.push(["holds", `part of ${start === end ? "a character" : wholeOf(row, i)}`]);
  facts.push(["special", row.special(i) ? "yes" : row.added(i) ? "no, but always read as one token" : "no"]);
  if (row.classes && row.classes[i]) facts.push(["role", ROLES[row.classes[i]]]);
  if (row.notes && row.notes[i]) facts.push(["", row.notes[i]]);
  facts.push(["place", `${(i + 1).toLocaleString("en")} of ${row.count.toLocaleString("en")}`]);
  return facts;
}

function wholeOf(row, i) {
  const parts = row.covering(row.starts[i], row.ends[i]);
  const from = parts[0] ?? i;
  const to = Math.min(parts.at(-1) ?? i, from + GROUP - 1);
  const bytes = [];
  for (let k = from; k <= to; k++) bytes.push(row.hex(k).join(" "));
  const text = row.text(i).replaceAll("\ufffd", "").trim();
  return parts.length > 1 && text ? `${text}  =  ${bytes.join(" | ")}` : "a character";
}

class Tooltip {
  constructor(host) {
    this.node = make("div", "tooltip");
    this.node.setAttribute("role", "tooltip");
    // In the top layer where the browser has one: no scrolling ancestor can cut it off.
    this.layered = typeof this.node.showPopover === "function";
    if (this.layered) this.node.popover = "manual";
    this.node.hidden = true;
    host.append(this.node);
  }

  show(row, i, anchor) {
    const headline = make("div", "headline");
    const shown = make("bdi");
    if (row.partial(i)) shown.textContent = row.hex(i).join(" ");
    else if (row.special(i) || row.empty(i)) shown.textContent = row.piece(i);
    else drawText(shown, row.text(i).replaceAll("\n", "\u23ce"), true);
    headline.append(shown);
    const list = make("dl");
    for (const [term, value] of describe(row, i)) {
      const detail = make("dd", term === "" ? "note" : "");
      detail.append(make("bdi", "", value));
      list.append(make("dt", "", term), detail);
    }
    this.node.replaceChildren(headline, list);
    this.node.hidden = false;
    if (this.layered && !this.node.matches(":popover-open")) this.node.showPopover();
    this.anchor = anchor;
    this.move();
  }

  // Beside the last line box of its token.
  move() {
    const { anchor } = this;
    const rects = anchor.getClientRects();
    const box = rects[rects.length - 1] ?? anchor.getBoundingClientRect();
    const own = this.node.getBoundingClientRect();
    const left = Math.max(8, Math.min(box.left, innerWidth - own.width - 8));
    const below = box.bottom + 8;
    const top = below + own.height > innerHeight - 8 && box.top - own.height - 8 > 0 ? box.top - own.height - 8 : below;
    this.node.style.left = `${left}px`;
    this.node.style.top = `${top}px`;
  }

  follow() {
    if (!this.node.hidden) this.move();
  }

  hide() {
    if (this.node.hidden) return;
    if (this.layered && this.node.matches(":popover-open")) this.node.hidePopover();
    this.node.hidden = true;
  }
}
