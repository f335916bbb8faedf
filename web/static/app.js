// The live page: puts the parts together.

import { $, clock, rate, say, short } from "./parts.js";
import { E, N, SIGNS, store } from "./store.js";
import { listen, outline } from "./stream.js";
import { boxOf, handle, picture, prepare, reveal, settle, view } from "./view.js";
import { elements, gather, paint, paintAll, still } from "./paint.js";
import { markRow, paintTable, sift, wireTable } from "./table.js";
import { act as order, hold, paintControl } from "./control.js";
import { paintCutAge, paintCuts, wireCuts } from "./cuts.js";
import { inspect, paintInspector, wireInspector } from "./inspector.js";
import { wireSearch } from "./search.js";
import { edgeBox, focus, target, wireKeys } from "./keys.js";

const root = document.documentElement;
/** @type {{kind: string, i: number} | null} */
let selected = null;

// Inside the frame of another page there is the drawing only; more opens beside it.
const embedded = root.classList.contains("embed");

function select(kind, i, show = true) {
  if (embedded) {
    if (kind) open("?sel=" + encodeURIComponent(kind === "n" ? store.flow.nodes[i].id : "e" + i), "_blank", "noopener");
    return;
  }
  if (selected) elements(selected.kind, selected.i).forEach(e => e.classList.remove("chosen"));
  selected = kind ? { kind, i } : null;
  $("main").classList.toggle("closed", !selected);
  inspect(kind, i);
  markRow(kind === "n" ? i : -1);
  related();
  if (!selected) return;
  elements(kind, i).forEach(e => e.classList.add("chosen"));
  // The panel takes room from the drawing; what was chosen must not vanish under it.
  if (show) requestAnimationFrame(() => reveal(kind === "n" ? boxOf(i) : edgeBox(i)));
}

// related dims what is neither upstream nor downstream of the selection.
function related() {
  picture.classList.toggle("focused", !!selected);
  picture.querySelectorAll(".kin").forEach(e => e.classList.remove("kin"));
  if (!selected) return;
  const { edges } = store.flow, seen = new Set();
  const walk = (nodes, next, end) => {
    for (const n of nodes) for (const k of next[n]) {
      if (seen.has("e" + k)) continue;
      seen.add("e" + k);
      seen.add("n" + edges[k][end]);
      nodes.push(edges[k][end]);
    }
  };
  const { kind, i } = selected, edge = edges[i];
  seen.add(kind + i);
  if (kind === "e") { seen.add("n" + edge.from); seen.add("n" + edge.to); }
  walk([kind === "n" ? i : edge.from], store.into, "from");
  walk([kind === "n" ? i : edge.to], store.outOf, "to");
  for (const key of seen) elements(key[0], +key.slice(1)).forEach(e => e.classList.add("kin"));
}

function figures() {
  let into = 0, out = 0, queued = 0, errors = 0, read = 0, known = 0;
  store.flow.nodes.forEach((n, i) => {
    const row = store.n[i];
    if (n.source) {
      into += row[N.out];
      if (row[N.progress] >= 0) { read += row[N.progress]; known++; }
    }
    if (n.sink) out += row[N.in];
    errors += row[N.errors];
  });
  for (const row of store.e) queued += row[E.items];
  say($("#k-in"), rate(into));
  say($("#k-out"), rate(out));
  say($("#k-queued"), short(queued));
  say($("#k-errors"), short(errors));
  $("#k-errors").classList.toggle("some", errors > 0);
  $("#k-done-box").hidden = !known;
  if (known) say($("#k-done"), Math.floor(read / known / 10) + " %");
  elapsed();
}

function elapsed() {
  const running = store.outcome === "running" && !picture.classList.contains("stale");
  say($("#elapsed"), clock(store.t + (running ? performance.now() - store.at : 0)));
  paintCutAge();
}

let spoken = -Infinity, spokenHead = "";
function verdict() {
  const v = store.verdict, box = $("#verdict"), sign = { ok: "✓", info: "●", warn: "!", bad: "▲" }[v.level];
  if (box.className !== "verdict " + v.level) box.className = "verdict " + v.level;
  say(box.firstElementChild, `${sign} ${v.head}`);
  say(box.lastElementChild, v.text ? "— " + v.text : "");
  box.classList.toggle("about", !!v.node);
  // Only changes are announced, one every five seconds at most.
  if (v.head !== spokenHead && performance.now() - spoken > 5000) {
    spoken = performance.now();
    spokenHead = v.head;
    say($("#live"), v.head + ". " + (v.text || ""));
  }
}

