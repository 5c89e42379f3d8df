// Reads a payload of the file view as the browser does and prints what it holds as JSON: node unpack_file.mjs FILE

import { readFileSync } from "node:fs";
import { File } from "../../ui/components/file_view/file.js";

const file = new File(new Uint8Array(readFileSync(process.argv[2])));
const lines = Array.from({ length: file.nLines }, (_, line) => ({
  text: file.line(line),
  same: file.same[line] === 1,
  alone: file.alone(file.lineStarts[line], file.lineStarts[line + 1]) > 0,
  ids: [0, 1].map((which) => file.ids(which, line)),
  json: JSON.parse(file.written(1, line, "JSON")),
}));
process.stdout.write(JSON.stringify({ lines, python: file.written(0, null, "Python"), json: file.written(0, null, "JSON") }));
