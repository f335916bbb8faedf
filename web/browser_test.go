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
	b.eval(`new Promise(r => setTimeout(r, 4000))`)
	b.shot("live-light")
	b.click("#n-decode")
	b.eval(`new Promise(r => setTimeout(r, 1500))`)
	b.shot("live-light-node")
	b.media("prefers-color-scheme", "dark")
	b.click("#q6")
	b.eval(`new Promise(r => setTimeout(r, 1500))`)
	b.shot("live-dark-edge")
	b.clean(server.URL)
}
