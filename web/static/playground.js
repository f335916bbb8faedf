// The page to write and try flows on: every change is checked by the server, what has
// no errors is drawn, and the last good drawing stays meanwhile.
import { openEditor, ports, said } from "./playground-editor.js";
import { showResult } from "./playground-results.js";

const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const page = $("play");
const pause = 250; // ms after the last key
const leastScale = 0.6; // of a drawing that is made to fit

let number = 0; // of the newest version
let timer = 0;
let asking = new AbortController(); // about the newest version
/** @type {Map<string, any>} the nodes of the drawing */
let nodes = new Map();
/** @type {any[]} its edges */
let edges = [];
/** @type {import("./playground-editor.js").Editor} */
let editor;
let saved = ""; // the text as it came, or as it was downloaded last

/** The server has too much to do; it is worth asking again. */
class Busy extends Error {}

/** Asks the server about the text; null if it has nothing to tell. */
async function ask(what, more = {}, signal) {
  const answer = await fetch("/api/v1/" + what, {
    method: "POST", headers: { "Content-Type": "application/json" }, signal,
    body: JSON.stringify({ flow: page.dataset.flow, text: editor.text(), ...more }),
  });
  if (answer.status === 204) return null;
  if (answer.status === 429) throw new Busy(await answer.text());
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

/** What the server says of a place; nothing if it does not. */
async function askPlace(what, line, column) {
  try { return await ask(what, { line, column }); } catch { return null; }
}

function verdict(state, sign, text) {
  const chip = $("verdict");
  chip.className = "chip " + state;
  chip.children[0].textContent = sign;
  chip.children[1].textContent = text;
}

const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** Checks this version, and draws it if it is good. Older answers are dropped. */
async function look() {
  const version = ++number;
  const { signal } = asking = new AbortController();
  try {
    const found = await ask("check", {}, signal);
    if (version !== number) return;
    showProblems(found);
    runnable(found.ok);
    if (found.ok) {
      const drawn = await ask("render", {}, signal);
      if (version !== number) return;
      draw(drawn);
    }
    stale(!found.ok);
    page.dataset.checked = String(version);
  } catch (e) {
    if (version !== number) return;
    if (e instanceof Busy) timer = setTimeout(look, 1500);
    verdict("s4", "!", e instanceof TypeError ? "the server does not answer" : e.message);
    stale(true);
  }
}

function showProblems(found) {
  const list = found.diagnostics.map((d) => ({
    line: d.line || 1, column: d.column || 1, width: d.width || 1, severity: d.severity, text: d.message,
    more: [...(d.notes || []).map((n) => n.message + (n.line ? ` (line ${n.line})` : "")), ...(d.hint ? ["hint: " + d.hint] : [])],
    code: d.code, placed: !!d.line,
  }));
  editor.mark(list);
  const errors = list.filter((p) => p.severity === "error").length + (found.more || 0);
  const warnings = list.length - errors + (found.more || 0);
  if (!found.ok) verdict("s6", "✕", plural(errors, "error"));
  else if (warnings) verdict("s4", "!", plural(warnings, "warning"));
  else verdict("s0", "✓", `${plural(found.nodes, "node")}, ${plural(found.edges, "edge")}`);
  $("problems").replaceChildren(...list.map((p) => {
    const item = document.createElement("li");
    const button = item.appendChild(document.createElement("button"));
    button.type = "button";
    button.className = p.severity === "error" ? "s6" : "s4";
    const sign = button.appendChild(document.createElement("i"));
    sign.textContent = p.severity === "error" ? "✕" : "!";
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", p.severity);
    const at = button.appendChild(document.createElement("span"));
    at.className = "at";
    at.textContent = p.placed ? `${p.line}:${p.column}` : "";
    const text = button.appendChild(document.createElement("span"));
    text.className = "text";
    text.textContent = `${p.text} [${p.code}]`;
    for (const line of p.more) {
      const more = button.appendChild(document.createElement("span"));
      more.className = "more";
      more.textContent = line;
    }
    button.addEventListener("click", () => editor.go(p.line, p.column));
    return item;
  }));
}

/** Says whether the drawing is that of this version. */
function stale(is) {
  const drawn = $("drawing").querySelector("svg");
  $("stale").hidden = !is || !drawn;
  $("drawing").classList.toggle("old", is);
}

function draw(drawn) {
  const home = $("drawing");
  const { scrollLeft, scrollTop } = home;
  const parsed = new DOMParser().parseFromString(drawn.svg, "text/html").querySelector("svg");
  if (!parsed) return;
  const svg = document.importNode(parsed, true);
  // However much there is, names stay readable; the rest is scrolled to.
  svg.style.setProperty("min-width", (leastScale * svg.viewBox.baseVal.width).toFixed(0) + "px");
  home.replaceChildren(svg);
  home.scrollTo(scrollLeft, scrollTop);
  nodes = new Map(drawn.outline.nodes.map((n) => [n.id, n]));
  edges = drawn.outline.edges || [];
  $("facts").replaceChildren();
}

const nodeOf = (part) => part?.classList.contains("node") ? nodes.get(part.id.slice(2)) : null;
const edgeOf = (part) => part?.classList.contains("edge") ? edges[Number(part.id.slice(1))] : null;
const partOf = (e) => e.target instanceof Element ? e.target.closest(".node, .edge") : null;

/** Shows the types of a card's ports, or of an edge. */
function facts(part) {
  const node = nodeOf(part), edge = edgeOf(part);
  if (!node && !edge) return;
  const title = document.createElement("h3");
  title.textContent = (node ? node.id : edge.name) + " ";
  title.appendChild(document.createElement("small")).textContent = node
    ? [node.kind, node.about || node.summary].filter(Boolean).join(" · ")
    : `holds ${edge.capacity.toLocaleString("en")} items, on_full: ${edge.on_full}`;
  const list = node
    ? [...(node.in || []).map((p) => ({ ...p, way: "in" })), ...(node.out || []).map((p) => ({ ...p, way: "out" }))]
    : [{ name: "items", type: edge.type }];
  $("facts").replaceChildren(title, ports(list.map((p) => ({ name: p.name, way: p.way, type: p.full ? `${p.type} = ${p.full}` : p.type }))));
}

/** Goes to where a part of the drawing stands in the text, and opens what it showed. */
function choose(part) {
  const node = nodeOf(part);
  const result = document.getElementById("result-" + node?.id);
  if (result instanceof HTMLDetailsElement) {
    result.open = true;
    result.scrollIntoView({ block: "nearest" });
  }
  const line = Number((node || edgeOf(part))?.at?.split(":").pop());
  if (line) editor.go(line);
}

/** Gives the text as a file. */
function save() {
  saved = editor.text();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([saved], { type: "application/yaml" }));
  link.download = (page.dataset.flow || "flow.yaml").split(/[\\/]/).pop() || "flow.yaml";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function runnable(ok) {
  /** @type {HTMLButtonElement} */ ($("run")).disabled = !ok || !("canRun" in page.dataset);
}

async function run() {
  const button = /** @type {HTMLButtonElement} */ ($("run"));
  const say = (state, sign, text) => {
    $("outcome").className = "chip " + state;
    $("outcome").children[0].textContent = sign;
    $("outcome").children[1].textContent = text;
  };
  button.disabled = true;
  $("results").hidden = false;
  say("s0", "●", "running");
  try {
    const result = await ask("try");
    const words = { done: ["s5", "✓", "done"], failed: ["s6", "✕", "failed"], late: ["s4", "!", "its time was over"] };
    const [state, sign, word] = words[result.outcome];
    const ms = result.took_ns / 1e6;
    say(state, sign, `${word} in ${ms < 1000 ? ms.toFixed(1) + " ms" : (ms / 1000).toFixed(2) + " s"}`);
    showResult($("tables"), result);
  } catch (e) {
    say("s6", "✕", e instanceof TypeError ? "the server does not answer" : e.message);
    $("tables").replaceChildren();
  }
  button.disabled = false;
}

function listen() {
  const home = $("drawing");
  for (const type of ["pointerover", "focusin"]) home.addEventListener(type, (e) => facts(partOf(e)));
  home.addEventListener("click", (e) => { const part = partOf(e); if (part) choose(part); });
  home.addEventListener("keydown", (e) => {
    const part = partOf(e);
    if (part && (e.key === "Enter" || e.key === " ")) { e.preventDefault(); choose(part); }
  });
  $("fit").addEventListener("click", () => {
    const fit = home.classList.toggle("fit");
    $("fit").setAttribute("aria-pressed", String(fit));
  });
  home.classList.add("fit");
  $("run").addEventListener("click", run);
  $("save").addEventListener("click", save);
  // What was written and not saved is not lost by a slip.
  addEventListener("beforeunload", (e) => { if (editor.text() !== saved) e.preventDefault(); });
}

/** Another version has begun. */
function changed() {
  clearTimeout(timer);
  number++; // what is on its way is of an older text
  asking.abort();
  page.dataset.checked = "";
  timer = setTimeout(look, pause);
}

editor = await openEditor($("editor"), page.dataset.nonce || "", askPlace, {
  changed,
  run: () => $("run").click(), // a button that is disabled does nothing
  explain: (e) => $("facts").replaceChildren(said(e || { title: "Nothing is known of the word at the cursor." })),
});
saved = editor.text();
listen();
runnable(false);
await look();
