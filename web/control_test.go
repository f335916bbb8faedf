package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// patience is how long a test waits for what must come: longer than any machine needs.
const patience = 5 * time.Minute

// eventually waits for what a server does in its own time.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestPauseFromThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page, run := virtualWork(t, web.Options{})
		order := func(what string) (status int, answer string) {
			status, answer = page.text("POST", "/api/v1/run/"+what)
			return status, strings.TrimSpace(answer)
		}
		out := func() int64 { return run.Stats().Nodes[0].Out }
		eventually(t, "items", func() bool { return out() > 0 })
		for range 2 {
			if code, answer := order("pause"); code != http.StatusAccepted {
				t.Fatalf("pausing: %d %s", code, answer)
			}
		}
		var state struct {
			Outcome string
			Paused  bool
			Verdict struct{ Head string }
			Nodes   []struct{ State string }
		}
		eventually(t, "the page says that the run is paused", func() bool {
			page.json("/api/v1/state", &state)
			return state.Paused && state.Verdict.Head == "The run is paused" && state.Nodes[0].State == "paused"
		})
		if state.Outcome != "running" {
			t.Errorf("%+v", state)
		}
		before := out()
		time.Sleep(time.Minute)
		if after := out(); after != before {
			t.Errorf("the source gave %d items during the pause", after-before)
		}
		if code, answer := order("resume"); code != http.StatusAccepted {
			t.Fatalf("resuming: %d %s", code, answer)
		}
		eventually(t, "more items", func() bool { return out() > before })
		run.Stop()
		eventually(t, "the run has ended", func() bool { page.json("/api/v1/state", &state); return state.Outcome == "done" }) // it has no end of its own
		if code, answer := order("pause"); code != http.StatusConflict || answer != "the run has ended" {
			t.Errorf("pausing what has ended: %d %s", code, answer)
		}
	})
}

// What acts is refused to strangers and to readers of a page that is read only; items
// are shown to nobody unless that was allowed, and acting is not looking.
func TestWhoMayActAndLook(t *testing.T) {
	open, run := atWork(t, web.Options{Tap: &web.TapRules{}})
	locked, _ := atWork(t, web.Options{Token: "sesame", Tap: &web.TapRules{}})
	shown, _ := atWork(t, web.Options{ReadOnly: true, Tap: &web.TapRules{}})
	closed, _ := atWork(t, web.Options{})
	flow := webtest.Sensors()
	fake := webtest.PlaySensors(flow)
	played := serve(t, flow, fake, web.Options{Tap: &web.TapRules{}})
	const pause, tap = "/api/v1/run/pause", "/api/v1/edges/0/tap"
	for _, c := range []struct {
		name, method, url string
		header            http.Header
		host              string
		want              int
		says              string
	}{
		{"read only", "POST", shown.URL + pause, nil, "", 403, "read only"},
		{"another site", "POST", open.URL + pause, http.Header{"Sec-Fetch-Site": {"cross-site"}}, "", 403, "another site"},
		{"another origin", "POST", open.URL + "/api/v1/run/resume", http.Header{"Origin": {"http://evil.example"}}, "", 403, "another site"},
		{"another name", "POST", open.URL + pause, nil, "evil.example", 403, "localhost only"},
		{"no token", "POST", locked.URL + pause, nil, "", 401, "token"},
		{"asking is not acting", "GET", open.URL + pause, nil, "", 405, ""},
		{"looking is not allowed", "GET", closed.URL + tap, nil, "", 403, "--ui-tap allows it"},
		{"looking without the token", "GET", locked.URL + tap, nil, "", 401, "token"},
		{"looking from another site", "GET", open.URL + tap, http.Header{"Sec-Fetch-Site": {"cross-site"}}, "", 403, "another site"},
		{"looking by another name", "GET", open.URL + tap, nil, "evil.example", 403, "localhost only"},
		{"looking at a run without items", "GET", played.URL + tap, nil, "", 503, "a run that is played has no items"},
		{"looking at no edge", "GET", open.URL + "/api/v1/edges/99/tap", nil, "", 404, "no such edge"},
		{"looking at nonsense", "GET", open.URL + "/api/v1/edges/..%2f/tap", nil, "", 400, "number of an edge"},
		{"looking too often", "GET", open.URL + tap + "?rate=11", nil, "", 400, "1 to 10"},
		{"posting a look", "POST", open.URL + tap, nil, "", 405, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequest(c.method, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if req.Host = c.host; c.header != nil {
				req.Header = c.header
			}
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text := make([]byte, 500)
			n, _ := res.Body.Read(text)
			if res.StatusCode != c.want || !strings.Contains(string(text[:n]), c.says) {
				t.Errorf("%d %s, want %d with %q", res.StatusCode, text[:n], c.want, c.says)
			}
		})
	}
	if run.Paused() {
		t.Error("the run was paused")
	}
	for _, what := range []string{"pause", "resume"} {
		if code, _ := post(t, played.URL+"/api/v1/run/"+what, nil); code != http.StatusAccepted || fake.Stats().Paused != (what == "pause") {
			t.Errorf("the order to %s: %d, and the run is paused: %v", what, code, fake.Stats().Paused)
		}
	}
	for page, buttons := range map[string]bool{open.URL: true, shown.URL: false, played.URL: true} {
		if _, text := get(t, page+"/", nil); strings.Contains(text, `id="pause"`) != buttons {
			t.Errorf("%s has a button to pause: %v, want %v", page, !buttons, buttons)
		}
	}
}

var _ web.Run = (*scheduler.Run)(nil)
