// The table says what the drawing says. Its rows are made once and changed in
// place, so focus and selection stay; their order rests while somebody is in it.

import { $, el, rate, say, span, spark, trace } from "./parts.js";
import { N, SIGNS, STATES, store, WORST } from "./store.js";

const ROWS = 50;
const body = $("#table tbody"), more = $("#more"), scroll = $("#table .scroll");
const orders = {
  id: (a, b) => store.flow.nodes[b].id.localeCompare(store.flow.nodes[a].id, undefined, { numeric: true }),
  worst: (a, b) => WORST[store.n[a][N.state]] - WORST[store.n[b][N.state]] || store.n[a][N.busy] + store.n[a][N.blocked] - store.n[b][N.busy] - store.n[b][N.blocked],
};
for (const column of ["in", "out", "p50", "p99", "busy", "errors"]) orders[column] = (a, b) => store.n[a][N[column]] - store.n[b][N[column]];

let by = "worst", down = true, all = false, filter = "", chosen = -1;
let sorted = -Infinity, beat = -1;
/** @type {number[]} */
let shown = [];
/** @type {Map<number, any>} */
const rows = new Map();
/** @type {(i: number) => void} */
let choose = () => {};

function row(i) {
  let r = rows.get(i);
  if (r) return r;
  const cell = () => el("td");
  const name = el("button", { type: "button", class: "name" }, store.flow.nodes[i].id);
  const state = el("span", { class: "state" }, el("i", { "aria-hidden": "true" }), el("span"));
  const parts = ["b", "k", "s"].map(c => el("i", { class: c }));
  const bar = el("div", { class: "bar3", role: "img" }, ...parts), line = spark();
  const cells = Array.from({ length: 5 }, cell);
  const tr = el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, state), ...cells.slice(0, 4), el("td", { class: "left" }, bar), cells[4], el("td", { class: "left" }, line));
  tr.addEventListener("click", () => choose(i));
  r = { tr, state, parts, bar, cells, line, beat: -1 };
  rows.set(i, r);
  return r;
}

/** wireTable makes headers sort and rows choose. @param {(i: number) => void} onChoose */
export function wireTable(onChoose) {
  choose = onChoose;
  $("#table thead").addEventListener("click", e => {
    const column = e.target.dataset.sort;
    if (!column) return;
    if (column === by) down = !down;
    else { by = column; down = column !== "id"; if (column === "id") down = true; }
    document.querySelectorAll("#table th[aria-sort]").forEach(th => th.removeAttribute("aria-sort"));
    e.target.parentElement.setAttribute("aria-sort", (column === "id") === down ? "ascending" : "descending");
    paintTable(true);
  });
  more.querySelector("button").addEventListener("click", () => { all = true; paintTable(true); });
  grip();
}

/** sift shows the rows whose name or kind has a text in it. @param {string} text */
export function sift(text) {
  filter = text.toLowerCase();
  if (store.n.length) paintTable(true);
}

/** markRow marks the node that is selected; -1 none. @param {number} i */
export function markRow(i) {
  rows.get(chosen)?.tr.classList.remove("chosen");
  chosen = i;
  const tr = rows.get(i)?.tr;
  tr?.classList.add("chosen");
  if (tr?.isConnected && !tr.contains(document.activeElement)) tr.scrollIntoView({ block: "nearest" });
}

// The order changes every two seconds at most, and not under somebody's hand.
function order(now) {
  const busy = scroll.matches(":hover") || scroll.contains(document.activeElement);
  if (!now && (busy && shown.length || performance.now() - sorted < 2000)) return;
  sorted = performance.now();
  let list = store.flow.nodes.map((_, i) => i);
  if (filter) list = list.filter(i => (store.flow.nodes[i].id + " " + store.flow.nodes[i].kind).toLowerCase().includes(filter));
  const compare = orders[by];
  list.sort((a, b) => (down ? compare(b, a) : compare(a, b)) || a - b);
  const next = all ? list : list.slice(0, ROWS);
  more.hidden = next.length === list.length;
  if (!more.hidden) say(more.firstElementChild, `${next.length} of ${list.length} nodes.`);
  if (next.length !== shown.length || next.some((i, k) => i !== shown[k])) {
    body.replaceChildren(...next.map(i => row(i).tr));
    rows.get(chosen)?.tr.classList.add("chosen");
  }
  shown = next;
}

/** paintTable writes the newest snapshot. @param {boolean} [now] sort at once */
export function paintTable(now = false) {
  order(now);
  const history = beat !== store.beat;
  beat = store.beat;
  for (const i of shown) {
    const r = row(i), n = store.n[i];
    if (!n) continue;
    r.state.className = "state s" + n[N.state];
    say(r.state.firstChild, SIGNS[n[N.state]]);
    say(r.state.lastChild, STATES[n[N.state]]);
    const { source, sink } = store.flow.nodes[i];
    const texts = [source ? "–" : rate(n[N.in]).slice(0, -2), sink ? "–" : rate(n[N.out]).slice(0, -2), span(n[N.p50]), span(n[N.p99]), String(n[N.errors])];
    texts.forEach((text, k) => say(r.cells[k], text));
    r.cells[4].classList.toggle("some", n[N.errors] > 0);
    [N.busy, N.blocked, N.starved].forEach((c, k) => { r.parts[k].style.width = n[c] + "%"; });
    const label = `busy ${n[N.busy]} %, blocked ${n[N.blocked]} %, starved ${n[N.starved]} %`;
    if (r.bar.title !== label) { r.bar.title = label; r.bar.setAttribute("aria-label", label); }
    if (history || r.beat < 0) { trace(r.line, store.pastN[i] || []); r.beat = beat; }
  }
}

// grip lets the height of the table be chosen, by hand and by keys.
function grip() {
  const handle = $("#grip"), main = $("main");
  const set = px => {
    const height = Math.round(Math.min(Math.max(px, 80), innerHeight * 0.75));
    main.style.setProperty("--table", height + "px");
    handle.setAttribute("aria-valuenow", String(height));
  };
  set($("#table").offsetHeight);
  handle.addEventListener("pointerdown", e => {
    handle.setPointerCapture(e.pointerId);
    const bottom = $("#table").getBoundingClientRect().bottom;
    handle.onpointermove = m => set(bottom - m.clientY);
    handle.onpointerup = () => { handle.onpointermove = null; };
  });
  handle.addEventListener("keydown", e => {
    const by = { ArrowUp: 24, ArrowDown: -24 }[e.key];
    if (by) { e.preventDefault(); e.stopPropagation(); set($("#table").offsetHeight + by); }
  });
}
