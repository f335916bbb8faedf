// Paints a snapshot on the drawing: attributes of what the server drew, and a few
// elements that only a live drawing has, made when they are first needed.

import { count, rate, say, short, span, svg } from "./parts.js";
import { E, N, SIGNS, STATES, store } from "./store.js";
import { boxOf, dots, edgeInSight, inSight, picture, view } from "./view.js";

const MOVING = 150; // edges that move at once at most
const LONGEST = 8000; // pixels of edges that move at once at most
const QUIET = 6; // percent of a queue, below which its pill waits to be asked
const LOUD = new Set([1, 2, 4, 6, 7]); // states that are written out on the card

const reduced = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {any[]} */
let cards = [];
/** @type {any[]} */
let wires = [];

/** gather looks up, once, every element that ticks change. */
export function gather() {
  const { nodes, edges } = store.flow;
  cards = nodes.map((n, i) => {
    const g = document.getElementById("n-" + n.id), pick = s => g.querySelector(s);
    const box = boxOf(i), foot = pick(".foot");
    const blocked = svg("rect", { class: "blk", x: 10, y: 20, width: 0, height: 3, rx: 1.5 });
    foot?.append(blocked);
    return { g, box, rate: pick(".rate"), late: pick(".late"), busy: pick(".foot .busy"), blocked, title: pick("title"), name: pick("title").textContent, state: -1, mark: null, note: "" };
  });
  wires = edges.map((e, i) => {
    const g = document.getElementById("e" + i), q = document.getElementById("q" + i);
    q?.classList.add("quiet");
    const rect = q?.querySelector("rect"), depth = q?.querySelector(".depth");
    depth?.setAttribute("width", rect.getAttribute("width"));
    depth?.style.setProperty("clip-path", "inset(0 100% 0 0)");
    return { g, q, wire: g.querySelector(".wire"), depth, text: q?.querySelector("text"), drops: null, fullness: "quiet", wide: "", length: 0, motion: null };
  });
  picture.classList.add("lively");
  // A quiet queue shows its numbers to whoever points at its edge.
  const ask = on => e => {
    const g = e.target.closest?.(".edge");
    if (g) elements("e", +g.id.slice(1)).forEach(x => x.classList.toggle("asked", on));
  };
  for (const on of ["pointerover", "focusin"]) picture.addEventListener(on, ask(true));
  for (const off of ["pointerout", "focusout"]) picture.addEventListener(off, ask(false));
}

/** paint applies rows of the newest snapshot. @param {Iterable<number>} nodes @param {Iterable<number>} edges */
export function paint(nodes, edges) {
  for (const i of nodes) card(i);
  for (const i of edges) wire(i);
  move();
}

/** paintAll is for a new level of detail or a new part in sight. */
export function paintAll() {
  if (store.n.length) paint(store.n.keys(), store.e.keys());
}

function card(i) {
  const c = cards[i], row = store.n[i];
  if (c.state !== row[N.state]) mark(c, i, row[N.state]);
  if (view.level || !inSight(i) || !c.rate) return;
  const source = store.flow.nodes[i].source;
  say(c.rate, rate(source ? row[N.out] : Math.max(row[N.in], row[N.out])));
  say(c.late, row[N.p99] ? "p99 " + span(row[N.p99]) : "");
  const wide = c.box.w - 20, busy = wide * row[N.busy] / 100, blocked = wide * row[N.blocked] / 100;
  c.busy.setAttribute("width", busy.toFixed(1));
  c.blocked.setAttribute("x", (10 + busy).toFixed(1));
  c.blocked.setAttribute("width", Math.min(blocked, wide - busy).toFixed(1));
}

// entitle writes the tooltip, which is what a screen reader says.
function entitle(c) {
  const [first, ...rest] = c.name.split("\n");
  say(c.title, [`${first}, ${STATES[c.state]}${c.note && ", " + c.note}`, ...rest].join("\n"));
}

/** note says something about a node besides its state; "" nothing. @param {number} i @param {string} text */
export function note(i, text) {
  if (cards[i].note === text) return;
  cards[i].note = text;
  if (cards[i].state >= 0) entitle(cards[i]);
}

// mark shows a state: a dot on the border while all is well, a tag with sign and
// word when somebody should look.
function mark(c, i, state) {
  c.g.classList.remove("s" + c.state);
  c.g.classList.add("s" + state);
  c.state = state;
  entitle(c);
  c.mark?.remove();
  const text = LOUD.has(state) ? SIGNS[state] + " " + STATES[state] : state === 5 ? SIGNS[5] : "";
  if (LOUD.has(state)) {
    const wide = text.length * 5.6 + 12;
    // Where edges run down, an input is in the middle of the upper border.
    const x = picture.classList.contains("down") ? Math.max(c.box.w / 2 + 9, c.box.w - 12 - wide) : c.box.w - 12 - wide;
    c.mark = svg("g", { class: "mark loud", "aria-hidden": "true", transform: `translate(${x} 0)` },
      svg("rect", { y: -8, width: wide, height: 16, rx: 8 }), svg("text", { x: wide / 2, y: 3.4 }, text));
  } else {
    c.mark = svg("g", { class: "mark", "aria-hidden": "true", transform: `translate(${c.box.w - 16} 0)` }, svg("circle", { r: text ? 7 : 4.5 }), svg("text", { y: 3.4 }, text));
  }
  c.g.append(c.mark);
}

