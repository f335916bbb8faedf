package web_test

import (
	"testing"

	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

func TestScratch(t *testing.T) {
	flow := webtest.Large(1000)
	server := serve(t, flow, webtest.PlayLarge(flow), web.Options{})
	b := openBrowser(t, 1600, 950)
	b.open(server.URL)
	b.wait(1000)
	b.press("b")
	b.wait(1500)
	t.Log("selected", b.frames(3))
	b.press("Escape")
	b.wait(300)
	t.Log("near", b.frames(3))
	t.Log(b.eval(`[document.querySelectorAll(".stream").length, document.querySelectorAll(".node:not(.out-of-sight)").length, document.querySelectorAll(".edge:not(.out-of-sight)").length]`))
	b.eval(`document.querySelectorAll(".stream").forEach(x => x.style.display = "none")`)
	t.Log("no dots", b.frames(3))
	b.media("prefers-reduced-motion", "reduce")
	b.wait(500)
	t.Log("reduced", b.frames(3))
}
func TestScratch15(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	b := openBrowser(t, 1600, 950)
	b.open(server.URL)
	b.wait(1000)
	t.Log("15", b.frames(3))
	b.click("#n-enrich")
	b.wait(1000)
	t.Log("15 sel", b.frames(3))
	b.media("prefers-reduced-motion", "reduce")
	b.wait(500)
	t.Log("reduced", b.frames(3))
}
