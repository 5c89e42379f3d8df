import assert from "node:assert/strict";
import test from "node:test";
import { filled, short } from "../../ui/components/architecture_view/sizes.js";
import { Camera, MOST } from "../../ui/components/map_view/camera.js";
import { nearest, onward, Room } from "../../ui/components/map_view/labels.js";
import { pageStart, strength, written } from "../../ui/components/vector_view/layout.js";

/** @param {number} a @param {number} b */
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

test("what is to be shown first fits the screen, and what is under the pointer stays there", () => {
  const camera = new Camera();
  camera.fit(800, 400);
  camera.home([0.2, 0.4, 0.8, 0.6]);
  assert.ok(camera.toX(0.2) >= 0 && camera.toX(0.8) <= 800 && camera.toY(0.6) >= 0 && camera.toY(0.4) <= 400);
  assert.ok(camera.toX(0.8) - camera.toX(0.2) > 600 || camera.toY(0.4) - camera.toY(0.6) > 300, "no empty paper");
  const [x, y] = [camera.toX(0.7), camera.toY(0.45)];
  camera.zoomBy(7, x, y);
  near(camera.toX(0.7), x);
  near(camera.toY(0.45), y);
  camera.pan(30, -20);
  near(camera.toX(0.7), x + 30);
  near(camera.toY(0.45), y - 20);
});

test("a map is never lost: neither zoom nor the middle leaves it", () => {
  const camera = new Camera();
  camera.fit(390, 300);
  camera.home([0, 0, 1, 1]);
  for (const factor of [1e6, 1e-9]) camera.zoomBy(factor);
  assert.equal(camera.zoom, 1);
  camera.zoomBy(1e9);
  assert.equal(camera.zoom, MOST);
  camera.pan(1e9, 1e9);
  assert.deepEqual([camera.x, camera.y], [0, 1]);
});

test("no two words take the same room, none reaches over the edge", () => {
  const room = new Room(120, 60);
  assert.ok(room.take(0, 0, 50, 10));
  assert.ok(!room.take(40, 5, 50, 10));
  assert.ok(room.take(60, 0, 50, 10));
  assert.ok(room.take(0, 30, 50, 10));
  assert.ok(!room.take(90, 30, 50, 10), "over the edge");
  assert.ok(!room.take(-5, 40, 20, 10));
  assert.ok(room.take(10, 2, 20, 6, true), "the chosen one in any case");
});

test("the nearest point, and none that is far or not on the screen", () => {
  assert.equal(nearest([0, 10, NaN], [0, 0, 5], 8, 1, 14), 1);
  assert.equal(nearest([0, 10, NaN], [0, 0, 5], 100, 100, 14), -1);
});

test("arrow keys go on to a word that lies ahead, the straight one before the near one aside", () => {
  const words = [{ i: 4, x: 10, y: 0 }, { i: 5, x: 6, y: 9 }, { i: 6, x: -3, y: 0 }, { i: 7, x: 0, y: 40 }];
  assert.equal(onward(words, 0, 0, 1, 0), 4);
  assert.equal(onward(words, 0, 0, -1, 0), 6);
  assert.equal(onward(words, 0, 0, 0, 1), 5);
  assert.equal(onward(words, 0, 0, 0, -1), -1);
});

test("twelve numbers a page, and no page beyond the ends", () => {
  assert.deepEqual([0, 11, 12, 575].map((i) => pageStart(i, 576)), [0, 0, 12, 564]);
  assert.equal(pageStart(564, 576, 1), 564);
  assert.equal(pageStart(0, 576, -1), 0);
  assert.equal(pageStart(564, 64), 60);
  assert.equal(pageStart(0, 5, 1), 0);
});

test("numbers fit their cells", () => {
  assert.deepEqual([0.0875, -0.12345, 12.3456, -345.678].map(written), ["0.0875", "\u22120.1235", "12.346", "\u2212345.7"]);
  assert.deepEqual([strength(0, 0), strength(-2, 2), strength(0.5, 2)], [0, 1, 0.5]);
});

test("a box too narrow to be pressed is so much lower", () => {
  near(filled(12) * 24, 12);
  assert.equal(filled(300), 1);
  assert.ok(filled(0.001) > 0, "but never out of sight");
  assert.deepEqual([576, 331776, 1.2e9].map(short), ["576", "0.3 million", "1.2 billion"]);
});
