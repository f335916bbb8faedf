// The cuts of a run: the number and the age of the last complete one at the top, and on
// the drawing how far one has come that takes longer than a second.

import { $, elapsed, say, svg } from "./parts.js";
import { store } from "./store.js";
import { boxOf, picture } from "./view.js";
import { elements, note } from "./paint.js";

const MET = 1, LEFT = 2, HOLDER = 3; // has met the cut, has not, is whom it waits for
const WORDS = ["", "met", "left", "holder"];
const box = $("#cut"), where = $("#cut button"), said = document.querySelectorAll("#cut span");
/** @type {{is: number, g: any}[]} */
let marks = [];
let spoken = "";

/** wireCuts says what the name of a node does. @param {(i: number) => void} go */
export function wireCuts(go) {
  marks = store.flow.nodes.map(() => ({ is: 0, g: null }));
  where.addEventListener("click", () => { const at = slow(); if (at) go(at.node); });
}

const running = () => store.outcome === "running";
const slow = () => running() && store.cuts?.slow;
const now = () => store.t + (running() && !picture.classList.contains("stale") ? performance.now() - store.at : 0);

/** paintCuts writes the newest snapshot. */
export function paintCuts() {
  paintCutAge();
  const at = slow(), left = new Set(at ? at.left : []);
  if (at) {
    const { id, source } = store.flow.nodes[at.node], who = at.input ? `${id}.${at.input}` : id;
    say(where, who);
    where.title = source ? "What it took before the cut has not left it" : "What came before the cut is not finished there";
    say(said[1], `${marks.length - left.size} nodes have met it`);
    say(said[2], `${left.size} ${left.size === 1 ? "has" : "have"} not`);
    // Announced once for each node that cuts wait for.
    if (spoken !== who) say($("#live"), `A cut waits for ${spoken = who}.`);
  }
  box.hidden = !at;
  marks.forEach((_, i) => mark(i, !at ? 0 : i === at.node ? HOLDER : left.has(i) ? LEFT : MET));
}

/** paintCutAge writes what changes without a snapshot. */
export function paintCutAge() {
  const { cuts } = store, at = slow();
  $("#k-cut-box").hidden = !cuts;
  if (cuts) say($("#k-cut"), !cuts.n ? "none" : cuts.n + (running() ? ` · ${elapsed(now() - cuts.at)}` : ""));
  if (at) say(said[0], `Cut ${at.n} has been under way for ${elapsed(now() - at.at)} and waits for`);
}

// mark shows what a node has to do with the cut: a tick on the lower left corner of its
// card, a ring there and a broken line around the card, or words below and a line. The bar
// of the load, which ends 5 above the lower border and begins 10 from the left, stays free.
function mark(i, is) {
  const m = marks[i];
  if (m.is === is) return;
  m.is = is;
  m.g?.remove();
  m.g = null;
  note(i, ["", "has met the cut", "has not met the cut", "the cut waits for it"][is]);
  if (!is) return;
  const { w, h } = boxOf(i);
  m.g = svg("g", { class: "cutmark " + WORDS[is], "aria-hidden": "true" });
  if (is !== MET) m.g.append(svg("rect", { class: "around", x: -4.5, y: -4.5, width: w + 9, height: h + 9, rx: 12 }));
  // Where edges run down, outputs are in the lower border.
  const x = picture.classList.contains("down") ? -30 : 6;
  if (is === HOLDER) m.g.append(svg("rect", { class: "tag", x, y: h - 4, width: 60, height: 16, rx: 8 }), svg("text", { x: x + 30, y: h + 7.4 }, "cut waits"));
  else m.g.append(svg("circle", { cx: 1, cy: h, r: 6.5 }), svg("text", { x: 1, y: h + 3.4 }, is === MET ? "✓" : ""));
  elements("n", i)[0].append(m.g);
}
