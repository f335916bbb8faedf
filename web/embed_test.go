package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// Who may show the page in a frame: nobody, but for the drawing alone, which those
// may who are named.
func TestFrames(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	closed := serve(t, flow, run, web.Options{})
	shared := serve(t, flow, run, web.Options{Frames: []string{"https://dash.example", "http://localhost:3000"}})
	for _, c := range []struct{ url, want string }{
		{closed.URL + "/", "frame-ancestors 'none';"}, {closed.URL + "/?embed=1", "frame-ancestors 'none';"},
		{shared.URL + "/", "frame-ancestors 'none';"}, {shared.URL + "/?embed=2", "frame-ancestors 'none';"},
		{shared.URL + "/?embed=1", "frame-ancestors https://dash.example http://localhost:3000;"},
	} {
		res, page := get(t, c.url, nil)
		if got := res.Header.Get("Content-Security-Policy"); !strings.Contains(got, c.want) {
			t.Errorf("%s: policy %q, want %s", c.url, got, c.want)
		}
		if acts := strings.Contains(page, `id="stop"`); acts == strings.Contains(c.url, "embed=1") {
			t.Errorf("%s: a button that stops the run: %v", c.url, acts)
		}
	}
	for _, bad := range []string{"*", "https://*.example", "https://dash.example/path", "dash.example", "https://a; script-src *", "https://a b", "'self'", ""} {
		if _, err := web.New(flow, run, web.Options{Frames: []string{bad}}); err == nil {
			t.Errorf("%q may show the page", bad)
		}
	}
}

// The token is taken out of the address, the rest of it stays.
func TestTokenOfAFrame(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{Token: "t0ken"})
	req, _ := http.NewRequest("GET", server.URL+"/?embed=1&token=t0ken", nil)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); to != "/?embed=1" {
		t.Errorf("sent on to %q", to)
	}
}

// TestEmbed puts the drawing into the page of another server.
func TestEmbed(t *testing.T) {
	b := openBrowser(t, 1000, 500)
	framed := ""
	dash := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/" {
			fmt.Fprintf(w, `<h1>Wall</h1><iframe title="flow" width="960" height="380" src="%s/?embed=1&theme=dark"></iframe>`, framed)
		}
	}))
	defer dash.Close()
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	refused := func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.trouble, func(s string) bool { return strings.Contains(s, "frame-ancestors") })
	}
	look := func(o web.Options) (streams bool) {
		framed = serve(t, flow, run, o).URL
		b.call("Page.navigate", map[string]any{"url": dash.URL}, nil)
		eventually(t, "the frame shows the drawing or is refused", func() bool {
			b.mu.Lock()
			streams = slices.Contains(b.requests, framed+"/api/v1/stream")
			b.mu.Unlock()
			return streams || refused()
		})
		return streams
	}
	if !look(web.Options{Frames: []string{dash.URL}}) || refused() {
		t.Error("the drawing is not live in a frame that may show it")
	}
	b.wait(1500)
	b.shot("live-embed")
	if look(web.Options{}) || !refused() {
		t.Error("the drawing is in a frame that nobody has allowed")
	}
	b.mu.Lock()
	b.trouble = nil // the refusal
	b.mu.Unlock()

	// By itself it is the drawing and nothing else.
	server := serve(t, flow, run, web.Options{})
	b.call("Page.navigate", map[string]any{"url": server.URL + "/?embed=1"}, nil)
	b.until(`document.readyState === "complete" && document.querySelector("#n-enrich .rate")?.textContent`)
	b.until(`[...document.querySelectorAll("header,table,aside,button,.legend")].every(e => !e.checkVisibility())`)
	if high, _ := b.eval(`document.querySelector(".canvas").clientHeight`).(float64); high != 500 {
		t.Errorf("the drawing is %v px high in a window of 500", high)
	}
}