function blame() {
  const i = store.flow.nodes.findIndex(n => n.id === store.verdict?.node);
  if (i >= 0) { focus("n", i); select("n", i); }
}

const words = { running: "Running", done: "Done", stopped: "Stopped", failed: "Failed" };
const states = { running: 0, done: 5, stopped: 5, failed: 6 };
function outcome(now) {
  $("#outcome").className = "chip s" + states[now];
  say($("#outcome").firstElementChild, now === "running" ? "" : SIGNS[states[now]]);
  say($("#outcome").children[1], words[now] || now);
  const button = $("#stop");
  if (button && now !== "running") button.disabled = true;
  paintControl();
  paintCuts();
}

// note says how the connection is, and dims numbers that no longer change.
function note(what, detail) {
  const lost = what === "lost";
  $("#conn").className = "conn " + what;
  say($("#conn"), { live: "live", lost: "reconnecting", ended: "ended" }[what]);
  if (what === "ended") outcome(detail.outcome);
  if (what === "live" && store.outcome === "running") outcome("running");
  document.body.classList.toggle("stale", lost);
  picture.classList.toggle("stale", lost);
  const banner = $("#lost");
  if (lost && banner.hidden) say(banner, `The server is gone: these are the numbers of ${new Date().toLocaleTimeString()}. Trying again …`);
  banner.hidden = !lost;
  still();
}

function theme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("flowrun-theme", root.dataset.theme); } catch { /* private windows may forbid storage */ }
}

function wireButtons() {
  $("#theme").addEventListener("click", theme);
  $("#help").addEventListener("click", () => $("#keys").showModal());
  $("#verdict").addEventListener("click", blame);
  picture.addEventListener("click", e => {
    const at = target(e.target);
    at ? select(at.kind, at.i) : select("");
  });
  const ask = $("#ask");
  if (!ask) return;
  $("#stop").addEventListener("click", () => ask.showModal());
  ask.addEventListener("close", async () => {
    if (!ask.returnValue) return;
    const wanted = ask.returnValue;
    ask.returnValue = "";
    if (await order(wanted)) say($("#outcome").children[1], "Draining");
  });
}

function close() {
  if (!selected) return false;
  const { kind, i } = selected, inside = $("#inspector").contains(document.activeElement);
  select("");
  if (inside) focus(kind, i);
  return true;
}

async function start() {
  await outline();
  prepare(store.flow, paintAll);
  gather();
  handle();
  const go = (kind, i) => { focus(kind, i); select(kind, i); };
  wireTable(i => select("n", i));
  wireInspector(go, close);
  wireSearch(go, sift);
  wireCuts(i => go("n", i));
  wireButtons();
  wireKeys({ open: (kind, i) => select(kind, i), close, blame, hold });
  listen(changed => {
    paint(changed.n, changed.e);
    figures();
    verdict();
    paintControl();
    paintCuts();
    paintTable();
    paintInspector();
  }, note);
  setInterval(elapsed, 1000);
  if (!embedded) remembered();
}

// The selection outlives a reload; ?sel=ID or ?sel=e3 asks for one.
function remembered() {
  const wanted = new URLSearchParams(location.search).get("sel") || sessionStorage.getItem("flowrun-chosen") || "";
  sessionStorage.removeItem("flowrun-chosen");
  const i = store.flow.nodes.findIndex(n => n.id === wanted), edge = /^e(\d+)$/.exec(wanted);
  const show = !view.touched; // a view that was kept stays where it is
  if (i >= 0) select("n", i, show);
  else if (edge && store.flow.edges[+edge[1]]) select("e", +edge[1], show);
  settle();
}
addEventListener("pagehide", () => {
  if (selected) sessionStorage.setItem("flowrun-chosen", selected.kind === "n" ? store.flow.nodes[selected.i].id : "e" + selected.i);
});

start().catch(error => {
  const banner = $("#lost");
  say(banner, "The page cannot start: " + error.message);
  banner.hidden = false;
});
