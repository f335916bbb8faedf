// The buttons that act on the run: pause and resume. Drain and stop ask first; app.js
// does that.

import { $, api, say } from "./parts.js";
import { SIGNS, store } from "./store.js";

const PAUSED = 7; // the number of the state
const button = $("#pause"), chip = $("#outcome");

/** act sends an order to the run and says what is wrong with it, if anything is. @param {string} order @returns {Promise<boolean>} */
export async function act(order) {
  try {
    const answer = await fetch(api("/run/" + order), { method: "POST" });
    if (!answer.ok) say(chip.children[1], (await answer.text()).trim());
    return answer.ok;
  } catch {
    return false; // the server is lost; the banner says so
  }
}

/** hold pauses the run, or lets it go on. */
export async function hold() {
  if (!button || button.disabled) return;
  button.disabled = true;
  const done = await act(store.paused ? "resume" : "pause");
  // The next tick tells; until then the button says what it will be.
  if (done) store.paused = !store.paused;
  button.disabled = false;
  paintControl();
}

/** paintControl writes whether the run is paused. */
export function paintControl() {
  if (store.outcome !== "running") {
    if (button) button.disabled = true;
    return;
  }
  if (button) {
    say(button, store.paused ? "Resume" : "Pause");
    button.title = store.paused ? "Let the sources go on (p)" : "The sources take nothing more until you resume (p)";
  }
  if (chip.classList.contains("s" + PAUSED) === store.paused) return;
  chip.className = "chip s" + (store.paused ? PAUSED : 0);
  say(chip.firstElementChild, store.paused ? SIGNS[PAUSED] : "");
  say(chip.children[1], store.paused ? "Paused" : "Running");
}

button?.addEventListener("click", hold);
