// Long rows: a block has elements while it is near the screen, and a guess of its height before and after.

import { make, rootSize } from "../kit/dom.js";

/** @import { Spot } from "./rows.js" */

const AT_ONCE = 2500; // tokens drawn before the first paint, all rows together: more than a screen shows
const AHEAD = 40_000; // tokens drawn while the page is idle, wherever they are: the browser's own search finds them
const MOST = 60_000; // tokens after which what is far from the screen gives its elements back
const NEAR = "1500px 0px";
const LINE = 2.3125; // rem, as in token_view.css

/**
 * What draws the tokens of a block.
 * @typedef {object} Painter
 * @property {HTMLDivElement & { row: number }} flow holds the blocks
 * @property {number[]} starts the first token of each block, and the end of the last one
 * @property {(Spot | undefined)[]} drawn the element of each token, while there is one
 * @property {(from: number, to: number) => [width: number, lines: number]} extent a guess, in rem and in lines that end
 * @property {(block: HTMLElement, from: number, to: number) => void} paint
 */

/** @typedef {HTMLDivElement & { list: BlockList, number: number, extent?: [width: number, lines: number] }} Block */

/**
 * The block that holds token `i`.
 * @param {number[]} starts the first token of each block, and the end of the last one
 * @param {number} i
 */
export function blockAt(starts, i) {
  let low = 0;
  for (let high = starts.length - 2; low < high;) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= i) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The blocks of one flow, of tokens or of ids. */
export class BlockList {
  /** @param {Painter} painter */
  constructor(painter) {
    this.painter = painter;
    this.starts = painter.starts;
    /** @type {Block[]} */
    this.blocks = [];
    for (let i = 0; i + 1 < this.starts.length; i++) {
      this.blocks.push(Object.assign(make("div", "block waiting"), { list: /** @type {BlockList} */ (this), number: i }));
    }
    painter.flow.append(...this.blocks);
    this.rem = 16; // pixels; asked for once for all blocks, since their heights change in between
    this.scale = 1; // how much higher the blocks are than guessed
  }

  /** @param {Block} block */
  size(block) { return this.starts[block.number + 1] - this.starts[block.number]; }

  /** @param {number} i */
  at(i) { return this.blocks[blockAt(this.starts, i)]; }

  /** @param {Block} block @param {number} i */
  holds(block, i) { return this.starts[block.number] <= i && i < this.starts[block.number + 1]; }

  /** @param {Block} block */
  draw(block) {
    this.painter.paint(block, this.starts[block.number], this.starts[block.number + 1]);
    block.classList.remove("waiting");
    block.style.height = "";
  }

  /** @param {Block} block @param {number} height */
  clear(block, height) {
    this.hold(block, height);
    block.classList.add("waiting");
    block.replaceChildren();
    this.painter.drawn.fill(undefined, this.starts[block.number], this.starts[block.number + 1]);
  }

  /** @param {Block} block @param {number} height */
  hold(block, height) {
    block.style.height = `${height}px`;
    block.style.containIntrinsicBlockSize = `auto ${height}px`;
  }

  /** @param {Block} block @param {number} width */
  guess(block, width) {
    const from = this.starts[block.number];
    block.extent ??= this.painter.extent(from, from + this.size(block));
    const [wide, lines] = block.extent;
    return Math.max(1, lines, (wide * this.rem) / width + lines / 2) * LINE * this.rem;
  }

  /**
   * Gives what is not on the screen a height, by those blocks whose height is known: `measured`.
   * @param {number} width
   * @param {[block: Block, height: number][]} measured
   */
  estimate(width, measured) {
    this.rem = rootSize();
    const own = measured.filter(([block]) => block.list === this);
    const known = own.length ? own : measured;
    const guessed = known.reduce((sum, [block]) => sum + block.list.guess(block, width), 0);
    if (guessed > 0) this.scale = known.reduce((sum, [, height]) => sum + height, 0) / guessed;
    for (const block of this.blocks) {
      const height = Math.round(this.guess(block, width) * this.scale);
      if (block.classList.contains("waiting")) this.hold(block, height);
      else block.style.containIntrinsicBlockSize = `auto ${height}px`;
    }
  }
}

/**
 * Whom the blocks serve.
 * @typedef {object} Host
 * @property {HTMLElement} scroller
 * @property {(block: Block) => void} mark puts marks on a block that was just drawn
 * @property {(block: Block) => boolean} needs whether a block must stay drawn
 */

