// Reads a payload of the token view as the browser does and prints its rows as JSON: node unpack_payload.mjs FILE

import { readFileSync } from "node:fs";
import { unpack } from "../../ui/components/token_view/rows.js";

const payload = unpack(new Uint8Array(readFileSync(process.argv[2])));
const rows = payload.rows.map((row) => ({
  ids: Array.from({ length: row.length }, (_, i) => row.id(i)),
  pieces: Array.from({ length: row.length }, (_, i) => row.piece(i)),
  bytes: Array.from({ length: row.length }, (_, i) => row.hex(i).join("")),
  texts: Array.from({ length: row.length }, (_, i) => row.text(i)),
  spans: Array.from({ length: row.length }, (_, i) => [row.starts[i], row.ends[i]]),
  special: Array.from({ length: row.length }, (_, i) => row.special(i)),
}));
process.stdout.write(JSON.stringify({ text: payload.text, rows }));
