// Small parts that all modules share: numbers as text, elements, lines of history.

const NS = "http://www.w3.org/2000/svg";

/** How many points a line of history has: one a second. */
export const POINTS = 60;

/** @param {string} selector @returns {any} */
export const $ = selector => document.querySelector(selector);

const base = document.documentElement.dataset.base || "";

/** api gives the address of a part of the API; the page may stand below another one. @param {string} path */
export const api = path => base + "/api/v1" + path;

/** short writes a number in at most five characters. @param {number} v */
export function short(v) {
  for (const [unit, sign] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e3, "k"]])) {
    if (v >= unit * 0.9995) return (v / unit).toFixed(v < unit * 99.5 ? 1 : 0) + sign;
  }
  return v === 0 || v >= 10 || Number.isInteger(v) ? v.toFixed(0) : v.toFixed(1);
}

/** count writes a number of items as the drawing writes capacities. @param {number} v */
export const count = v => v < 10000 ? String(v) : short(v);

/** rate writes items per ten seconds as items per second. @param {number} tenths */
export const rate = tenths => short(tenths / 10) + "/s";

/** span writes microseconds. @param {number} us */
export function span(us) {
  if (!us) return "–";
  if (us < 1000) return us + " µs";
  if (us < 1e6) return (us / 1e3).toFixed(us < 1e4 ? 1 : 0) + " ms";
  return (us / 1e6).toFixed(us < 1e7 ? 1 : 0) + " s";
}

/** bytes writes a size. @param {number} n */
export function bytes(n) {
  let i = 0;
  for (; n >= 1024 && i < 4; i++) n /= 1024;
  return n.toFixed(n < 10 && i ? 1 : 0) + " " + ["B", "KB", "MB", "GB", "TB"][i];
}

/** elapsed writes how long something has taken, in words that rest for as long as they can. @param {number} ms */
export function elapsed(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 1) return "< 1 s";
  return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
}

/** clock writes milliseconds as 12:34 or 1:02:03. @param {number} ms */
export function clock(ms) {
  const s = Math.floor(ms / 1000), two = n => String(n).padStart(2, "0");
  const rest = two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
  return s >= 3600 ? Math.floor(s / 3600) + ":" + rest : rest;
}

/**
 * el builds an element; children are text or elements, so text is never markup.
 * @param {string} tag @param {Record<string, any>} attributes @param {...any} children @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  put(e, attributes);
  e.append(...children);
  return e;
}

/** svg builds an element of a drawing. @param {string} tag @param {Record<string, any>} attributes @param {...any} children @returns {any} */
export function svg(tag, attributes = {}, ...children) {
  const e = document.createElementNS(NS, tag);
  put(e, attributes);
  e.append(...children);
  return e;
}

function put(e, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value);
  }
}

/** say sets the text of an element if it differs: writing the same text costs a layout. @param {any} e @param {string} text */
export function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/** spark builds an empty line of history; trace fills it. */
export function spark() {
  return svg("svg", { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "area" }), svg("path"));
}

/** trace draws values as a line over a light area; the newest is at the right. @param {any} line @param {number[]} values @param {number} least */
export function trace(line, values, least = 1) {
  const top = Math.max(...values, least) * 1.12, from = POINTS - values.length;
  const points = values.map((v, i) => `${((from + i) * 100 / (POINTS - 1)).toFixed(1)} ${(29 - v / top * 28).toFixed(1)}`);
  const d = points.length ? "M" + points.join("L") : "";
  const [area, stroke] = line.children;
  if (stroke.getAttribute("d") === d) return;
  stroke.setAttribute("d", d);
  area.setAttribute("d", d && `${d}L100 30L${(from * 100 / (POINTS - 1)).toFixed(1)} 30Z`);
}
