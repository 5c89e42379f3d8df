// What arrives from Python, unpacked: see ui/token_view/payload.py.
// One of the scripts that ui/token_view/__init__.py joins into a single module, in the order named there.

const SPECIAL = 1;
const PARTIAL = 2;
const ADDED = 4;
const NO_FILL = 255;
const ROLES = ["none", "system", "user", "assistant", "tool", "special"];

const TYPES = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i2: Int16Array, i4: Int32Array };

// One of the arrays; `=` before its type says that a single item stands for all.
function unpackArray(body, from, length, kind) {
  if (kind[0] !== "=") return new TYPES[kind](body.buffer, from, length);
  const Type = TYPES[kind.slice(1)];
  return new Type(length).fill(new Type(body.buffer, from, 1)[0]);
}

class Row {
  constructor(header, body, source) {
    const array = (place) => place && unpackArray(body, ...place);
    Object.assign(this, header);
    this.source = source;
    this.ids = array(header.ids);
    this.tokenBytes = array(header.bytes);
    this.byteEnds = array(header.byteEnds);
    this.slots = array(header.slots);
    this.flags = array(header.flags);
    this.classes = array(header.classes);
    this.fill = array(header.fill);
    this.length = this.slots.length;
    this.starts = new Int32Array(this.length);
    this.ends = new Int32Array(this.length);
    const [gaps, sizes] = [array(header.gaps), array(header.sizes)];
    for (let i = 0, end = 0; i < this.length; i++) {
      this.starts[i] = end + gaps[i];
      this.ends[i] = end = this.starts[i] + sizes[i];
    }
    // Elements of what is drawn at the moment, which of a long row is a small part (blocks.js).
    this.elements = new Array(this.length); // what a person reaches: tokens, or ids where ids alone are shown
    this.numbers = new Array(this.length); // the ids below the tokens, where both are shown
    this.stop = 0; // the token that Tab reaches
    // Tokens that the tokenizer added have an empty pair of offsets that may be (0, 0) anywhere, so the
    // search runs over the furthest end so far.
    this.reach = new Int32Array(this.length);
    for (let i = 0, far = 0; i < this.length; i++) this.reach[i] = far = Math.max(far, this.ends[i]);
  }

  id(i) { return this.ids[this.slots[i]]; }
  piece(i) { return this.pieces[this.slots[i]]; }
  special(i) { return (this.flags[i] & SPECIAL) !== 0; }
  added(i) { return (this.flags[i] & ADDED) !== 0; }
  partial(i) { return (this.flags[i] & PARTIAL) !== 0; }
  empty(i) { return this.starts[i] === this.ends[i]; }
  slice(start, end) { return this.source.text.slice(this.source.unit(start), this.source.unit(end)); }
  text(i) { return this.slice(this.starts[i], this.ends[i]); }
  endsLine(i) { return !this.empty(i) && this.source.text.charCodeAt(this.source.unit(this.ends[i]) - 1) === 10; }

  // The end of the run that begins at token `i`: tokens that share characters belong together.
  runEnd(i) {
    let next = i + 1;
    if (this.special(i) || this.empty(i)) return next;
    for (let far = this.ends[i]; next < this.length && this.starts[next] < far; next++) {
      if (this.special(next) || this.empty(next)) break;
      far = Math.max(far, this.ends[next]);
    }
    return next;
  }

  bytesOf(i) {
    const slot = this.slots[i];
    return this.tokenBytes.subarray(slot ? this.byteEnds[slot - 1] : 0, this.byteEnds[slot]);
  }

  hex(i) { return Array.from(this.bytesOf(i), (byte) => byte.toString(16).padStart(2, "0")); }

  // Places of the tokens that cover a character from `start` to `end`.
  covering(start, end) {
    const found = [];
    if (start === end) return found;
    let low = 0;
    for (let high = this.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.reach[middle] > start) high = middle;
      else low = middle + 1;
    }
    for (let i = low; i < this.length && (this.starts[i] < end || this.empty(i)); i++) {
      if (!this.empty(i) && this.ends[i] > start) found.push(i);
    }
    return found;
  }
}

// Python counts characters, JavaScript UTF-16 units: they part at the first emoji. `unit` leads from one to the other.
function sourceOf(text, length) {
  if (text.length === length) return { text, unit: (i) => i };
  const at = new Int32Array(length + 1);
  let unit = 0;
  for (let i = 0; i < length; i++) {
    at[i] = unit;
    unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
  }
  at[length] = unit;
  return { text, unit: (i) => at[i] };
}

const versionOf = (data) => new TextDecoder().decode(data.subarray(0, 16));

function unpack(data) {
  const length = new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(16, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(20, 20 + length)));
  const body = data.slice(20 + length); // a copy begins at an address that the arrays can use
  const source = sourceOf(header.text, header.length);
  source.rtl = RTL.test(header.text);
  return { ...header, rows: header.rows.map((row) => new Row(row, body, source)) };
}
