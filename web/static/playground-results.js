// What a sample run showed: a line for each node, a table for each port.

/**
 * Shows a result.
 * @param {HTMLElement} home
 * @param {any} result the answer of /api/v1/try
 */
export function showResult(home, result) {
  home.replaceChildren();
  if (result.error) {
    const p = home.appendChild(document.createElement("p"));
    p.className = result.outcome === "failed" ? "bad" : "";
    p.textContent = (result.node ? result.node + ": " : "") + result.error;
    if (result.item) home.appendChild(document.createElement("p")).textContent = "item: " + result.item;
  }
  for (const node of result.nodes) home.append(ofNode(node, result));
}

const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

function ofNode(node, result) {
  const box = document.createElement("details");
  box.id = "result-" + node.id;
  box.open = !!node.sink || node.id === result.node;
  const head = box.appendChild(document.createElement("summary"));
  head.appendChild(document.createElement("b")).textContent = node.id;
  const facts = [node.kind];
  if (node.in) facts.push(`${node.in.toLocaleString("en")} in`);
  if (!node.sink) facts.push(`${node.out.toLocaleString("en")} out`);
  if (node.filtered) facts.push(`${node.filtered.toLocaleString("en")} filtered`);
  if (node.sample) facts.push("the first rows only");
  if (node.sink && node.kind !== "drop") facts.push("kept here, not written");
  head.appendChild(document.createElement("small")).textContent = facts.join(" · ");
  if (node.errors) {
    const bad = head.appendChild(document.createElement("small"));
    bad.className = "bad";
    bad.textContent = " · " + count(node.errors, "error");
  }
  for (const e of node.recent || []) {
    const p = box.appendChild(document.createElement("p"));
    p.className = "bad";
    p.textContent = `${e.error} — ${e.item}` + (e.hint ? ` (hint: ${e.hint})` : "");
  }
  for (const port of node.ports || []) if (port.items) box.append(ofPort(node, port));
  return box;
}

function ofPort(node, port) {
  const wide = document.createElement("div");
  wide.className = "wide";
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", `${node.id}.${port.name}`);
  const table = wide.appendChild(document.createElement("table"));
  const shown = port.rows?.length || 0;
  table.createCaption().textContent = `${node.id}.${port.name}: ` + (shown < port.items ? `the first ${shown} of ${count(port.items, "item")}` : count(port.items, "item"));
  const head = table.createTHead().insertRow();
  for (const [i, column] of port.columns.entries()) {
    const th = head.appendChild(document.createElement("th"));
    th.scope = "col";
    if (isNumber(port.rows?.find((row) => row[i] !== "null")?.[i])) th.className = "n";
    th.textContent = column || "item";
  }
  const body = table.createTBody();
  for (const row of port.rows || []) {
    const tr = body.insertRow();
    for (const cell of row) fill(tr.insertCell(), cell);
  }
  return wide;
}

const isNumber = (json) => /^-?\d/.test(json || "");

/** Puts a value that came as JSON into a cell, as text. */
function fill(td, json) {
  if (json === "" || json === "null") {
    td.className = "null";
    td.textContent = json || "–";
  } else if (json[0] === '"') {
    try { td.textContent = JSON.parse(json); } catch { td.textContent = json.slice(1); } // cut off
  } else {
    if (isNumber(json)) td.className = "n";
    td.textContent = json;
  }
}
