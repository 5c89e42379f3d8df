// Rows of tokens as elements. Text reaches the page through `textContent` and text nodes alone.
// One of the scripts that ui/token_view/__init__.py joins into a single module, in the order named there.
//
// Layout, and why:
// - A token is an inline-block, so that a line breaks between tokens and never inside one, and so that a
//   token of white space keeps its width at the end of a line. `<wbr>` marks where a line may break.
// - A paragraph with right-to-left letters is laid out as plain inline text instead: browsers join Arabic
//   letters across inline elements that have no padding, border or margin, and the bidirectional algorithm
//   then orders the tokens as it orders the text. As isolated boxes the letters would stand apart, and
//   English words within Arabic would come out in reverse. Each paragraph takes its own direction
//   (`unicode-bidi: plaintext`), as in a plain-text editor.
// - Tokens that share a character, the parts of an emoji, are drawn as one group: the characters once,
//   under them the parts as bytes in hex. The parts are the tokens that take hover and focus.
// - Blocks of about 500 tokens are drawn one by one, when they come near the screen (blocks.js). A block ends
//   where a line of the text ends; only a line of more than 2,000 tokens is cut, and its next token wraps early.

const BLOCK = 500; // tokens
const LONGEST_BLOCK = 2000;
const GROUP = 8; // parts drawn under one run of characters; longer runs continue in the next group

