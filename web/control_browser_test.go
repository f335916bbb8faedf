package web_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/web"
)

// TestControlsInABrowser pauses a real run, by the button and by its key, and looks at
// the items of an edge.
func TestControlsInABrowser(t *testing.T) {
	server, run := atWork(t, web.Options{Tap: &web.TapRules{}})
	b := openBrowser(t, 1400, 900)
	b.open(server.URL)
	b.until(`document.querySelector("#outcome").textContent.startsWith("Running")`)
	b.click("#pause")
	b.until(`document.querySelector("#outcome").textContent.includes("Paused") && document.querySelector("#outcome.s7") && document.querySelector("#pause").textContent === "Resume"`)
	b.until(`document.querySelector("#n-numbers.s7") && document.querySelector("#verdict").textContent.includes("The run is paused")`)
	if !run.Paused() {
		t.Error("the page says that it is paused, and it is not")
	}
	b.wait(1500)
	b.shot("live-paused")
	b.open(server.URL) // a page that comes later knows, too
	b.until(`document.querySelector("#pause").textContent === "Resume" && document.querySelector("#outcome.s7")`)
	b.press("p")
	b.until(`document.querySelector("#outcome").textContent.includes("Running") && document.querySelector("#pause").textContent === "Pause" && !document.querySelector("#n-numbers.s7")`)
	if run.Paused() {
		t.Error("the page says that it runs, and it is paused")
	}
	t.Run("items", func(t *testing.T) { itemsInABrowser(t, b) })
	b.clean(server.URL)
}

// itemsInABrowser uses the tap by keys alone.
func itemsInABrowser(t *testing.T, b *browser) {
	b.eval(`document.querySelector("#n-numbers").focus()`)
	b.press("ArrowRight", "Enter")
	b.until(`document.querySelector("#inspector h2")?.textContent === "numbers.out → kept.in"`)
	const button = `[...document.querySelectorAll("#inspector button")].find(b => b.textContent === `
	b.eval(button + `"Show items").focus()`)
	b.press("Enter")
	b.until(`document.querySelectorAll(".samples li").length > 10`)
	item := b.text(".samples pre")
	if !strings.Contains(item, `"password":"•••"`) || !strings.Contains(item, "<b>bold</b> token=•••") {
		t.Errorf("an item: %s", item)
	}
	if b.eval(`document.querySelector(".samples b")`) != nil {
		t.Error("text of an item has become markup")
	}
	b.wait(800)
	b.eval(`document.querySelector(".samples").scrollIntoView({block: "center"})`)
	b.shot("live-items")
	b.eval(button + `"Pause").focus()`)
	b.press("Enter")
	b.until(button + `"Go on")`)
	b.wait(300)
	before := b.text(".samples small")
	b.wait(700)
	if after := b.text(".samples small"); after != before {
		t.Errorf("items come while they are paused: %s, %s", before, after)
	}
	b.eval(button + `"Go on").click()`)
	b.until(`document.querySelector(".samples small").textContent !== ` + quoted(before))
	b.eval(button + `"Clear").click(); ` + button + `"Pause").click()`)
	b.until(`document.querySelectorAll(".samples li").length < 10`)
	b.press("Escape")
	b.until(`document.querySelector("main.closed")`)
}

// TestItemsThatAreNotShown is told how to allow it.
func TestItemsThatAreNotShown(t *testing.T) {
	server, _ := atWork(t, web.Options{ReadOnly: true})
	b := openBrowser(t, 1400, 900)
	b.open(server.URL + "/?sel=e0")
	b.until(`document.querySelector("#inspector").textContent.includes("--ui-tap")`)
	if b.eval(`document.querySelector("#pause") || document.querySelector("#stop")`) != nil {
		t.Error("a page that is read only has buttons that act")
	}
	b.press("p")
	b.wait(300)
	b.clean(server.URL)
}

// TestRunsInABrowser starts a flow from the list, pauses it, looks at it, and ends it.
func TestRunsInABrowser(t *testing.T) {
	s := folderOf(t, &web.Runner{Tap: func() *web.TapRules { return &web.TapRules{} }}, map[string]string{"long.yaml": secretive, "short.yaml": fiveItems, "bad.yaml": "nodes:\n  a: {use: generat}\n"})
	b := openBrowser(t, 1200, 800)
	b.call("Page.navigate", map[string]any{"url": s.URL + "/"}, nil)
	const long, start = `document.querySelector('[data-path$="/long.yaml"]')`, `button[aria-label^="Start"]`
	b.until(`document.querySelectorAll('` + start + `').length === 3`)
	if b.eval(`document.querySelector('[data-path$="/bad.yaml"] `+start+`').disabled`) != true {
		t.Error("a flow with errors can be started")
	}
	b.wait(500) // the drawings take their places
	b.click(`[data-path$="/long.yaml"] ` + start)
	b.click(`[data-path$="/short.yaml"] ` + start)
	b.until(long + `.querySelector(".chip.s0[href]")?.textContent.includes("Running")`)
	b.until(`document.querySelector('[data-path$="/short.yaml"] a.chip.s5')?.textContent.includes("Done")`)
	b.shot("serve-running")
	b.click(`[data-path$="/long.yaml"] button[aria-label^="Pause"]`)
	b.until(long + `.querySelector(".chip.s7")?.textContent.includes("Paused")`)
	b.shot("serve-paused")
	b.click(`[data-path$="/long.yaml"] button[aria-label^="Resume"]`)
	b.until(long + `.querySelector("a.chip.s0")`)
	b.eval(long + `.querySelector("a.chip[href]").click()`)
	b.until(`location.pathname === "/live/1/" && document.querySelector("#conn")?.textContent === "live" && document.querySelector("#table tbody tr")`)
	b.until(`document.querySelector("#n-kept .rate").textContent !== "" && document.querySelector("header nav a").textContent === "Flows"`)
	b.click("#q0")
	b.until(`document.querySelector("#inspector h2")?.textContent === "numbers.out → kept.in"`)
	b.wait(600)
	b.shot("serve-live")
	b.call("Page.navigate", map[string]any{"url": s.URL + "/flow?path=" + s.live().Runs[0].Path}, nil)
	end := `button[aria-label^="End"]`
	b.until(`document.querySelector('` + end + `:not([hidden])')`)
	b.wait(300)
	b.click(end)
	b.until(`document.querySelector(".live small").textContent.includes("Press End again")`)
	if s.Running() != 1 {
		t.Error("one press ends a run")
	}
	b.shot("serve-flow")
	b.click(end)
	b.until(`document.querySelector(".live a.chip.s6")?.textContent.includes("Failed") && document.querySelector('` + start + `').textContent === "Start again"`)
	b.clean(s.URL)
}

func quoted(text string) string { return "`" + text + "`" }
