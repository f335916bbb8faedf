package web_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web"
)

// A writer uses the playground as a person would.
type writer struct{ *browser }

// visit opens the playground and waits until its flow was checked.
func (b writer) visit(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.until(`document.querySelector("#play")?.dataset.checked && document.querySelector(".cm-editor")`)
}

// write puts the cursor behind a text and types another one.
func (b writer) write(behind, text string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`(() => {
		const lines = [...document.querySelectorAll(".cm-line")];
		for (const line of lines) {
			const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
			const whole = line.textContent, at = whole.indexOf(%q);
			if (at < 0) continue;
			let left = at + %d;
			for (let n = walk.nextNode(); n; n = walk.nextNode()) {
				if (left <= n.length) {
					document.querySelector(".cm-content").focus();
					getSelection().collapse(n, left);
					return;
				}
				left -= n.length;
			}
		}
		throw new Error("the text is not there");
	})()`, behind, len([]rune(behind))))
	b.wait(50) // for the editor to see where the cursor is
	if text != "" {
		b.call("Input.insertText", map[string]any{"text": text}, nil)
	}
}

// erase takes away the characters before the cursor.
func (b writer) erase(n int) {
	b.t.Helper()
	for range n {
		b.key("Backspace", 8, 0)
	}
}

// key presses one key with modifiers: 2 is Ctrl, 8 is Shift.
func (b writer) key(name string, code, modifiers int) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": name, "windowsVirtualKeyCode": code, "modifiers": modifiers}, nil)
	}
}

// accept takes what is offered. The editor takes no key for that in the first moment,
// lest somebody accepts what he has not seen.
func (b writer) accept() {
	b.t.Helper()
	b.wait(200)
	b.press("Enter")
}

// TestPlayground writes a mistake and mends it, is helped, and runs the flow.
func TestPlayground(t *testing.T) {
	g := playground(t, web.FolderOptions{}, true, trial.Limits{})
	b := writer{openBrowser(t, 1500, 900)}
	b.visit(g.address("orders.yaml"))
	b.until(`document.querySelector("#verdict").textContent.includes("4 nodes, 3 edges") && document.querySelector("#drawing #n-spent")`)
	b.shot("playground-light")
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"mistake and mending", b.mistake},
		{"completion", b.completion},
		{"explanations", b.explanations},
		{"keys", b.keys},
		{"a run", func(t *testing.T) { b.sample(t, g) }},
		{"a download", b.download},
		{"dark", b.dark},
	} {
		t.Run(step.name, step.run)
	}
	b.clean(g.URL)
}

// mistake wants the problem at its line, and the last good drawing meanwhile.
func (b writer) mistake(t *testing.T) {
	b.write("where: amount", "t")
	b.until(`document.querySelector("#problems button")`)
	if said := b.text("#problems li"); !strings.Contains(said, "12:19") || !strings.Contains(said, "amountt") || !strings.Contains(said, `did you mean "amount"`) {
		t.Errorf("the problem: %s", said)
	}
	b.until(`document.querySelector(".cm-lintRange-error")?.textContent === "amountt" && document.querySelector(".cm-lint-marker-error")`)
	if line := b.text(".cm-line:has(.cm-lintRange-error)"); line != "with: {where: amountt > 100}" {
		t.Errorf("the mark is in the line %q", line)
	}
	b.until(`!document.querySelector("#stale").hidden && document.querySelector("#drawing.old #n-spent") && document.querySelector("#run").disabled`)
	b.shot("playground-error")
	b.erase(1)
	b.until(`!document.querySelector("#problems button") && document.querySelector("#stale").hidden && !document.querySelector("#drawing.old") && !document.querySelector("#run").disabled`)
	// What is no YAML has a place as well.
	b.write("flow: orders", "\nnodes: {")
	b.until(`document.querySelector("#problems button") && document.querySelector("#drawing.old #n-spent")`)
	b.erase(20)
	b.until(`document.querySelector("#play").dataset.checked && document.querySelector("#problems button")`)
	b.write("f", "low: orders")
	b.until(`document.querySelector("#verdict").textContent.includes("4 nodes")`)
}

