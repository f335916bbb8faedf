// Items on an edge, in the inspector: shown when asked for, as text only, and only
// where the run allows it.

import { api, el, say, short } from "./parts.js";

const KEPT = 50; // samples in the list
const allowed = document.documentElement.hasAttribute("data-tap");
const SECRETS = "Values of fields that sound like secrets are hidden.";

let leave = () => {};

/** leaveItems ends the stream of the edge that is no longer shown. */
export function leaveItems() {
  leave();
  leave = () => {};
}

/** items gives the part of the inspector for the items of an edge. @param {number} i @returns {any[]} */
export function items(i) {
  const head = el("h3", {}, "Items");
  if (!allowed) return [head, el("p", { class: "sub" }, "Items are not shown here. ", el("code", {}, "flowrun run FLOW --ui --ui-tap"), " lets this page show samples.")];
  const list = el("ol", { class: "samples", "aria-label": "Samples, the newest first", tabindex: "0" });
  const status = el("p", { class: "sub", role: "status" }, SECRETS);
  const button = (text, onclick) => el("button", { type: "button", onclick }, text);
  const show = button("Show items", () => source ? pause() : open()), clear = button("Clear", () => { list.replaceChildren(); clear.hidden = true; });
  clear.hidden = true;
  list.hidden = true;
  /** @type {EventSource | null} */
  let source = null;
  let begun = false;

  function add(event) {
    const s = JSON.parse(event.data);
    list.prepend(el("li", {}, el("small", {}, el("time", {}, clockTime(s.time)), ` item ${s.passed.toLocaleString("en")}`), el("pre", {}, s.item)));
    while (list.children.length > KEPT) list.lastChild.remove();
    list.hidden = clear.hidden = false;
    say(status, `${short(s.passed)} items passed, 10 a second are shown at most` + (s.lost ? `; ${short(s.lost)} samples lost.` : "."));
  }
  function open() {
    source = new EventSource(api(`/edges/${i}/tap`));
    source.addEventListener("sample", add);
    source.addEventListener("end", event => { pause(); say(status, "The end: " + JSON.parse(event.data).why + "."); });
    source.onopen = () => { if (!list.children.length) say(status, "Waiting for items. " + SECRETS); };
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return; // it tries again
      pause();
      refused(i, status);
    };
    say(show, "Pause");
    begun = true;
  }
  function pause() {
    source?.close();
    source = null;
    say(show, begun ? "Go on" : "Show items");
  }
  leave = () => { pause(); document.removeEventListener("visibilitychange", rest); };
  // A page that nobody sees takes none of the few places for readers.
  const rest = () => { if (document.hidden && source) pause(); };
  document.addEventListener("visibilitychange", rest);
  return [head, el("p", { class: "links" }, show, clear), status, list];
}

// refused asks again, for an EventSource does not tell what the server said.
async function refused(i, status) {
  try {
    const answer = await fetch(api(`/edges/${i}/tap?rate=1`), { signal: AbortSignal.timeout(3000) });
    if (!answer.ok) say(status, (await answer.text()).trim());
    else answer.body?.cancel();
  } catch { /* the server is lost; the banner says so */ }
}

const clockTime = time => new Date(time).toLocaleTimeString("en-GB") + "." + String(new Date(time).getMilliseconds()).padStart(3, "0");
