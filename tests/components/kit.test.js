import assert from "node:assert/strict";
import test from "node:test";
import { uint16FromBase64, unpackArray, unpackParts, versionOf } from "../../ui/components/kit/bytes.js";
import { clamp, Pointer, shortened } from "../../ui/components/kit/dom.js";
import { mounted } from "../../ui/components/kit/mount.js";
import { colourAttributes } from "../../ui/components/kit/plain_colour.js";
import { pixelScale } from "../../ui/components/kit/save.js";
import { Steps } from "../../ui/components/kit/steps.js";

/** @import { Component, View } from "../../ui/components/kit/mount.js" */

/** @param {number[]} values */
const bytes = (...values) => new Uint8Array(values);

test("arrays are read in each of the five types", () => {
  const body = bytes(200, 0xff, 0x80, 0, 0x34, 0x12, 0xfe, 0xff, 0x15, 0xcd, 0x5b, 0x07);
  assert.deepEqual([...unpackArray(body, [0, 2, "u1"])], [200, 255]);
  assert.deepEqual([...unpackArray(body, [0, 3, "i1"])], [-56, -1, -128]);
  assert.deepEqual([...unpackArray(body, [4, 2, "u2"])], [0x1234, 65534]);
  assert.deepEqual([...unpackArray(body, [4, 2, "i2"])], [4660, -2]);
  assert.deepEqual([...unpackArray(body, [8, 1, "i4"])], [123456789]);
  assert.equal(unpackArray(body, [0, 0, "u1"]).length, 0);
});

test("one item stands for all", () => {
  const repeated = unpackArray(bytes(0, 0, 0xfe, 0xff), [2, 4, "=i2"]);
  assert.deepEqual([...repeated], [-2, -2, -2, -2]);
  assert.ok(repeated instanceof Int16Array);
});

test("version, header and body of a payload, wherever its buffer begins", () => {
  const header = '{"text":"a"} ';
  const packed = Buffer.concat([
    Buffer.from("???"),
    Buffer.from("0123456789abcdef"),
    bytes(header.length, 0, 0, 0),
    Buffer.from(header),
    bytes(7, 0, 8, 0),
  ]);
  const payload = new Uint8Array(packed).subarray(3);
  assert.equal(versionOf(payload), "0123456789abcdef");
  const parts = unpackParts(payload);
  assert.deepEqual(parts.header, { text: "a" });
  assert.deepEqual([...unpackArray(parts.body, [0, 2, "u2"])], [7, 8]);
});

test("16-bit numbers in base64, little-endian", () => {
  assert.deepEqual([...uint16FromBase64("AAD//wCAAQA=")], [0, 65535, 32768, 1]);
  assert.equal(uint16FromBase64("").length, 0);
});

test("a text is shortened by characters and never inside one", () => {
  assert.equal(shortened("token", 5), "token");
  assert.equal(shortened("tokens", 5), "toke\u2026");
  assert.equal(shortened("\u{1f91a}\u{1f91a}\u{1f91a}", 2), "\u{1f91a}\u2026");
  assert.equal(shortened("token", 0), "t\u2026");
});

test("a number stays between two others", () => {
  assert.deepEqual([-1, 0, 3, 5, 9].map((value) => clamp(value, 0, 5)), [0, 0, 3, 5, 5]);
});

test("a pointer rests where it was the last time", () => {
  const pointer = new Pointer();
  const moves = [[0, 0], [0, 0], [0, 1], [0, 1], [2, 1]];
  const rests = moves.map(([clientX, clientY]) => pointer.rests({ clientX, clientY }));
  assert.deepEqual(rests, [false, true, false, true, false]);
});

