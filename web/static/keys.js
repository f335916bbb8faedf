// Keyboard paths through the drawing. Up to some dozen nodes each is a stop of Tab, in
// the order of the flow; in a larger flow the drawing is one stop, and arrows lead on.

import { $ } from "./parts.js";
import { store } from "./store.js";
import { boxOf, fit, picture, reveal, view, zoom } from "./view.js";

const STOPS = 60;

/** target tells which node or edge an element belongs to. @param {any} e @returns {{kind: string, i: number} | null} */
export function target(e) {
  const g = e?.closest?.(".node,.edge,.pill");
  if (!g || !picture.contains(g)) return null;
  if (g.classList.contains("node")) {
    const id = g.id.slice(2);
    return { kind: "n", i: store.flow.nodes.findIndex(n => n.id === id) };
  }
  return { kind: "e", i: +g.id.slice(1) };
}

const find = (kind, i) => document.getElementById(kind === "n" ? "n-" + store.flow.nodes[i].id : "e" + i);

/** edgeBox is the place of an edge: around its pill, or its ends. @param {number} i */
export function edgeBox(i) {
  const q = document.getElementById("q" + i), e = store.flow.edges[i];
  if (q) { const m = q.transform.baseVal[0].matrix; return { x: m.e - 40, y: m.f - 20, w: 80, h: 40 }; }
  const a = boxOf(e.from), b = boxOf(e.to);
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, w: 1, h: 1 };
}

/** focus moves the keyboard to a node or an edge and shows it. @param {string} kind @param {number} i */
export function focus(kind, i) {
  reveal(kind === "n" ? boxOf(i) : edgeBox(i));
  const e = find(kind, i);
  if (store.flow.nodes.length > STOPS) {
    picture.querySelectorAll('[tabindex="0"]').forEach(x => x.setAttribute("tabindex", "-1"));
    e.setAttribute("tabindex", "0");
  }
  e.focus({ preventScroll: true });
}

/**
 * wireKeys takes the keyboard.
 * @param {{open: (kind: string, i: number) => void, close: () => boolean, blame: () => void, hold: () => void}} acts
 */
export function wireKeys(acts) {
  picture.querySelectorAll(".edge").forEach(e => e.setAttribute("tabindex", "-1"));
  if (store.flow.nodes.length > STOPS) picture.querySelectorAll(".node").forEach((e, i) => e.setAttribute("tabindex", i ? "-1" : "0"));
  // The browser scrolls to what gets focus; here the view moves instead.
  picture.addEventListener("focusin", e => { const at = target(e.target); if (at && e.target.matches(":focus-visible")) reveal(at.kind === "n" ? boxOf(at.i) : edgeBox(at.i)); });
  document.addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input,textarea") || document.querySelector("dialog[open]")) return;
    if (key(e, acts)) e.preventDefault();
  });
}

function key(e, acts) {
  const at = target(document.activeElement);
  switch (e.key) {
    case "/": $("#search").focus(); return true;
    case "?": $("#keys").showModal(); return true;
    case "f": view.touched = false; fit(); return true;
    case "+": case "=": zoom(1.25); return true;
    case "-": zoom(0.8); return true;
    case "b": acts.blame(); return true;
    case "d": $("#turn").click(); return true;
    case "t": $("#table tbody button")?.focus(); return true;
    case "p": acts.hold(); return true;
    case "Escape": return acts.close();
    case "Enter": case " ":
      if (at) acts.open(at.kind, at.i);
      return !!at;
    case "ArrowRight": case "ArrowLeft": case "ArrowUp": case "ArrowDown":
      if (!at) return false;
      step(at, e.key.slice(5));
      return true;
  }
  return false;
}

// step walks: right and left along edges, up and down among neighbours; the other way
// round where edges run down.
function step({ kind, i }, way) {
  if (picture.classList.contains("down")) way = { Right: "Down", Left: "Up", Up: "Left", Down: "Right" }[way];
  const { nodes, edges } = store.flow;
  if (way === "Right" || way === "Left") {
    if (kind === "e") return focus("n", way === "Right" ? edges[i].to : edges[i].from);
    const next = (way === "Right" ? store.outOf : store.into)[i];
    if (next.length) focus("e", next[0]);
    return;
  }
  const by = way === "Down" ? 1 : -1;
  if (kind === "n") return focus("n", (i + by + nodes.length) % nodes.length);
  const out = store.outOf[edges[i].from], into = store.into[edges[i].to];
  const beside = out.length > 1 ? out : into;
  focus("e", beside[(beside.indexOf(i) + by + beside.length) % beside.length]);
}
