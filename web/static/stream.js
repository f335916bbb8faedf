// The one stream of a page. It is closed while the page is hidden, and says when
// the server is lost; the browser tries again by itself.

import { api } from "./parts.js";
import { adopt, greet, store, take } from "./store.js";

/**
 * listen calls paint at most once a frame, with all that came since; note hears
 * "live", "lost", "ended".
 * @param {(changed: {n: Set<number>, e: Set<number>}) => void} paint
 * @param {(what: string, detail?: any) => void} note
 */
export function listen(paint, note) {
  /** @type {EventSource | null} */
  let source = null;
  let over = false, framed = false;
  const changed = { n: new Set(), e: new Set() };

  function tick(event) {
    const t = JSON.parse(event.data);
    take(t);
    t.n.forEach(row => changed.n.add(row[0]));
    t.e.forEach(row => changed.e.add(row[0]));
    if (framed) return;
    framed = true;
    requestAnimationFrame(() => {
      framed = false;
      paint(changed);
      changed.n.clear();
      changed.e.clear();
    });
  }

  function open() {
    if (source || over) return;
    source = new EventSource(api("/stream"));
    source.addEventListener("hello", event => {
      const hello = JSON.parse(event.data);
      // Another flow runs here now: the page draws it, and keeps what it can.
      if (hello.hash !== document.documentElement.dataset.hash) return location.reload();
      greet(hello);
      note("live");
    });
    source.addEventListener("tick", tick);
    source.addEventListener("end", event => {
      const end = JSON.parse(event.data);
      if (end.outcome === "running") return; // the server went before the run did
      over = true;
      close();
      store.outcome = end.outcome;
      note("ended", end);
    });
    source.onerror = () => {
      if (over) return;
      note("lost");
      // A refusal ends an EventSource for good; a lost connection does not.
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 3000);
      }
    };
  }
  function close() {
    source?.close();
    source = null;
  }
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  open();
}

/** outline fetches what does not change. */
export async function outline() {
  const answer = await fetch(api("/flow"));
  if (!answer.ok) throw new Error(await answer.text());
  adopt(await answer.json());
}
