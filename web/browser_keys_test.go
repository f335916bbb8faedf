package web_test

import (
	"fmt"
	"testing"

	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// TestKeyboardOnly does without a mouse what the page is for: from the address bar to
// the bottleneck, along its edges, into the table, and to the end of the run.
func TestKeyboardOnly(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	server := serve(t, flow, run, web.Options{})
	b := openBrowser(t, 1400, 900)
	b.open(server.URL)
	b.until(bottleneck)
	focused := func(script string) { t.Helper(); b.until(`(e => ` + script + `)(document.activeElement)`) }

	// The first stop leads past the drawing.
	b.press("Tab")
	focused(`e.matches(".skip") && getComputedStyle(e).left === "8px"`)
	b.press("Enter")
	focused(`e.id === "table"`)
	b.press("Tab") // the grip: arrows make the table higher
	focused(`e.id === "grip"`)
	high := b.eval(`document.querySelector("#table").offsetHeight`)
	b.press("ArrowUp")
	b.until(`document.querySelector("#table").offsetHeight > ` + fmt.Sprint(high))

	// The sentence at the top leads to the node it is about, arrows along its edges.
	b.press("b")
	b.until(`document.querySelector("#inspector h2")?.textContent === "enrich"`)
	focused(`e.id === "n-enrich" && e.matches(":focus-visible")`)
	b.press("ArrowLeft")
	focused(`e.id === "e6"`)
	b.press("Enter")
	b.until(`document.querySelector("#inspector h2")?.textContent === "unbatch.out → enrich.in"`)
	b.press("Escape")
	b.until(`document.querySelector("main.closed")`)
	focused(`e.id === "e6"`)

	// The table is a list of buttons.
	b.press("t", "Enter")
	b.until(`document.querySelector("#inspector h2")?.textContent === "enrich"`)
	b.press("Escape")

	// From top to bottom the arrows follow the edges, too.
	b.press("d")
	b.until(`document.readyState === "complete" && document.querySelector("svg.flow.down") && document.querySelector("#conn").textContent === "live" && document.querySelector("#n-enrich .mark.loud")`)
	b.press("b")
	focused(`e.id === "n-enrich"`)
	b.press("ArrowUp")
	focused(`e.id === "e6"`)
	b.press("ArrowUp")
	focused(`e.id === "n-unbatch"`)
	b.press("Escape", "d")
	b.until(`document.readyState === "complete" && document.querySelector("svg.flow:not(.down)") && document.querySelector("#conn").textContent === "live"`)

	// Ending the run asks, and the question can be answered by keys.
	b.eval(`document.querySelector("#stop").focus()`)
	b.press("Enter")
	b.until(`document.querySelector("#ask[open]")`)
	b.press("Escape")
	b.until(`!document.querySelector("dialog[open]")`)
	if run.Stopped() != 0 {
		t.Error("Esc has stopped the run")
	}
	focused(`e.id === "stop"`)
	b.press("Enter", "Enter")
	b.until(`document.querySelector("#outcome").textContent.includes("✓Stopped")`)
	b.clean(server.URL)
}
