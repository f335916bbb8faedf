// The panel at the side: everything about one node or one edge. It is built when
// something is selected; ticks change its numbers only.

import { $, api, bytes, count, el, rate, say, short, span, spark, trace } from "./parts.js";
import { E, N, SIGNS, STATES, store } from "./store.js";
import { items, leaveItems } from "./tap.js";

const panel = $("#inspector");
/** @type {(() => void)[]} */
let updates = [];
let asked = -Infinity, current = "";
/** @type {(kind: string, i: number) => void} */
let go = () => {};
let close = () => {};

/** wireInspector says what links and the cross do. @param {(kind: string, i: number) => void} onGo @param {() => void} onClose */
export function wireInspector(onGo, onClose) {
  go = onGo;
  close = onClose;
}

/** inspect shows a node ("n"), an edge ("e") or nothing (""). @param {string} kind @param {number} [i] */
export function inspect(kind, i = -1) {
  leaveItems();
  updates = [];
  current = kind + i;
  asked = -Infinity;
  panel.replaceChildren(...(kind === "n" ? node(i) : kind === "e" ? edge(i) : []));
  panel.scrollTop = 0;
  paintInspector();
}

/** paintInspector writes the newest snapshot. */
export function paintInspector() {
  if (store.n.length) updates.forEach(update => update());
}

const head = text => el("h3", {}, text);
const cross = () => el("button", { type: "button", class: "icon cross", "aria-label": "Close", title: "Close (Esc)", onclick: () => close() }, "×");

// figure is a number with a name, a line of its history if there is one, and the
// colour of errors while bad says so.
function figure(name, value, history, least, bad) {
  const number = el("b", {}, "–"), box = el("div", {}, el("small", {}, name), number);
  const line = history && spark();
  if (line) box.append(line);
  let beat = -1;
  updates.push(() => {
    say(number, value());
    if (bad) number.classList.toggle("some", bad());
    if (line && beat !== store.beat) { beat = store.beat; trace(line, history() || [], least); }
  });
  return box;
}

function node(i) {
  const n = store.flow.nodes[i], row = () => store.n[i];
  const chip = el("span", { class: "chip" }, el("i", { "aria-hidden": "true" }), el("span"));
  updates.push(() => {
    const s = row()[N.state];
    chip.className = "chip s" + s;
    say(chip.firstChild, SIGNS[s]);
    say(chip.lastChild, STATES[s]);
  });
  const percent = c => () => row()[c] + " %";
  const parts = ["b", "k", "s"].map(c => el("i", { class: c }));
  updates.push(() => [N.busy, N.blocked, N.starved].forEach((c, k) => { parts[k].style.width = row()[c] + "%"; }));
  const total = { in: "–", out: "–", filtered: "–", retries: "–" };
  const errors = el("div", { class: "errors" }, el("p", { class: "sub" }, "none"));
  const leftOut = el("p", { class: "sub", hidden: true });
  const broker = el("div", { hidden: true }), noted = el("div", { hidden: true });
  updates.push(() => fetchNode(i, { total, errors, leftOut, broker, noted }));
  const out = [
    el("div", { class: "line" }, el("h2", {}, n.id), chip, cross()),
    el("p", { class: "sub" }, n.kind, n.at ? " · " + n.at : ""),
  ];
  if (n.about || n.summary) out.push(el("p", {}, n.about || n.summary));
  out.push(
    el("div", { class: "figures" },
      figure("throughput", () => rate(Math.max(row()[N.in], row()[N.out])), () => store.pastN[i]),
      figure("time per batch, p99", () => span(row()[N.p99])),
      figure("workers", () => String(row()[N.workers])),
      figure("errors", () => short(row()[N.errors]))),
    el("div", { class: "bar3 wide" }, ...parts),
    el("div", { class: "figures three" },
      el("div", { class: "kb" }, ...figure("busy", percent(N.busy)).childNodes),
      el("div", { class: "kk" }, ...figure("blocked", percent(N.blocked)).childNodes),
      el("div", { class: "ks" }, ...figure("starved", percent(N.starved)).childNodes)),
    head("Since the start"),
    el("div", { class: "figures four" },
      figure("in", () => total.in), figure("out", () => total.out), figure("filtered", () => total.filtered), figure("retries", () => total.retries)),
    leftOut, broker, noted,
    head("Last errors"), errors,
    ...ports("Inputs", n.in, store.into[i], e => e.from, "to"),
    ...ports("Outputs", n.out, store.outOf[i], e => e.to, "from"));
  if (n.settings) out.push(head("As written" + (n.at ? " in " + n.at : "")), el("pre", {}, n.settings));
  return out;
}

// fetchNode asks for what ticks do not carry, every two seconds.
async function fetchNode(i, { total, errors, leftOut, broker, noted }) {
  const self = current;
  if (performance.now() - asked < 2000) return;
  asked = performance.now();
  try {
    const answer = await fetch(api("/nodes/") + encodeURIComponent(store.flow.nodes[i].id));
    if (!answer.ok || self !== current) return;
    const got = await answer.json();
    for (const key of Object.keys(total)) total[key] = short(got.total[key]);
    const fields = Object.entries(got.total.fields_dropped || {}).sort((a, b) => b[1] - a[1]);
    if ((leftOut.hidden = !fields.length) === false) {
      say(leftOut, "Left out, for its type does not have them: " + fields.slice(0, 8).map(([name, n]) => `${name} (${short(n)})`).join(", ") +
        (fields.length > 8 ? ` and ${fields.length - 8} more fields` : ""));
    }
    showBroker(broker, got.total.standing);
    showNotes(noted, got.total.notes);
    const list = (got.errors || []).reverse();
    if (list.length && errors.dataset.newest !== list[0].time) {
      errors.dataset.newest = list[0].time;
      errors.replaceChildren(...list.map(x => el("div", { class: "error" },
        el("p", {}, el("time", {}, new Date(x.time).toLocaleTimeString()), " ", x.error),
        ...(x.excerpt ? [el("p", { class: "sub" }, x.at), el("pre", {}, x.excerpt)] : []),
        el("pre", {}, x.item),
        ...(x.file ? [el("p", { class: "sub" }, "read from " + x.file + (x.line ? ":" + x.line : ""))] : []),
        ...(x.hint ? [el("p", { class: "sub" }, "hint: " + x.hint)] : []))));
    }
    paintInspector(); // of a run that has ended there is no other tick
  } catch { /* the server is lost; the banner says so */ }
}