const offered = `[...document.querySelectorAll(".cm-tooltip-autocomplete .cm-completionLabel")].map(e => e.textContent)`

// completion offers kinds, settings, sources and fields.
func (b writer) completion(t *testing.T) {
	b.write("with: {path: out/spent.csv}", "\n\n  top:\n    use: ")
	b.until(offered + `.includes("filter")`)
	b.call("Input.insertText", map[string]any{"text": "sort"}, nil)
	b.until(offered + `[0] === "sort"`)
	b.accept()
	b.until(`[...document.querySelectorAll(".cm-line")].some(l => l.textContent === "    use: sort")`)
	b.call("Input.insertText", map[string]any{"text": "\n    in: "}, nil)
	b.until(offered + `.includes("spent")`)
	b.call("Input.insertText", map[string]any{"text": "spent\n    with: {by: ["}, nil)
	b.call("Input.insertText", map[string]any{"text": "s"}, nil)
	b.until(offered + `[0] === "spent"`)
	b.shot("playground-completion")
	b.accept()
	b.call("Input.insertText", map[string]any{"text": "]}\n  out2: {use: drop, in: top}\n"}, nil)
	b.until(`document.querySelector("#drawing #n-out2")`)
}

// explanations are shown at words and at cards.
func (b writer) explanations(_ *testing.T) {
	at, _ := b.eval(`(() => { const w = [...document.querySelectorAll(".cm-line")].find(l => l.textContent.includes("by: [customer]")); const r = document.createRange(); const n = document.createTreeWalker(w, NodeFilter.SHOW_TEXT); for (let t = n.nextNode(); t; t = n.nextNode()) { const i = t.textContent.indexOf("customer"); if (i >= 0) { r.setStart(t, i + 2); r.setEnd(t, i + 4); } } const q = r.getBoundingClientRect(); return [q.x, q.y + q.height / 2] })()`).([]any)
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": at[0], "y": at[1]}, nil)
	b.until(`document.querySelector(".cm-tooltip-hover .said")?.textContent.includes("customer: string")`)
	b.shot("playground-hover")
	b.write("where: amo", "")
	b.key("F1", 112, 0)
	b.until(`document.querySelector("#facts").textContent.includes("amount: float")`)
	b.eval(`document.querySelector("#n-spent").dispatchEvent(new PointerEvent("pointerover", {bubbles: true}))`)
	b.until(`document.querySelector("#facts").textContent.includes("spent: float")`)
}

// keys leaves the editor with Escape and Tab, and indents with Tab alone.
func (b writer) keys(t *testing.T) {
	b.write("flow: orders", "")
	b.press("Tab")
	b.until(`document.querySelector(".cm-line").textContent.startsWith("  flow")`)
	b.eval(`document.querySelector(".cm-content").focus()`)
	b.key("Tab", 9, 8)
	b.until(`document.querySelector(".cm-line").textContent.startsWith("flow")`)
	b.press("Escape", "Escape", "Tab")
	if b.eval(`document.activeElement.closest(".cm-editor")`) != nil {
		t.Error("the keyboard is trapped in the editor")
	}
}

// sample runs the flow, and finds nothing written.
func (b writer) sample(t *testing.T, g ground) {
	b.until(`!document.querySelector("#run").disabled`)
	b.write("flow: orders", "")
	b.key("Enter", 13, 2)
	b.until(`document.querySelector("#outcome").textContent.includes("done") && document.querySelector("#result-report table")`)
	if got := b.text("#result-report tbody"); got != "ann2340.5cy1300" {
		t.Errorf("the result: %q", got)
	}
	if got := b.text("#result-large summary"); !strings.Contains(got, "4 in · 3 out · 1 filtered") {
		t.Errorf("what filter did: %q", got)
	}
	if entries, _ := os.ReadDir(g.dir + "/out"); entries != nil {
		t.Error("the sample run has written files")
	}
	b.shot("playground-run")
}