function wire(i) {
  const w = wires[i], row = store.e[i], edge = store.flow.edges[i], fill = row[E.fill];
  const fullness = fill < QUIET ? "quiet" : fill < 70 ? "some" : fill < 95 ? "warn" : "full";
  if (fullness !== w.fullness) {
    w.g.classList.toggle("full", fullness === "full");
    w.q?.classList.remove(w.fullness);
    w.q?.classList.add(fullness);
    w.fullness = fullness;
  }
  if (view.level || !edgeInSight(i)) return;
  const wide = (1.4 + 0.55 * Math.log10(1 + row[E.rate] / 10)).toFixed(1);
  if (wide !== w.wide) w.wire.style.strokeWidth = w.wide = wide;
  if (w.q) {
    // Cut, not narrowed: round corners would turn a thin fill into a drop.
    w.depth.style.clipPath = `inset(0 ${100 - fill}% 0 0)`;
    say(w.text, `${count(row[E.items])}/${count(edge.capacity)}`);
    if (row[E.dropped]) {
      if (!w.drops) w.q.append(w.drops = svg("text", { class: "drops", x: w.text.getAttribute("x"), y: 19 }));
      w.q.classList.add("dropping");
      say(w.drops, `−${short(row[E.dropped])} dropped`);
    }
  }
}

// move lets dots run along edges, as fast as items do on a logarithmic scale: on the
// busiest edges in sight, in full detail, if the reader has nothing against it.
function move() {
  const off = view.level > 0 || reduced.matches || store.outcome !== "running" || picture.classList.contains("stale");
  const now = new Set();
  if (!off) {
    pace();
    let left = allowed;
    // What is dimmed, because it has nothing to do with the selection, rests.
    const dim = picture.classList.contains("focused");
    const moving = store.e.keys().filter(i => store.e[i][E.rate] > 4 && edgeInSight(i) && !(dim && !wires[i].g.classList.contains("kin"))).toArray();
    moving.sort((a, b) => store.e[b][E.rate] - store.e[a][E.rate]);
    for (const i of moving.slice(0, MOVING)) {
      wires[i].length ||= wires[i].wire.getTotalLength();
      left -= wires[i].length * view.k;
      if (left < 0 && now.size > 0) break;
      now.add(i);
    }
  }
  wires.forEach((w, i) => {
    if (now.has(i)) run(w, store.e[i][E.rate] / 10);
    else if (w.motion) halt(w);
  });
}

// pace lets motion give way where drawing is slow: it looks how long a frame takes,
// and allows fewer or again more pixels of it.
let allowed = LONGEST, slow = 0, fast = 0;
function pace() {
  requestAnimationFrame(first => requestAnimationFrame(second => {
    const long = second - first > 30;
    slow = long ? slow + 1 : 0;
    fast = long ? 0 : fast + 1;
    if (slow > 2) { slow = 0; allowed = Math.max(allowed / 2, 400); }
    if (fast > 40) { fast = 0; allowed = Math.min(allowed * 1.3, LONGEST); }
  }));
}

function run(w, perSecond) {
  const speed = Math.min(4, 0.35 + 0.42 * Math.log10(1 + perSecond)); // dots a second
  if (!w.motion) {
    const path = svg("path", { class: "wire stream", d: w.wire.getAttribute("d") }), g = svg("g", {}, path);
    dots.append(g);
    w.motion = { g, play: path.animate([{ strokeDashoffset: 16 }, { strokeDashoffset: 0 }], { duration: 1000, iterations: Infinity }), speed: 0 };
  }
  w.motion.g.setAttribute("class", w.g.getAttribute("class"));
  // A small change of pace is not worth a new animation frame schedule.
  if (Math.abs(speed - w.motion.speed) > 0.08) {
    w.motion.speed = speed;
    w.motion.play.updatePlaybackRate(speed);
  }
}

function halt(w) {
  w.motion.play.cancel();
  w.motion.g.remove();
  w.motion = null;
}

/** still takes all motion away, or gives it back. */
export function still() { move(); }
reduced.addEventListener("change", still);

/** elements gives the parts of the drawing that belong to a node or an edge. @param {string} kind @param {number} i @returns {any[]} */
export function elements(kind, i) {
  return kind === "n" ? [cards[i].g] : [wires[i].g, wires[i].q].filter(Boolean);
}