/** All blocks of a view: which of them are drawn. */
export class Blocks {
  /** @param {Host} view @param {BlockList[]} lists */
  constructor(view, lists) {
    this.view = view;
    this.lists = lists;
    /** @type {Set<Block>} */
    this.drawn = new Set(); // the one that was on the screen last comes last
    this.tokens = 0;
    /** @type {Set<Element>} */
    this.near = new Set();
    /** @type {IntersectionObserver | undefined} */
    this.watcher = undefined;
    this.width = 0;
    this.next = this.inTurn();
    this.fillNext(AT_ONCE);
    this.resized = new ResizeObserver(([entry]) => this.estimate(entry.contentRect.width));
    this.resized.observe(view.scroller);
    // After the first paint: what is drawn by then fills a screen.
    this.timer = setTimeout(() => this.watch());
  }

  // First blocks of all rows, second blocks of all rows, ...
  * inTurn() {
    const most = Math.max(0, ...this.lists.map((list) => list.blocks.length));
    for (let i = 0; i < most; i++) for (const list of this.lists) if (list.blocks[i]) yield list.blocks[i];
  }

  /**
   * Draws until there are that many tokens; returns whether there is more to draw.
   * @param {number} limit
   * @param {number} [until] in the browser's own time
   */
  fillNext(limit, until = Infinity) {
    while (this.tokens < limit && performance.now() < until) {
      const { value, done } = this.next.next();
      if (done) return false;
      this.fill(value);
    }
    return this.tokens < limit;
  }

  /** @param {Block} block */
  fill(block) {
    if (!this.drawn.has(block)) {
      block.list.draw(block);
      this.tokens += block.list.size(block);
      this.view.mark(block);
    }
    this.drawn.delete(block);
    this.drawn.add(block);
  }

  watch() {
    this.watcher = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.near.add(target);
        else this.near.delete(target);
        if (isIntersecting) this.fill(/** @type {Block} */ (target));
      }
      this.sweep();
    }, { root: scrollerOf(this.view.scroller), rootMargin: NEAR });
    for (const list of this.lists) for (const block of list.blocks) this.watcher.observe(block);
    this.estimate(this.width, true);
    this.ahead();
  }

  ahead() {
    if (this.fillNext(AHEAD, performance.now() + 12)) this.timer = setTimeout(() => this.ahead());
  }

  /**
   * Heights follow the width; where they are measured, what was drawn says how far the guess is off.
   * @param {number} width
   * @param {boolean} [measure]
   */
  estimate(width, measure = false) {
    if (!width || (width === this.width && !measure)) return;
    this.width = width;
    const shown = measure ? [...this.drawn].slice(0, 16).filter(isLaidOut) : [];
    const known = shown.map((block) => /** @type {[Block, number]} */ ([block, block.offsetHeight]));
    for (const list of this.lists) list.estimate(width, known);
  }

  // A long way through a long text must not fill the memory.
  sweep() {
    if (this.tokens <= MOST) return;
    /** @type {[block: Block, height: number][]} */
    const far = [];
    for (const block of this.drawn) {
      if (this.tokens <= AHEAD) break;
      if (this.near.has(block) || this.view.needs(block)) continue;
      far.push([block, block.offsetHeight]); // all are measured before any is cleared
      this.tokens -= block.list.size(block);
    }
    for (const [block, height] of far) {
      this.drawn.delete(block);
      block.list.clear(block, height);
    }
  }

  destroy() {
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.watcher?.disconnect();
  }
}

/**
 * `content-visibility` skips what is off the screen, which then has no height of its own.
 * @param {Element} block
 */
const isLaidOut = (block) => block.firstElementChild?.checkVisibility?.({ contentVisibilityAuto: true }) ?? false;

/**
 * What scrolls the view: an observer's margin counts at its root alone. `null` is the window.
 * @param {HTMLElement} node
 */
function scrollerOf(node) {
  /** @type {HTMLElement | undefined} */
  let at = node;
  for (; at; at = above(at)) {
    if (/auto|scroll/.test(getComputedStyle(at).overflowY) && at !== document.body && at !== document.documentElement) {
      if (at !== node || at.style.maxHeight) return at;
    }
  }
  return null;
}

/**
 * The element around this one, out of a component's shadow as well.
 * @param {HTMLElement} node
 * @returns {HTMLElement | undefined}
 */
function above(node) {
  const root = node.getRootNode();
  return node.parentElement ?? (root instanceof ShadowRoot ? /** @type {HTMLElement} */ (root.host) : undefined);
}
