// Pan, zoom and level of detail. The view is a corner and a scale; nothing but the
// user's hand and an explicit "show this" moves it.

import { $, svg as make } from "./parts.js";

const LEAST = 0.02, MOST = 3;
const LOD = 0.4, FAR = 0.12; // below: without ports and numbers; plain blocks
const CULL = 150; // nodes, from which on what is out of sight is left out

export const picture = $("svg.flow");
/** The dots that run along edges are a drawing of their own, below the other, so that a
 * frame of their motion does not paint all the rest again. */
export const dots = make("svg", { class: "flow dots", "aria-hidden": "true" });
picture.after(dots);
const whole = { w: picture.viewBox.baseVal.width, h: picture.viewBox.baseVal.height };
const reduced = matchMedia("(prefers-reduced-motion: reduce)");

export const view = { x: 0, y: 0, k: 1, level: 0, touched: false };

/** @type {{e: any, also: any[], x: number, y: number, w: number, h: number, out: boolean}[]} */
let parts = [];
let watcher = () => {};
const size = { w: 0, h: 0 };

/** boxOf is the place of a card. @param {number} i */
export const boxOf = i => boxes[i];
/** @type {{x: number, y: number, w: number, h: number}[]} */
let boxes = [];

/**
 * prepare learns where everything is; changed is called when the level of detail
 * or what is in sight has changed.
 * @param {any} flow @param {() => void} changed
 */
export function prepare(flow, changed) {
  watcher = changed;
  boxes = flow.nodes.map(n => {
    const g = document.getElementById("n-" + n.id), m = g.transform.baseVal[0].matrix, card = g.querySelector(".card");
    return { x: m.e, y: m.f, w: card.width.baseVal.value, h: card.height.baseVal.value };
  });
  if (flow.nodes.length >= CULL) {
    parts = flow.nodes.map((n, i) => ({ e: document.getElementById("n-" + n.id), also: [], ...boxes[i], out: false }));
    flow.edges.forEach((e, i) => {
      const a = boxes[e.from], b = boxes[e.to];
      const x = Math.min(a.x, b.x), y = Math.min(a.y, b.y) - 60;
      parts.push({ e: document.getElementById("e" + i), also: [document.getElementById("q" + i)].filter(Boolean), x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) + 60 - y, out: false });
    });
    drawMap(flow);
  }
  measure();
  restore() || start();
  // The panel and the table take room away and move nothing; another window does.
  new ResizeObserver(() => { measure(); show(); }).observe(picture);
  addEventListener("resize", () => { measure(); if (!view.touched) start(); });
}

function measure() {
  size.w = picture.clientWidth;
  size.h = picture.clientHeight;
}

// start is the first view: all of it, or as much as can be read on a small screen, or
// of a drawing that runs down, from its beginning.
function start() {
  fit();
  const down = picture.classList.contains("down"), least = size.w < 700 || down ? 0.62 : 0;
  if (view.k < least && boxes.length < CULL) {
    const first = boxes[0] || { x: 0, y: 0, w: 0, h: 0 };
    view.k = least;
    view.x = down ? (whole.w - size.w / least) / 2 : first.x - 24;
    view.y = down ? -12 : first.y + first.h / 2 - size.h / least / 2;
    show();
  }
  view.touched = false;
}

/** settle is start again, for a panel that was open from the beginning. */
export function settle() {
  measure();
  if (!view.touched) start();
}

/** fit shows the whole flow. */
export function fit() {
  const k = Math.min(size.w / whole.w, size.h / whole.h, 1.25);
  set((whole.w - size.w / k) / 2, (whole.h - size.h / k) / 2, k);
}

function set(x, y, k) {
  Object.assign(view, { x, y, k });
  show();
}

let asked = false;
function show() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(paint);
}

function paint() {
  asked = false;
  const { x, y, k } = view, w = size.w / k, h = size.h / k;
  const box = `${x.toFixed(2)} ${y.toFixed(2)} ${w.toFixed(2)} ${h.toFixed(2)}`;
  picture.setAttribute("viewBox", box);
  dots.setAttribute("viewBox", box);
  const level = k < FAR ? 2 : k < LOD ? 1 : 0;
  const other = level !== view.level;
  if (other) {
    view.level = level;
    picture.classList.toggle("lod", level > 0);
    picture.classList.toggle("far", level > 1);
  }
  const moved = cull(x, y, w, h);
  frame(x, y, w, h);
  if (other || moved) watcher();
}

// cull hides what is out of sight, so that a large flow in full detail costs what
// is seen of it.
function cull(x, y, w, h) {
  let moved = false;
  for (const p of parts) {
    const out = p.x > x + w || p.x + p.w < x || p.y > y + h || p.y + p.h < y;
    if (out === p.out) continue;
    p.out = out;
    moved = true;
    p.e.classList.toggle("out-of-sight", out);
    for (const e of p.also) e.classList.toggle("out-of-sight", out);
  }
  return moved;
}

/** inSight reports whether a node is drawn now. @param {number} i */
export const inSight = i => !parts.length || !parts[i].out;
/** edgeInSight is the same for an edge. @param {number} i */
export const edgeInSight = i => !parts.length || !parts[boxes.length + i].out;

/** zoom scales about a point of the screen, the middle if there is none. @param {number} by @param {number} [cx] @param {number} [cy] */
export function zoom(by, cx = size.w / 2, cy = size.h / 2) {
  const k = Math.min(MOST, Math.max(LEAST, view.k * by));
  view.touched = true;
  set(view.x + cx / view.k - cx / k, view.y + cy / view.k - cy / k, k);
}

