// The editor of the playground: CodeMirror, or the plain text area where it cannot
// be loaded. Places are lines and columns from 1, columns in characters.

/**
 * @typedef {{line: number, column: number, width: number, severity: string, text: string, more: string[]}} Problem
 * @typedef {{text: () => string, mark: (problems: Problem[]) => void, go: (line: number, column?: number) => void}} Editor
 * @typedef {(what: string, line: number, column: number) => Promise<any>} Ask
 */

/**
 * Makes the editor in place of a text area.
 * @param {HTMLElement} home
 * @param {string} nonce by which the policy knows style sheets made here
 * @param {Ask} ask what the server says of a place
 * @param {{changed: () => void, run: () => void, explain: (e: any) => void}} on
 * @returns {Promise<Editor>}
 */
export async function openEditor(home, nonce, ask, on) {
  const area = /** @type {HTMLTextAreaElement} */ (home.querySelector("textarea"));
  try {
    const cm = await import("./codemirror.js");
    const view = makeView(cm, home, area, nonce, ask, on);
    area.remove();
    return ofView(cm, view);
  } catch {
    area.addEventListener("input", on.changed);
    return ofArea(area);
  }
}

/** @returns {Editor} */
function ofArea(area) {
  return {
    text: () => area.value,
    mark: () => {},
    go: (line) => {
      const start = area.value.split("\n").slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0);
      area.focus();
      area.setSelectionRange(start, start);
    },
  };
}

// Columns count characters, CodeMirror counts UTF-16 units.
const units = (text, column) => [...text].slice(0, column - 1).join("").length;
const placeOf = (doc, pos) => {
  const line = doc.lineAt(pos);
  return { line: line.number, column: [...line.text.slice(0, pos - line.from)].length + 1 };
};
const posOf = (doc, line, column) => {
  const l = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return l.from + Math.min(units(l.text, column), l.length);
};

/** @returns {Editor} */
function ofView(cm, view) {
  return {
    text: () => view.state.doc.toString(),
    mark: (problems) => {
      const doc = view.state.doc;
      const marks = problems.map((p) => {
        const from = posOf(doc, p.line, p.column);
        let to = posOf(doc, p.line, p.column + Math.max(p.width, 1));
        if (to === from) to = Math.min(doc.length, from + 1);
        return {
          from, to, severity: p.severity, message: p.text,
          renderMessage: () => said({ title: p.text, lines: p.more }),
        };
      });
      view.dispatch(cm.setDiagnostics(view.state, marks));
    },
    go: (line, column = 1) => {
      const at = posOf(view.state.doc, line, column);
      view.dispatch({ selection: { anchor: at }, effects: cm.EditorView.scrollIntoView(at, { y: "center" }) });
      view.focus();
    },
  };
}

