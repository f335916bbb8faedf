// Flows that were still being checked when the list was made take their place in it
// when they are ready.

const AGAIN = 1500; // ms between two looks

async function look() {
  try {
    const answer = await fetch("/");
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch { /* the next look may find the server again */ }
  if (document.querySelector("[data-pending]")) setTimeout(look, AGAIN);
}

function replace(page) {
  const news = new Map([...page.querySelectorAll(".flows [data-path]")].map(e => [e.dataset.path, e]));
  for (const old of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-pending]"))) {
    const now = news.get(old.dataset.path);
    if (!now || "pending" in now.dataset) continue;
    delete old.dataset.pending;
    if ("wrong" in now.dataset) old.dataset.wrong = "";
    old.querySelector("a").replaceWith(now.querySelector("a"));
  }
  const left = document.querySelectorAll("[data-pending]").length, note = document.getElementById("pending");
  note.textContent = left ? `${left} still being checked.` : "All are checked.";
}

setTimeout(look, AGAIN);