// download takes the text home, under the name of its flow.
func (b writer) download(t *testing.T) {
	dir := t.TempDir()
	b.call("Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": dir}, nil)
	b.click("#save")
	eventually(t, "the text was downloaded", func() bool {
		text, err := os.ReadFile(dir + "/orders.yaml")
		return err == nil && strings.Contains(string(text), "out2: {use: drop, in: top}")
	})
}

func (b writer) dark(_ *testing.T) {
	b.media("prefers-color-scheme", "dark")
	b.wait(300)
	b.shot("playground-dark")
}

// TestPlaygroundPhone looks at a narrow screen where nothing may run.
func TestPlaygroundPhone(t *testing.T) {
	g := playground(t, web.FolderOptions{}, false, trial.Limits{})
	b := writer{openBrowser(t, 390, 844)}
	b.visit(g.address("orders.yaml"))
	b.until(`document.querySelector("#drawing #n-spent") && document.querySelector("#run").disabled`)
	if wide, _ := b.eval(`document.documentElement.scrollWidth`).(float64); wide > 390 {
		t.Errorf("the page is %v px wide", wide)
	}
	if why := b.text("#why"); !strings.Contains(why, "--allow-run") {
		t.Errorf("why nothing runs: %q", why)
	}
	b.shot("playground-phone")
	if status := b.eval(`fetch("/api/v1/try", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({text: "nodes: {}"})}).then(r => r.status)`); status != float64(403) {
		t.Errorf("a run that is not allowed: %v", status)
	}
}

// TestPlaygroundPlain writes where the editor cannot be loaded: the text area and the
// list of problems are left.
func TestPlaygroundPlain(t *testing.T) {
	g := playground(t, web.FolderOptions{}, true, trial.Limits{})
	b := writer{openBrowser(t, 1200, 800)}
	b.call("Network.setBlockedURLs", map[string]any{"urls": []string{"*codemirror.js"}}, nil)
	b.call("Page.navigate", map[string]any{"url": g.address("orders.yaml")}, nil)
	b.until(`document.querySelector("#play")?.dataset.checked && document.querySelector("#drawing #n-spent")`)
	b.eval(`(() => { const a = document.querySelector("#text"); a.value = a.value.replace("amount >", "amonut >"); a.dispatchEvent(new Event("input")); })()`)
	b.until(`document.querySelector("#problems button")?.textContent.includes("12:19")`)
	b.click("#problems button")
	b.until(`document.activeElement.id === "text" && document.activeElement.value.slice(0, document.activeElement.selectionStart).split("\n").length === 12`)
}

// TestPicturesOfThePlayground takes its pictures for docs/pictures; make shots calls it.
func TestPicturesOfThePlayground(t *testing.T) {
	if os.Getenv("FLOWRUN_SHOTS") == "" {
		t.Skip("FLOWRUN_SHOTS=DIR says where the pictures go")
	}
	g := playground(t, web.FolderOptions{}, true, trial.Limits{})
	for name, theme := range map[string]string{"playground": "light", "playground-night": "dark"} {
		b := writer{openBrowser(t, 1360, 800)}
		b.media("prefers-color-scheme", theme)
		b.visit(g.address("orders.yaml"))
		b.eval(`document.querySelector("#which").replaceChildren(new Option("orders.yaml"))`) // not where the test put it
		b.until(`!document.querySelector("#run").disabled && document.querySelector("#n-spent")`)
		b.click("#run")
		b.until(`document.querySelector("#result-report table")`)
		b.eval(`document.querySelector("#result-orders").open = true`)
		b.eval(`document.querySelector("#n-spent").dispatchEvent(new PointerEvent("pointerover", {bubbles: true}))`)
		b.write("where: amo", "")
		b.erase(1)
		b.until(`document.querySelector("#drawing.old") && document.querySelector(".cm-lint-marker-error")`)
		b.key(" ", 32, 2)
		b.until(offered + `[0] === "amount"`)
		b.wait(500)
		b.shot(name)
	}
}
