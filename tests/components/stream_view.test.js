import assert from "node:assert/strict";
import test from "node:test";
import { axisEnd, phaseWords, rate, seconds, timeline } from "../../ui/components/stream_view/phases.js";
import { heldWords, Reply, shortPercent } from "../../ui/components/stream_view/tokens.js";

/** @import { Token } from "../../ui/components/stream_view/tokens.js" */

// " 🤚!" in Llama 3.1, and an end token.
/** @type {Token[]} */
const HAND = [
  [4, "20 f0 9f", 0.5, 400, " ", 2],
  [5, "a4", 0.9, 450, "", 3],
  [5, "9a", 0.99, 500, "🤚", 0],
  [0, "!", 0.3, 550],
  [2, "<|eot_id|>", 0.8, 600],
];

test("tokens that share a character form one group; what an engine shows grows by whole characters", () => {
  const reply = new Reply();
  const shown = HAND.map((_, i) => {
    assert.equal(reply.take(HAND.slice(0, i + 1)), i < 3 ? 0 : i - 2, "the first group that is drawn anew");
    return [reply.text, reply.held(), reply.groups.at(-1)?.open];
  });
  assert.deepEqual(shown, [
    [" ", "f0 9f", true],
    [" ", "f0 9f a4", true],
    [" 🤚", "", false],
    [" 🤚!", "", false],
    [" 🤚!", "", false],
  ]);
  assert.deepEqual(reply.groups.map(({ from, tokens, text }) => [from, tokens.length, text]), [[0, 3, " 🤚"], [3, 1, "!"], [4, 1, "<|eot_id|>"]]);
  assert.equal(reply.take(HAND), reply.groups.length, "nothing is new");
});

test("a character that is cut off stays bytes, its group is drawn once more, and the text has the sign for it", () => {
  const reply = new Reply();
  reply.take([[4, "f0 9f", 0.5, 10, "", 2]]);
  assert.equal(reply.add([0, "a", 0.5, 20]), 0);
  assert.deepEqual(reply.groups.map(({ open, broken, text }) => [open, broken, text]), [[false, true, "\ufffd"], [false, false, "a"]]);
  assert.equal(reply.text, "\ufffda");
  const twice = new Reply();
  twice.take([[4, "f0 9f", 0.5, 10, "", 2], [4, "c3", 0.5, 20, "\ufffd", 1], [5, "a9", 0.5, 30, "é", 0]]);
  assert.equal(twice.text, "\ufffdé");
  assert.deepEqual(twice.groups.map(({ text }) => text), ["\ufffd", "é"]);
});

test("what comes after a gap waits until the gap is filled", () => {
  const reply = new Reply();
  const all = HAND.slice(0, 2);
  all[4] = HAND[4];
  reply.take(all);
  assert.equal(reply.tokens.length, 2);
  reply.take(HAND);
  assert.equal(reply.tokens.length, 5);
});

test("the line below says what is held back, with its bytes", () => {
  assert.equal(heldWords("", false), "Nothing is held back just now.");
  assert.equal(heldWords("f0 9f", false), "Held back just now: 2 bytes (f0 9f) of a character that is not whole yet.");
  assert.equal(heldWords("f0", true), "Never shown: 1 byte (f0); the reply ended inside a character.");
});

test("no probability is rounded to none or to all", () => {
  assert.deepEqual([1, 0.9999, 0.995, 0.774, 0.0095, 0.004, 0.0004].map(shortPercent), ["100%", ">99%", ">99%", "77%", "1%", "0.4%", "<0.1%"]);
});

test("the two phases are told apart, and each sentence is true of one token, of none and of a cache", () => {
  const prompt = { n: 57, reused: 0, first: [], last: [] };
  assert.deepEqual(phaseWords(prompt, [], false), ["reading 57 tokens at once …", "waits for the prefill"]);
  assert.deepEqual(phaseWords(prompt, [412], false), ["57 tokens read at once, first token after 412 ms", "the next token is computed"]);
  assert.equal(phaseWords(prompt, [412], true)[1], "none: the prefill's token was the only one");
  assert.equal(phaseWords(prompt, [412, 462, 512], true)[1], "2 more tokens one by one, 20.0 a second (one in 50 ms)");
  assert.equal(phaseWords({ ...prompt, reused: 41 }, [50], true)[0], "41 of 57 tokens were in the cache, 16 were read at once, first token after 50 ms");
  assert.equal(phaseWords({ ...prompt, reused: 56 }, [50], true)[0], "56 of 57 tokens were in the cache, 1 was read, first token after 50 ms");
  assert.equal(phaseWords({ ...prompt, n: 1 }, [1200], true)[0], "1 token read at once, first token after 1.20 s");
  assert.equal(rate([412]), null);
  assert.equal(rate([5, 5]), null);
  assert.equal(seconds(12_345), "12.3 s");
});

test("the time line ends at a round time behind the last token, and its parts lie where their times say", () => {
  assert.deepEqual([0, 1000, 1001, 4000, 5001, 60_000].map(axisEnd), [1000, 1000, 2000, 5000, 10_000, 100_000]);
  assert.deepEqual(timeline([500, 1000, 1500], 800), { end: 2000, prefill: 200, ticks: [200, 400, 600] });
  assert.deepEqual(timeline([], 800), { end: 1000, prefill: 0, ticks: [] });
});