// showBroker tells how a node stands with its broker, if it has one.
function showBroker(box, b) {
  if ((box.hidden = !b)) return;
  const fact = (name, value) => el("div", {}, el("small", {}, name), el("b", {}, value));
  box.replaceChildren(head("Broker"), el("div", { class: "figures three" },
    fact("wait there", b.lag < 0 ? "–" : short(b.lag)), fact("pending", short(b.pending)), fact("oldest pending", b.age_ns > 0 ? span(b.age_ns / 1e3) : "–"),
    fact("came again", short(b.redelivered)), fact("not acknowledged", short(b.missed)), fact("sent again", short(b.resent)), fact("reconnects", short(b.reconnects))));
}

// showNotes tells what has befallen a node and is no failure of an item.
function showNotes(box, notes) {
  if ((box.hidden = !notes?.length)) return;
  box.replaceChildren(head("Noted"), ...notes.slice(0, 8).map(x => el("p", {}, x.text, el("span", { class: "sub" },
    (x.times > 1 ? ` · ${short(x.times)} times` : "") + (x.last ? ` · ${x.times > 1 ? "the last: " : ""}${x.last}` : "")))),
    ...(notes.length > 8 ? [el("p", { class: "sub" }, `and ${notes.length - 8} more`)] : []));
}

function ports(title, list, edges, other, end) {
  if (!list?.length) return [];
  return [head(title), ...list.map(p => {
    const links = edges.filter(k => store.flow.edges[k].name.split(" → ")[end === "to" ? 1 : 0].endsWith("." + p.name));
    return el("div", { class: "port" },
      el("p", {}, el("b", {}, p.name), " ", el("code", {}, p.type)),
      ...(p.full ? [el("pre", {}, p.full)] : []),
      el("p", { class: "links" }, ...links.map(k => {
        const fill = el("small");
        updates.push(() => say(fill, store.e[k][E.fill] + " %"));
        return el("button", { type: "button", title: store.flow.edges[k].name, onclick: () => go("e", k) }, end === "to" ? "← " : "→ ", store.flow.nodes[other(store.flow.edges[k])].id, " ", fill);
      })));
  })];
}

function edge(i) {
  const e = store.flow.edges[i], row = () => store.e[i];
  const link = k => el("button", { type: "button", onclick: () => go("n", k) }, store.flow.nodes[k].id);
  return [
    el("div", { class: "line" }, el("h2", {}, e.name), cross()),
    el("p", { class: "sub" }, "edge" + (e.at ? " · " + e.at : "")),
    el("div", { class: "figures" },
      figure("queue, items", () => `${count(row()[E.items])} / ${count(e.capacity)}`, () => store.pastE[i], e.capacity / 8),
      figure("rate", () => rate(row()[E.rate])),
      figure("memory", () => `${bytes(row()[E.kb] * 1024)} / ${bytes(e.bytes)}`),
      figure("oldest item waits", () => row()[E.oldest] > 0 ? span(row()[E.oldest] * 1e3) : "–"),
      figure("wait, p99", () => row()[E.wait] > 0 ? span(row()[E.wait]) : "–"),
      figure(/^(block|spill)$/.test(e.on_full) ? "dropped" : `dropped, on_full: ${e.on_full}`, () => short(row()[E.dropped]), undefined, 1, () => row()[E.dropped] > 0),
      figure("a new item will wait", () => row()[E.rate] > 0 ? "≈ " + span(Math.round(row()[E.items] / row()[E.rate] * 1e7)) : "–"),
      figure("until full", () => untilFull(i, e.capacity))),
    head("Contract"),
    el("dl", { class: "facts" }, ...facts({
      capacity: e.capacity.toLocaleString("en") + " items", bytes: bytes(e.bytes), on_full: e.on_full, ...(e.priority && { priority: e.priority }), ...(e.delay && { delay: e.delay }),
    })),
    head("Between"), el("p", { class: "links" }, link(e.from), " → ", link(e.to)),
    head("Carries"), el("pre", {}, carried(e)),
    ...items(i),
  ];
}

function carried(e) {
  const name = e.name.split(" → ")[0].split(".").pop();
  const port = (store.flow.nodes[e.from].out || []).find(p => p.name === name);
  return port?.full ? `${e.type} = ${port.full}` : e.type;
}

const facts = list => Object.entries(list).map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v)));

// untilFull follows the last ten seconds of a queue in a straight line.
function untilFull(i, capacity) {
  const line = (store.pastE[i] || []).slice(-10), n = line.length;
  if (store.e[i][E.fill] >= 95) return "full";
  const growth = n > 4 ? (line[n - 1] - line[0]) / (n - 1) : 0;
  return growth > capacity / 600 ? "≈ " + span(Math.round((capacity - line[n - 1]) / growth * 1e6)) : "–";
}
