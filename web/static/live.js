// The runs of a folder: what runs, and, where the server allows it, buttons to start,
// pause and stop it. Every element with data-path shows the newest run of that flow.

import { clock, el, say } from "./parts.js";

const SIGNS = { running: "", paused: "‖", done: "✓", stopped: "✓", failed: "✕" };
const STATES = { running: 0, paused: 7, done: 5, stopped: 5, failed: 6 };
const WORDS = { running: "Running", paused: "Paused", done: "Done", stopped: "Stopped", failed: "Failed" };
const EVERY = 2000; // ms between two looks
const SURE = 4000; // ms in which a second press ends a run

/** @type {Map<string, any>} what is shown for each flow */
const places = new Map();
let allowed = false, timer = 0;

// place builds what one flow shows; look fills it in.
function place(host) {
  const name = host.querySelector("b")?.textContent || document.querySelector("h1")?.textContent || host.dataset.path;
  const sign = el("i", { "aria-hidden": "true" }), word = el("span"), chip = el("a", { class: "chip" }, sign, word);
  const button = (text, label, onclick) => el("button", { type: "button", "aria-label": `${text}: ${label}`, onclick }, text);
  const start = button("Start", name, () => order(p, `/api/v1/live?path=${encodeURIComponent(host.dataset.path)}`));
  const hold = button("Pause", name, () => order(p, p.run.page + "api/v1/run/" + (p.run.paused ? "resume" : "pause")));
  const drain = button("Drain", name, () => order(p, p.run.page + "api/v1/run/drain"));
  const stop = button("End", name, () => sure(p));
  stop.classList.add("danger");
  const problem = el("small", { role: "status" });
  const box = el("p", { class: "live" }, chip, start, hold, drain, stop, problem);
  const p = { host, box, chip, sign, word, start, hold, drain, stop, problem, name, run: null, asked: -Infinity };
  if ("wrong" in host.dataset) { start.disabled = true; start.title = "The flow has errors"; }
  host.append(box);
  return p;
}

// sure ends a run only when it is asked twice, for what is on its way is lost.
function sure(p) {
  if (performance.now() - p.asked < SURE) {
    p.asked = -Infinity;
    return order(p, p.run.page + "api/v1/run/stop");
  }
  p.asked = performance.now();
  say(p.problem, "What is on its way is lost. Press End again to end it at once.");
  setTimeout(() => { if (p.asked > 0) { p.asked = -Infinity; say(p.problem, ""); } }, SURE);
}

async function order(p, url) {
  say(p.problem, "");
  try {
    const answer = await fetch(url, { method: "POST" });
    if (!answer.ok) say(p.problem, (await answer.text()).trim());
  } catch {
    say(p.problem, "The server does not answer.");
  }
  await look();
}

function paint(p, run) {
  p.run = run;
  const goes = run?.outcome === "running", state = run && (run.paused ? "paused" : run.outcome);
  p.box.hidden = !run && !allowed;
  p.chip.hidden = !run;
  p.start.hidden = !allowed || goes;
  p.hold.hidden = p.drain.hidden = p.stop.hidden = !allowed || !goes;
  if (!run) return;
  p.chip.className = "chip s" + STATES[state];
  p.chip.href = run.page;
  p.chip.title = run.error || "Look at this run";
  say(p.sign, SIGNS[state]);
  say(p.word, `${WORDS[state]} ${clock(run.seconds * 1000)}`);
  say(p.start, "Start again");
  p.start.setAttribute("aria-label", `Start again: ${p.name}`);
  say(p.hold, run.paused ? "Resume" : "Pause");
  p.hold.setAttribute("aria-label", `${run.paused ? "Resume" : "Pause"}: ${p.name}`);
}

// look asks what runs. It goes on for as long as there is anything to see.
async function look() {
  clearTimeout(timer);
  try {
    const answer = await fetch("/api/v1/live");
    if (answer.ok) {
      const live = await answer.json();
      allowed = live.allowed;
      for (const [path, p] of places) paint(p, live.runs.findLast(r => r.path === path));
    }
  } catch { /* the next look may find it again */ }
  if (allowed && !document.hidden) timer = setTimeout(look, EVERY);
}

document.querySelectorAll("[data-path]").forEach(host => places.set(/** @type {HTMLElement} */ (host).dataset.path, place(host)));
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
look();