const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
// Never drawn as they are: controls, line separators, and what would reorder or hide the text around it.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;
const IGNORABLE = /^\p{Default_Ignorable_Code_Point}+$/u; // a lone joiner or variation selector
const MARK = /^\p{M}/u;
const SPACE = /^[\n\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/;
const RUNS = /\n|\t+| +|\u00a0+|[\u1680\u2000-\u200a\u202f\u205f\u3000]+|[^\n\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+/g;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const codePoint = (char) => `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

function symbolFor(char) {
  const code = char.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "\u2421" : codePoint(char);
}

function drawSpace(node, run, marked) {
  const sign = { "\n": "\u23ce", "\t": "\u2192", " ": "\u00b7", "\u00a0": "\u237d" }[run[0]] ?? "\u2423";
  if (run[0] === "\n") {
    if (marked) node.append(make("i", "mark", sign));
    node.append("\n");
  } else if (!marked) {
    node.append(run);
  } else if (run[0] === "\t") {
    // The sign of a tab has a width of its own: a tab stop counted inside a token would mislead.
    node.append(make("i", "mark", sign.repeat(run.length)));
  } else {
    // The real spaces stay in the page, the sign lies over them: what a person copies is the text.
    const space = make("i", "space", run);
    space.dataset.sign = sign.repeat(run.length);
    node.append(space);
  }
}

function drawText(node, text, whitespace) {
  // A mark without its letter sits on a dotted circle; in one text node, or it would not join the circle.
  if (text.charCodeAt(0) >= 0x300 && MARK.test(text)) text = `\u25cc${text}`;
  if (IGNORABLE.test(text)) {
    node.append(...Array.from(text, (char) => make("i", "symbol", codePoint(char))));
    return;
  }
  const marked = whitespace || /^[\r\n]+$/.test(text);
  for (const [run] of text.matchAll(RUNS)) {
    if (SPACE.test(run)) {
      drawSpace(node, run, marked);
      continue;
    }
    let plain = "";
    for (const char of run) {
      if (!UNSEEN.test(char)) {
        plain += char;
        continue;
      }
      node.append(plain, make("i", "symbol", symbolFor(char)));
      plain = "";
    }
    node.append(plain);
  }
}

// Where the blocks of a row begin, and where the last one ends.
function blockStarts(row) {
  const starts = [0];
  for (let i = 0, inBlock = 0; i < row.length;) {
    const next = row.runEnd(i);
    inBlock += next - i;
    if (inBlock >= LONGEST_BLOCK || (inBlock >= BLOCK * 0.5 && row.endsLine(next - 1))) {
      starts.push(next);
      inBlock = 0;
    }
    i = next;
  }
  if (starts.at(-1) !== row.length) starts.push(row.length);
  return starts;
}

class RowPainter {
  constructor(row, { whitespace, colourBy }) {
    this.row = row;
    this.drawn = row.elements;
    this.whitespace = whitespace;
    this.colour = colouring(row, colourBy);
    this.flow = make("div", "flow");
    this.starts = blockStarts(row);
  }

  // Pixels that tokens would take on one endless line, and lines that end among them: both guesses, for blocks
  // that are not drawn yet.
  extent(from, to) {
    const { source, starts, ends } = this.row;
    let [low, high] = [source.unit(starts[from]), source.unit(ends[to - 1])];
    const width = Math.max(0, high - low) * 9 + (to - from) * 4.5;
    let lines = 0;
    while ((low = source.text.indexOf("\n", low) + 1) > 0 && low <= high) lines += 1;
    return [width, lines];
  }

  paint(block, from, to) {
    const { row } = this;
    this.block = block;
    this.unbroken = 0; // letters since the last place where the line may break
    this.mayBreak = false;
    this.lineEnd = 0;
    for (let i = from; i < to;) {
      const next = row.runEnd(i);
      if (next - i > 1 || row.partial(i)) {
        for (let part = i; part < next; part += GROUP) this.addGroup(part, Math.min(part + GROUP, next), part > i);
      } else {
        this.addToken(i);
      }
      i = next;
    }
  }

  // A place where the line may break: before white space, between letters of scripts without spaces, and
  // anywhere once a run has become long, so that nothing ever scrolls sideways.
  allowBreak(text) {
    const spaced = /^\s/.test(text) || text.charCodeAt(0) >= 0x0e00;
    if (spaced || this.mayBreak || this.unbroken + text.length > 20) {
      this.block.append(document.createElement("wbr"));
      this.unbroken = 0;
    }
    this.unbroken += text.length;
    this.mayBreak = /\s$/.test(text);
  }

  inRtlLine(i) {
    if (!this.row.source.rtl) return false;
    const start = this.row.starts[i];
    if (start >= this.lineEnd) {
      // Offsets are in characters; a window is cheaper than finding the line end in them.
      let end = start;
      let line = "";
      while (end < this.row.textEnd && !line.includes("\n")) {
        line = this.row.slice(start, Math.min((end += 256), this.row.textEnd));
      }
      const cut = line.indexOf("\n");
      if (cut >= 0) line = line.slice(0, cut + 1);
      this.lineEnd = start + Array.from(line).length;
      this.lineIsRtl = RTL.test(line);
    }
    return this.lineIsRtl;
  }

  tokenNode(i, className) {
    const { row } = this;
    const node = make("span", `t ${className} ${this.colour(i)}`);
    shade(node, row, i);
    node.place = i;
    if (i === row.stop) node.tabIndex = 0;
    row.elements[i] = node;
    return node;
  }

  addToken(i) {
    const { row } = this;
    const text = row.text(i);
    const piece = row.piece(i);
    if (row.special(i)) {
      this.block.append(document.createElement("wbr"));
      const node = this.tokenNode(i, "special");
      // Some special tokens swallow the white space after them (Phi-3's): it is drawn behind the pill.
      node.append(piece);
      this.block.append(node);
      const swallowed = text.startsWith(piece) ? text.slice(piece.length) : "";
      if (swallowed) {
        const rest = make("span", "swallowed");
        drawText(rest, swallowed, true);
        this.block.append(rest);
      }
      this.unbroken = 0;
      this.mayBreak = true;
      return;
    }
    if (text === "") {
      // In the ids, not in the text: the space that SentencePiece puts first.
      this.allowBreak(piece);
      const node = this.tokenNode(i, "box added");
      node.textContent = piece;
      this.block.append(node);
      return;
    }
    const rtl = this.inRtlLine(i);
    let className = "box";
    if (rtl || text.includes("\n")) className = "inline";
    else if (text.length > 16) className = "box long";
    if (!rtl) this.allowBreak(text);
    const node = this.tokenNode(i, row.added(i) ? `${className} always` : className);
    if ((this.whitespace && /\s/.test(text)) || UNSEEN.test(text) || text.charCodeAt(0) >= 0x300) {
      drawText(node, text, this.whitespace);
    } else {
      node.textContent = text;
    }
    this.block.append(node);
  }

  addGroup(from, to, continued) {
    const { row } = this;
    const end = row.ends.subarray(from, to).reduce((a, b) => Math.max(a, b), 0);
    let text = row.slice(row.starts[from], end);
    // A stream that stops inside a character decodes to U+FFFD there: the bytes are all there is to show.
    if (row.partial(from) && to - from === 1) text = text.replaceAll("\ufffd", "");
    const group = make("span", "group");
    const shown = make("span", continued ? "whole continued" : "whole");
    drawText(shown, text.replaceAll("\n", "\u23ce"), this.whitespace);
    const parts = make("span", "parts");
    for (let i = from; i < to; i++) {
      const part = this.tokenNode(i, "part");
      part.textContent = row.hex(i).join(" ");
      parts.append(part);
    }
    group.append(shown, parts);
    this.block.append(document.createElement("wbr"), group);
    this.unbroken = 0;
    this.mayBreak = true;
    if (text.endsWith("\n")) this.block.append("\n");
  }
}

function drawHeading(row, mostTokens) {
  const heading = make("div", "heading");
  const title = make("span", "title");
  title.append(make("span", "name", row.name));
  if (row.subtitle) title.append(make("span", "subtitle", row.subtitle));
  heading.append(title, make("span", "facts", row.facts));
  const bar = make("div", "bar");
  bar.style.setProperty("--share", `${mostTokens ? (row.count / mostTokens) * 100 : 0}%`);
  return [heading, bar];
}

function drawScale() {
  const scale = make("div", "legend");
  scale.append(make("span", "scale", "bytes per token"));
  LENGTHS.forEach((low, level) => {
    const next = LENGTHS[level + 1];
    const range = next === undefined ? `${low}+` : next - low > 1 ? `${low}\u2013${next - 1}` : String(low);
    scale.append(make("span", `key l${level}`, range));
  });
  return scale;
}

function drawLegend(rows, colourBy) {
  if (colourBy === "length" && rows.some((row) => !row.classes && !row.fill)) return [drawScale()];
  const used = new Set();
  for (const row of rows) row.classes?.forEach((number) => used.add(ROLES[number]));
  used.delete("none");
  if (used.size === 0) return [];
  const legend = make("div", "legend");
  legend.append(...ROLES.filter((role) => used.has(role)).map((role) => make("span", `key role ${role}`, role)));
  return [legend];
}