test("colours become what SVG programs know", () => {
  /** @type {Record<string, number[]>} */
  const painted = { "light-dark(teal, red)": [0, 128, 128, 255], "#ff000033": [255, 0, 0, 51], transparent: [0, 0, 0, 0] };
  const context = {
    fillStyle: "",
    clearRect() {},
    fillRect() {},
    getImageData: () => ({ data: painted[context.fillStyle] }),
  };
  Object.assign(globalThis, { OffscreenCanvas: class { getContext = () => context; } });
  assert.deepEqual(colourAttributes("light-dark(teal, red)"), { fill: "rgb(0,128,128)" });
  assert.deepEqual(colourAttributes("#ff000033", "stroke"), { stroke: "rgb(255,0,0)", "stroke-opacity": 0.2 });
  assert.deepEqual(colourAttributes("transparent"), { fill: "rgb(0,0,0)", "fill-opacity": 0 });
  assert.deepEqual(colourAttributes("none"), { fill: "none" });
  assert.deepEqual(colourAttributes("", "stroke"), { stroke: "none" });
});

test("a picture is twice as fine as the screen, as far as a canvas reaches", () => {
  assert.equal(pixelScale(1000, 800), 2);
  for (const [width, height] of [[1000, 40_000], [30_000, 500], [9000, 9000], [16_000, 16_000]]) {
    const scale = pixelScale(width, height);
    assert.ok(scale < 2);
    assert.ok(Math.max(width, height) * scale <= 16_000.001);
    assert.ok(width * height * scale ** 2 <= 1.00001e8);
  }
});

test("one view lives in one place until it is taken away", () => {
  /** @type {string[]} */
  const log = [];
  /** @implements {View<string>} */
  class Logged {
    constructor() { log.push("made"); }
    /** @param {string} data @param {Component<string>} component */
    update(data, { setTriggerValue }) {
      log.push(data);
      setTriggerValue("picked", data);
    }
    destroy() { log.push("destroyed"); }
  }
  const run = mounted(Logged);
  /** @type {string[]} */
  const sent = [];
  const place = () => ({
    parentElement: /** @type {HTMLElement} */ ({}),
    setStateValue: () => {},
    setTriggerValue: (/** @type {string} */ name, /** @type {unknown} */ value) => sent.push(`${name} ${value}`),
  });
  const [first, second] = [place(), place()];
  run({ ...first, data: "a" });
  const remove = run({ ...first, data: "b" });
  run({ ...second, data: "c" });
  remove();
  run({ ...first, data: "d" });
  assert.deepEqual(log, ["made", "a", "b", "made", "c", "destroyed", "made", "d"]);
  assert.deepEqual(sent, ["picked a", "picked b", "picked c", "picked d"]);
});

test("what a person does is one step back, however many links it makes", () => {
  const steps = new Steps();
  const slider = {};
  const [step, same] = ["pushState", "replaceState"];
  assert.equal(steps.way(false), same, "the server writes the link of a page that was opened");
  steps.did(null);
  assert.deepEqual([steps.way(false), steps.way(false)], [step, same], "a press that changes two settings");
  steps.did(null);
  assert.equal(steps.way(false), step, "another press");
  for (const expected of [step, same, same]) {
    steps.did(slider);
    assert.equal(steps.way(false), expected, "pauses of one slider");
  }
  steps.did({});
  assert.equal(steps.way(false), step, "another slider");
  steps.did(slider);
  assert.equal(steps.way(false), step, "and the first one again");
  steps.did(null);
  assert.deepEqual([steps.way(true), steps.way(false)], [step, same], "another page, and its link");
  assert.equal(steps.way(true), step, "another page is always a step");
});

test("a text that is sent on the way to a button, and the button, are two steps", () => {
  const steps = new Steps();
  steps.did(null);
  steps.once = "text";
  assert.deepEqual([steps.way(false), steps.way(false)], ["pushState", "pushState"]);
});

test("after going back, the next change is a step even at the same slider", () => {
  const steps = new Steps();
  steps.did("slider");
  steps.way(false);
  steps.returned();
  assert.equal(steps.way(false), "replaceState", "what the server writes in answer");
  steps.did("slider");
  assert.equal(steps.way(false), "pushState");
});