function makeView(cm, home, area, nonce, ask, on) {
  const told = cm.EditorView.updateListener.of((u) => {
    if (!u.docChanged) return;
    on.changed();
    // A value can be chosen as soon as its key is written.
    const at = u.state.selection.main.head;
    const line = u.state.doc.lineAt(at);
    const typed = u.transactions.some((t) => t.isUserEvent("input"));
    if (typed && /(^|[\s{,])(use|in|from|as|format|kind|on_error|on_full|order): $/.test(line.text.slice(0, at - line.from))) {
      setTimeout(() => cm.startCompletion(u.view), 0);
    }
  });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const explain = (v) => {
    const { line, column } = placeOf(v.state.doc, v.state.selection.main.head);
    ask("explain", line, column).then(on.explain);
    return true;
  };
  return new cm.EditorView({
    parent: home,
    state: cm.EditorState.create({
      doc: area.value,
      extensions: [
        cm.EditorView.cspNonce.of(nonce), look(cm), told,
        cm.lineNumbers(), cm.highlightActiveLineGutter(), cm.highlightSpecialChars(), cm.history(), cm.drawSelection({ cursorBlinkRate: still ? 0 : 1200 }),
        cm.indentOnInput(), cm.indentUnit.of("  "), cm.bracketMatching(), cm.closeBrackets(), cm.highlightActiveLine(), cm.highlightSelectionMatches(),
        cm.EditorState.tabSize.of(2), cm.yaml(), cm.lintGutter(),
        cm.autocompletion({ override: [(context) => completions(context, ask)] }),
        cm.hoverTooltip((view, at) => explanation(view, at, ask)),
        cm.EditorView.contentAttributes.of({ "aria-label": "Flow, as YAML", "aria-describedby": "keys" }),
        // Escape, then Tab, leaves: CodeMirror lets one Tab go after Escape.
        cm.keymap.of([{ key: "Mod-Enter", run: () => { on.run(); return true; } }, { key: "F1", run: explain, preventDefault: true }]),
        cm.keymap.of([...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.completionKeymap, ...cm.lintKeymap, cm.indentWithTab]),
      ],
    }),
  });
}

const icons = { key: "property", kind: "class", node: "variable", port: "variable", field: "property", function: "function", type: "type", value: "enum" };

/** What can stand at the cursor. */
async function completions(context, ask) {
  const { line, column } = placeOf(context.state.doc, context.pos);
  const typing = context.matchBefore(/[\w.]+$/);
  if (!typing && !context.explicit) return null;
  const answer = await ask("complete", line, column);
  if (context.aborted || !answer || !answer.items.length) return null;
  const count = answer.items.length;
  return {
    from: posOf(context.state.doc, line, answer.from),
    validFor: /^[\w]*$/,
    options: answer.items.map((item, i) => ({
      label: item.label, apply: item.apply || item.label, detail: item.detail, type: icons[item.sort],
      boost: Math.round(50 - (99 * i) / count), info: item.doc || undefined,
    })),
  };
}

/** What the word under the pointer is. */
async function explanation(view, at, ask) {
  const { line, column } = placeOf(view.state.doc, at);
  const answer = await ask("explain", line, column);
  if (!answer) return null;
  const doc = view.state.doc;
  if (line > doc.lines) return null;
  return {
    pos: posOf(doc, line, answer.from), end: posOf(doc, line, answer.to), above: true,
    create: () => {
      const dom = said(answer);
      dom.classList.add("said");
      return { dom };
    },
  };
}

/** An explanation as an element. Everything is text. */
export function said(e) {
  const dom = document.createElement("div");
  const title = dom.appendChild(document.createElement("strong"));
  title.textContent = e.title;
  for (const line of e.lines || []) dom.appendChild(document.createElement("p")).textContent = line;
  if (e.types?.length) dom.append(ports(e.types));
  return dom;
}

/** Ports or fields with their types. */
export function ports(list) {
  const dl = document.createElement("dl");
  dl.className = "ports";
  for (const p of list) {
    const name = dl.appendChild(document.createElement("dt"));
    name.textContent = p.name;
    const way = dl.appendChild(document.createElement("dt"));
    way.className = "way";
    way.textContent = p.way || "";
    dl.appendChild(document.createElement("dd")).textContent = p.type + (p.from ? " ← " + p.from : "");
  }
  return dl;
}

/** Colours are the tokens of the page, so that themes change with it. */
function look(cm) {
  const t = cm.tags;
  const style = cm.HighlightStyle.define([
    { tag: [t.definition(t.propertyName), t.propertyName], color: "var(--accent)" },
    { tag: t.string, color: "var(--ok)" }, { tag: [t.number, t.bool, t.null], color: "var(--paused)" },
    { tag: [t.lineComment, t.comment, t.meta], color: "var(--muted)", fontStyle: "italic" },
    { tag: [t.labelName, t.typeName, t.keyword], color: "var(--blocked)" },
    { tag: [t.squareBracket, t.brace, t.separator, t.punctuation], color: "var(--muted)" },
  ]);
  return [cm.syntaxHighlighting(style), cm.EditorView.theme({
    "&": { color: "var(--ink)", background: "var(--card)", fontSize: "13px" },
    "&.cm-focused": { outline: "none" }, // the box around it has one
    ".cm-scroller": { fontFamily: 'ui-monospace,"JetBrains Mono",Menlo,Consolas,monospace', lineHeight: "1.55" },
    ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
    ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--ink)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "light-dark(#cfe2fb,#264468)" },
    ".cm-gutters": { background: "var(--card)", color: "var(--muted)", border: "none" },
    ".cm-activeLine, .cm-activeLineGutter": { background: "light-dark(#0b63ce0d,#5aa7ff12)" },
    ".cm-selectionMatch": { background: "light-dark(#0b63ce1f,#5aa7ff26)" },
    "&.cm-focused .cm-matchingBracket": { background: "light-dark(#0a7d5a26,#2fc59233)" },
    ".cm-tooltip": { background: "var(--panel)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "8px", boxShadow: "0 8px 28px #0003" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: 'ui-monospace,"JetBrains Mono",Menlo,Consolas,monospace', maxHeight: "16em" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
    ".cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--accent)", color: "light-dark(#fff,#0e1116)" },
    ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
    "li[aria-selected] .cm-completionDetail": { color: "inherit" },
    ".cm-completionInfo": { maxWidth: "340px" },
    ".cm-diagnostic": { padding: "5px 9px", maxWidth: "560px" },
    ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
    ".cm-diagnostic-warning": { borderLeftColor: "var(--error)" },
    ".cm-panels": { background: "var(--panel)", color: "var(--ink)" },
    ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
    ".cm-panel.cm-panel-lint ul [aria-selected]": { background: "var(--line2)" },
    ".cm-textfield, .cm-button": { background: "var(--bg)", color: "var(--ink)", border: "1px solid var(--line)", backgroundImage: "none" },
  })];
}