function pan(dx, dy) {
  view.touched = true;
  set(view.x - dx / view.k, view.y - dy / view.k, view.k);
}

/** reveal brings a box into sight by the shortest way, larger if it could not be read. @param {{x: number, y: number, w: number, h: number}} b */
export function reveal(b) {
  measure();
  const k = view.k < LOD ? 0.8 : view.k;
  let { x, y } = view;
  if (k !== view.k) {
    x = b.x + b.w / 2 - size.w / k / 2;
    y = b.y + b.h / 2 - size.h / k / 2;
  } else {
    const pad = 40 / k;
    x = Math.min(Math.max(x, b.x + b.w + pad - size.w / k), b.x - pad);
    y = Math.min(Math.max(y, b.y + b.h + pad - size.h / k), b.y - pad);
  }
  if (x === view.x && y === view.y && k === view.k) return;
  view.touched = true;
  glide(x, y, k);
}

let gliding = 0;
function glide(x, y, k) {
  cancelAnimationFrame(gliding);
  if (reduced.matches || document.hidden) return set(x, y, k);
  const from = { ...view }, begun = performance.now();
  const step = now => {
    const p = Math.min(1, Math.max(0, now - begun) / 220), s = p * (2 - p);
    set(from.x + (x - from.x) * s, from.y + (y - from.y) * s, from.k + (k - from.k) * s);
    if (p < 1) gliding = requestAnimationFrame(step);
  };
  gliding = requestAnimationFrame(step);
}

/** handle takes the hand: wheel, drag and pinch. */
export function handle() {
  const place = e => { const r = picture.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
  picture.addEventListener("wheel", e => {
    e.preventDefault();
    cancelAnimationFrame(gliding);
    // A pinch on a touchpad comes as a wheel with ctrl; small steps are two fingers.
    const fingers = e.deltaMode === 0 && !e.ctrlKey && (e.deltaX !== 0 || Math.abs(e.deltaY) < 50);
    if (fingers) return pan(-e.deltaX, -e.deltaY);
    zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : e.ctrlKey ? 0.01 : 0.0015)), ...place(e));
  }, { passive: false });

  const pointers = new Map();
  let drag = false;
  picture.addEventListener("pointerdown", e => {
    if (e.button > 0) return;
    pointers.set(e.pointerId, place(e));
    drag = false;
    cancelAnimationFrame(gliding);
  });
  picture.addEventListener("pointermove", e => {
    const was = pointers.get(e.pointerId);
    if (!was) return;
    const now = place(e);
    if (!drag && Math.hypot(now[0] - was[0], now[1] - was[1]) < 4) return;
    if (!drag) picture.setPointerCapture(e.pointerId);
    drag = true;
    if (pointers.size === 1) pan(now[0] - was[0], now[1] - was[1]);
    else {
      const other = [...pointers].find(([id]) => id !== e.pointerId)[1];
      const before = Math.hypot(was[0] - other[0], was[1] - other[1]), after = Math.hypot(now[0] - other[0], now[1] - other[1]);
      zoom(after / Math.max(before, 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }
    pointers.set(e.pointerId, now);
  });
  const up = e => pointers.delete(e.pointerId);
  picture.addEventListener("pointerup", up);
  picture.addEventListener("pointercancel", up);
  // A drag is no click.
  picture.addEventListener("click", e => { if (drag) e.stopPropagation(); drag = false; }, true);
  $(".zoom").addEventListener("click", e => {
    const to = e.target.dataset.zoom;
    if (to === "fit") { view.touched = false; fit(); } else if (to) zoom(to === "in" ? 1.25 : 0.8);
  });
}

// The map in the corner shows where the view is in a large flow.
const map = $("#map");
/** @type {any} */
let window_ = null;
function drawMap(flow) {
  map.removeAttribute("hidden");
  map.setAttribute("viewBox", `0 0 ${whole.w} ${whole.h}`);
  map.setAttribute("height", Math.round(190 * whole.h / whole.w));
  const d = boxes.map(b => `M${b.x | 0} ${b.y | 0}h${b.w | 0}v${b.h | 0}h-${b.w | 0}z`).join("");
  window_ = make("rect", { class: "window" });
  map.append(make("path", { d }), window_);
  map.addEventListener("pointerdown", e => {
    const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(map.getScreenCTM().inverse());
    view.touched = true;
    glide(p.x - size.w / view.k / 2, p.y - size.h / view.k / 2, view.k);
  });
}
function frame(x, y, w, h) {
  if (!window_) return;
  const all = x <= 0 && y <= 0 && x + w >= whole.w && y + h >= whole.h;
  window_.classList.toggle("all", all);
  for (const [name, value] of Object.entries({ x, y, width: w, height: h })) window_.setAttribute(name, value.toFixed(0));
}

// The view outlives a reload of the same page in the same tab; another direction of
// the drawing is seen as a whole first.
$("#turn").addEventListener("click", () => { view.touched = false; });
addEventListener("pagehide", () => {
  if (view.touched) sessionStorage.setItem("flowrun-view", JSON.stringify([view.x, view.y, view.k]));
});
function restore() {
  const kept = JSON.parse(sessionStorage.getItem("flowrun-view") || "null");
  sessionStorage.removeItem("flowrun-view");
  if (!kept) return false;
  set(kept[0], kept[1], kept[2]);
  view.touched = true;
  return true;
}
