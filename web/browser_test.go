package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// serve shows a run on a server of its own.
func serve(t *testing.T, flow *graph.Flow, run web.Run, o web.Options) *httptest.Server {
	t.Helper()
	if o.Layout == nil {
		o.Layout = render.Layout
	}
	page, err := web.New(flow, run, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	t.Cleanup(page.Close)
	return server
}

// TestLooks makes the pictures that people look at.
func TestLooks(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	b := openBrowser(t, 1600, 950)
	b.open(server.URL)
	b.until(`document.querySelector("#verdict").textContent.includes("enrich is the bottleneck")`)
	b.wait(3000)
	b.shot("live-light")
	b.click("#n-decode")
	b.wait(1200)
	b.shot("live-light-node")
	b.media("prefers-color-scheme", "dark")
	b.click("#q6")
	b.wait(1200)
	b.shot("live-dark-edge")
	t.Log(b.eval(`document.activeElement.outerHTML.slice(0, 200)`))
	b.clean(server.URL)
}

// TestLarge looks at a thousand nodes.
func TestLarge(t *testing.T) {
	flow := webtest.Large(1000)
	server := serve(t, flow, webtest.PlayLarge(flow), web.Options{})
	b := openBrowser(t, 1600, 950)
	b.open(server.URL)
	b.wait(2000)
	b.shot("live-1000")
	t.Log("whole: ", b.frames(3))
	b.press("b")
	b.wait(1500)
	b.shot("live-1000-near")
	t.Log("near: ", b.frames(3))
	b.clean(server.URL)
}

// TestPhone looks at a narrow screen.
func TestPhone(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	b := openBrowser(t, 390, 844)
	b.open(server.URL)
	b.wait(1500)
	b.shot("live-phone")
	b.click("#table tbody tr")
	b.wait(1000)
	b.shot("live-phone-node")
	b.clean(server.URL)
}
