package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// waitingCut is true once the page shows the cut of PlayCut.
const waitingCut = `document.querySelector("#n-enrich .cutmark.holder") && document.querySelector("#cut button").textContent === "enrich.in"`

// TestCutInABrowser looks at a cut that takes long, on the drawing and in what a screen
// reader says, until it is complete.
func TestCutInABrowser(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlayCut(flow)
	server := serve(t, flow, run, web.Options{})
	b := openBrowser(t, 1400, 900)
	b.open(server.URL)
	b.until(bottleneck + " && " + waitingCut)
	b.until(`document.querySelector("#cut p").textContent.match(/^Cut 1843 has been under way for (\d+ s|\d+ min) and waits for enrich.in$/)`)
	if got, want := b.text("#cut ul"), "✓8 nodes have met it7 have not"; got != want {
		t.Errorf("the legend says %q, want %q", got, want)
	}
	b.until(`document.querySelectorAll(".cutmark.met").length === 8 && document.querySelectorAll(".cutmark.left").length === 6`)
	said := func(id string) string { return b.text("#n-" + id + " title") }
	for id, want := range map[string]string{"clean": "running, has met the cut", "route": "running, has not met the cut", "enrich": "bottleneck, the cut waits for it"} {
		if got := said(id); !strings.Contains(got, want) {
			t.Errorf("the title of %s is %q, and lacks %q", id, got, want)
		}
	}
	b.until(`document.querySelector("#k-cut").textContent.match(/^1842 · \d+ (s|min)$/)`)
	b.shot("live-cut")
	b.click("#cut button")
	b.until(`document.querySelector("#inspector h2")?.textContent === "enrich"`)
	b.media("prefers-color-scheme", "dark")
	b.wait(500)
	b.shot("live-cut-dark")
	// The next one has just begun: nobody is told of it.
	run.Cut(metrics.CutReport{Epoch: 1843, Complete: 1841, GivenUp: 2, Flight: 1844, For: -time.Hour, Waits: &metrics.CutHolder{Node: "files"}}, nil)
	b.until(`document.querySelector("#cut").hidden && !document.querySelector(".cutmark") && document.querySelector("#k-cut").textContent.startsWith("1843 · ")`)
	if got := said("clean"); strings.Contains(got, "cut") {
		t.Errorf("when the cut is complete the title of clean is %q", got)
	}
	run.Finish("done", "")
	b.until(`document.querySelector("#k-cut").textContent === "1843"`)
	b.clean(server.URL)
}

// TestCutOnAPhone has room for the sentence.
func TestCutOnAPhone(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlayCut(flow), web.Options{})
	b := openBrowser(t, 390, 844)
	for _, path := range []string{"/", "/?down=1"} {
		b.open(server.URL + path)
		b.until(waitingCut)
		b.wait(500)
		b.shot("live-cut-phone" + path[1:])
		// Neither the box nor what a cut puts on cards covers them.
		for what, covers := range map[string]string{
			"the box covers the drawing": `document.querySelector("#cut").getBoundingClientRect().top < document.querySelector("svg.flow:not(.dots)").getBoundingClientRect().bottom`,
			"a mark covers the bar of the load": `[...document.querySelectorAll(".cutmark :is(circle,.tag)")].some(m => {
				const a = m.getBoundingClientRect(), b = m.closest(".node").querySelector(".track").getBoundingClientRect();
				return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
			})`,
		} {
			if b.eval(covers) != false {
				t.Errorf("%s: %s", path, what)
			}
		}
		if wide, _ := b.eval(`document.documentElement.scrollWidth`).(float64); wide > 390 {
			t.Errorf("%s is %v px wide", path, wide)
		}
	}
	b.clean(server.URL)
}

// cutFromAfar shows in a flow of a thousand nodes who has not met a cut.
func cutFromAfar(b *browser, run *webtest.Run) {
	b.t.Helper()
	met := map[string]uint64{}
	for i := range 600 {
		met[fmt.Sprintf("node_%d", i)] = 8
	}
	run.Cut(metrics.CutReport{Epoch: 7, Complete: 7, Flight: 8, For: time.Minute, Waits: &metrics.CutHolder{Node: "node_600", Input: "in"}}, met)
	b.press("Escape", "f")
	b.until(`document.querySelector("svg.flow.far") && document.querySelectorAll(".cutmark.left").length === 399 && document.querySelector("#n-node_600 .holder")`)
	b.wait(500)
	b.shot("live-1000-cut")
	b.click("#cut button")
	b.until(`!document.querySelector("svg.flow.lod") && document.querySelector("#inspector h2")?.textContent === "node_600"`)
	b.wait(500)
	b.shot("live-1000-cut-near")
}
