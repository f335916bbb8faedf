package web_test

import (
	"net"
	"testing"

	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// TestLostServer takes the server away, lets it come back, and puts another flow in
// its place.
func TestLostServer(t *testing.T) {
	flow := webtest.Sensors()
	l := listener(t)
	address := l.Addr().String()
	up := func() (down func()) {
		page, err := web.New(flow, webtest.PlaySensors(flow), web.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if l == nil {
			if l, err = net.Listen("tcp", address); err != nil {
				t.Fatal(err)
			}
		}
		go page.Serve(l)
		return func() { page.Close(); l = nil }
	}
	down := up()
	b := openBrowser(t, 1400, 900)
	b.open("http://" + address)
	b.click("#n-enrich .name")
	b.until(`document.querySelector("#inspector h2")?.textContent === "enrich"`)
	b.press("+", "+")
	b.wait(300)
	view := b.eval(viewBox)
	b.eval(`window.same = true`)

	down()
	b.until(`!document.querySelector("#lost").hidden && document.body.classList.contains("stale") && !document.querySelector(".stream")`)
	if text := b.text("#lost"); text == "" || b.spoken("#lost")[:5] != "alert" {
		t.Errorf("the banner is read as %q", b.spoken("#lost"))
	}
	b.shot("live-lost")

	down = up()
	b.until(`document.querySelector("#conn").textContent === "live" && document.querySelector("#lost").hidden && !document.body.classList.contains("stale")`)
	if b.eval(`window.same`) != true {
		t.Error("the same flow is loaded again")
	}

	down()
	flow.About = "The same flow, changed" // another hash
	defer up()()
	b.until(`document.querySelector("h1")?.title.endsWith("changed") && document.querySelector("#conn").textContent === "live"`)
	b.until(`document.querySelector("#lost").hidden && document.querySelector("#inspector h2")?.textContent === "enrich"`)
	b.wait(300)
	if after := b.eval(viewBox); after != view {
		t.Errorf("the view was %v, and is %v after another flow came", view, after)
	}
}
