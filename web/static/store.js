// What the page knows: the outline of the flow, the newest snapshot and a minute of
// history. Modules read it; the stream alone writes it.

import { POINTS } from "./parts.js";

/** The columns of a node's row on the wire. */
export const N = { state: 0, in: 1, out: 2, p50: 3, p99: 4, busy: 5, blocked: 6, starved: 7, errors: 8, workers: 9, progress: 10 };
/** The columns of an edge's row on the wire. */
export const E = { items: 0, rate: 1, kb: 2, fill: 3, dropped: 4, oldest: 5, wait: 6 };

/** States in the order of their numbers. */
export const STATES = ["running", "bottleneck", "back-pressured", "idle", "errors", "done", "failed", "paused"];
export const SIGNS = ["●", "▲", "↑", "○", "!", "✓", "✕", "‖"];
/** How much a state asks for a look; the table shows the worst first. */
export const WORST = [2, 6, 4, 1, 5, 0, 7, 3];

export const store = {
  /** @type {any} */ flow: null,
  /** @type {number[][]} */ n: [],
  /** @type {number[][]} */ e: [],
  t: 0, // ms since the start, at the newest tick
  at: 0, // performance.now() then
  outcome: "running",
  paused: false,
  /** @type {any} */ verdict: null,
  /** @type {any} */ cuts: null, // of a run that has some: {n, at, slow: {n, at, node, input, left}}
  /** @type {number[][]} */ pastN: [],
  /** @type {number[][]} */ pastE: [],
  beat: 0, // counts the points of history
  /** @type {number[][]} */ into: [], // edges that arrive at each node
  /** @type {number[][]} */ outOf: [], // edges that leave each node
};

/** adopt takes the outline. @param {any} flow */
export function adopt(flow) {
  flow.edges ||= [];
  store.flow = flow;
  store.into = flow.nodes.map(() => []);
  store.outOf = flow.nodes.map(() => []);
  flow.edges.forEach((e, i) => {
    store.outOf[e.from].push(i);
    store.into[e.to].push(i);
  });
}

/** greet takes the history. @param {any} hello */
export function greet(hello) {
  store.pastN = (hello.history.n || []).map(line => (line || []).slice(-POINTS));
  store.pastE = (hello.history.e || []).map(line => (line || []).slice(-POINTS));
  store.n = [];
  store.e = [];
  store.paused = false;
  store.cuts = null;
  store.beat++;
}

let recorded = 0;

/** take applies a tick and tells which rows it changed. @param {any} tick */
export function take(tick) {
  for (const [i, ...row] of tick.n) store.n[i] = row;
  for (const [i, ...row] of tick.e) store.e[i] = row;
  if (tick.v) store.verdict = tick.v;
  if ("p" in tick) store.paused = tick.p;
  if (tick.c) store.cuts = tick.c;
  store.t = tick.t;
  store.at = performance.now();
  if (Math.abs(tick.t - recorded) < 900) return;
  recorded = tick.t;
  store.beat++;
  store.n.forEach((row, i) => push(store.pastN, i, Math.max(row[N.in], row[N.out])));
  store.e.forEach((row, i) => push(store.pastE, i, row[E.items]));
}

function push(lines, i, value) {
  const line = lines[i] ||= [];
  line.push(value);
  if (line.length > POINTS) line.shift();
}
