// The search field: nodes and edges by name or kind, chosen by arrows and Enter.
// What is typed also sifts the table.

import { $, el } from "./parts.js";
import { store } from "./store.js";

const MOST = 12;
const field = $("#search"), list = $("#found");
/** @type {{kind: string, i: number}[]} */
let found = [];
let at = 0;

/** wireSearch makes the field work. @param {(kind: string, i: number) => void} go @param {(text: string) => void} sift */
export function wireSearch(go, sift) {
  const pick = k => {
    if (!found[k]) return;
    const { kind, i } = found[k];
    leave();
    sift("");
    field.value = "";
    go(kind, i);
  };
  field.addEventListener("input", () => { at = 0; look(); sift(field.value.trim()); });
  field.addEventListener("keydown", e => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      at = (at + (e.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(found.length, 1);
      show();
    } else if (e.key === "Enter") pick(at);
    else if (e.key === "Escape") { field.value = ""; sift(""); leave(); field.blur(); }
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  field.addEventListener("blur", () => setTimeout(leave, 150)); // a click on the list comes after
  list.addEventListener("pointerdown", e => e.preventDefault());
  list.addEventListener("click", e => pick([...list.children].indexOf(e.target.closest("li"))));
}

function leave() {
  list.hidden = true;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

// look ranks: a name that begins with the text, one that contains it, a kind, an edge.
function look() {
  const text = field.value.trim().toLowerCase();
  if (!text) return leave();
  const hits = [];
  store.flow.nodes.forEach((n, i) => {
    const id = n.id.toLowerCase();
    const rank = id.startsWith(text) ? 0 : id.includes(text) ? 1 : n.kind.toLowerCase().includes(text) ? 2 : -1;
    if (rank >= 0) hits.push({ kind: "n", i, rank });
  });
  store.flow.edges.forEach((e, i) => { if (e.name.toLowerCase().includes(text)) hits.push({ kind: "e", i, rank: 3 }); });
  hits.sort((a, b) => a.rank - b.rank || a.i - b.i);
  found = hits.slice(0, MOST);
  show();
}

function show() {
  list.replaceChildren(...found.map(({ kind, i }, k) => {
    const n = store.flow.nodes[i], e = store.flow.edges[i];
    return el("li", { role: "option", id: "found" + k, "aria-selected": String(k === at) },
      el("span", {}, kind === "n" ? n.id : e.name), el("small", {}, kind === "n" ? n.kind : "edge"));
  }));
  if (!found.length) list.append(el("li", { class: "none" }, "nothing of that name"));
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  field.setAttribute("aria-activedescendant", found.length ? "found" + at : "");
}
