// What arrives from Python, unpacked: see ui/token_view/payload.py.
// One of the scripts that ui/token_view/__init__.py joins into a single module, in the order named there.

const SPECIAL = 1;
const PARTIAL = 2;
const NO_FILL = 255;
const ROLES = ["none", "system", "user", "assistant", "tool", "special"];

const TYPES = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i2: Int16Array, i4: Int32Array };

class Row {
  constructor(header, body, slice) {
    const array = (place) => place && new TYPES[place[2]](body.buffer, place[0], place[1]);
    Object.assign(this, header);
    this.slice = slice;
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
    this.elements = new Array(this.length); // what a person reaches: tokens, or ids where ids alone are shown
    this.numbers = new Array(this.length); // the ids below the tokens, where both are shown
    // Tokens that the tokenizer added have an empty pair of offsets that may be (0, 0) anywhere, so the
    // search runs over the furthest end so far.
    this.reach = new Int32Array(this.length);
    for (let i = 0, far = 0; i < this.length; i++) this.reach[i] = far = Math.max(far, this.ends[i]);
  }

  id(i) { return this.ids[this.slots[i]]; }
  piece(i) { return this.pieces[this.slots[i]]; }
  special(i) { return (this.flags[i] & SPECIAL) !== 0; }
  partial(i) { return (this.flags[i] & PARTIAL) !== 0; }
  empty(i) { return this.starts[i] === this.ends[i]; }
  text(i) { return this.slice(this.starts[i], this.ends[i]); }

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

// Python counts characters, JavaScript UTF-16 units: they part at the first emoji.
function slicer(text, length) {
  if (text.length === length) return (start, end) => text.slice(start, end);
  const at = new Int32Array(length + 1);
  let unit = 0;
  for (let i = 0; i < length; i++) {
    at[i] = unit;
    unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
  }
  at[length] = unit;
  return (start, end) => text.slice(at[start], at[end]);
}

const versionOf = (data) => new TextDecoder().decode(data.subarray(0, 16));

function unpack(data) {
  const length = new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(16, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(20, 20 + length)));
  const body = data.slice(20 + length); // a copy begins at an address that the arrays can use
  const slice = slicer(header.text, header.length);
  return { ...header, slice, rows: header.rows.map((row) => new Row(row, body, slice)) };
}
