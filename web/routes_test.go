package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// Every path that either server answers, as method and address, with those that are not
// there. FLOW stands for a flow of the folder.
var (
	pageRoutes = []string{
		"GET /", "GET /?embed=1", "GET /?down=1", "GET /graph.svg", "GET /static/app.js", "GET /static/no.js", "GET /metrics", "GET /api/v1/openapi.json",
		"GET /api/v1/flow", "GET /api/v1/state", "GET /api/v1/nodes/enrich", "GET /api/v1/nodes/none", "GET /api/v1/edges/0/tap", "HEAD /api/v1/edges/0/tap",
		"HEAD /api/v1/stream", "POST /api/v1/run/pause", "POST /api/v1/run/resume", "POST /api/v1/run/drain", "POST /api/v1/run/stop",
		"GET /nosuch", "PUT /", "DELETE /api/v1/flow", "GET /..%2f..%2fetc/passwd", "GET /static/..%2fserver.go", "GET /static/%00", "GET //evil.example/..",
	}
	folderRoutes = []string{
		"GET /", "GET /flow?path=FLOW", "GET /flow?path=../etc/passwd", "GET /flow?path=%00", "GET /graph.svg?path=FLOW", "GET /graph.svg?path=/etc/passwd", "GET /nodes",
		"GET /static/live.js", "GET /api/v1/openapi.json", "GET /playground", "GET /playground?flow=FLOW", "GET /playground?flow=/etc/passwd",
		"POST /api/v1/check", "POST /api/v1/render", "POST /api/v1/complete", "POST /api/v1/explain", "POST /api/v1/try",
		"GET /diff", "GET /diff?a=FLOW&b=FLOW", "GET /diff?a=/etc/passwd", "GET /api/v1/diff?a=FLOW&b=FLOW", "GET /api/v1/diff",
		"GET /runs", "GET /runs/20260101-000000-000000", "GET /runs/..%2f..%2fetc%2fpasswd", "GET /runs/compare", "GET /runs/compare?a=../x&b=%00", "GET /api/v1/runs", "GET /api/v1/runs/%00",
		"GET /api/v1/live", "POST /api/v1/live", "POST /api/v1/live?path=/etc/passwd", "GET /live/1/", "GET /live/..%2f/", "POST /live/1/api/v1/run/stop", "GET /live/1/healthz",
		"GET /nosuch", "TRACE /", "GET //evil.example/..",
	}
)

// TestEveryRoute asks for all of them as a friend, under a name of somebody else,
// without the token and from another site. Whatever the answer is, it has the headers
// that keep it harmless, and shows nothing of what was asked but as text.
func TestEveryRoute(t *testing.T) {
	flow := webtest.Sensors()
	runner := &web.Runner{}
	page := func(token string) http.Handler {
		s, err := web.New(flow, webtest.PlaySensors(flow), web.Options{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	folder := playground(t, web.FolderOptions{Runner: runner}, true, trial.Limits{})
	closed := playground(t, web.FolderOptions{Runner: runner, Token: "sesame"}, true, trial.Limits{})
	for _, c := range []struct {
		name         string
		routes       []string
		open, locked http.Handler
		flow         string
	}{
		{"page", pageRoutes, page(""), page("sesame"), ""},
		{"folder", folderRoutes, folder.Config.Handler, closed.Config.Handler, filepath.Join(folder.dir, "orders.yaml")},
	} {
		for _, route := range c.routes {
			method, address, _ := strings.Cut(strings.ReplaceAll(route, "FLOW", c.flow), " ")
			ask := func(to http.Handler, host string, header ...string) *httptest.ResponseRecorder {
				w, r := httptest.NewRecorder(), httptest.NewRequest(method, address, strings.NewReader(`{"text":"<script>x</script>"}`))
				r.Host = host
				r.Header.Set("Content-Type", "application/json")
				for i := 0; i < len(header); i += 2 {
					r.Header.Set(header[i], header[i+1])
				}
				to.ServeHTTP(w, r)
				harmless(t, c.name+" "+route, w)
				return w
			}
			ask(c.open, "127.0.0.1:8790")
			for _, host := range []string{"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8790", "[::2]:80", "0.0.0.0", ""} {
				if w := ask(c.open, host); w.Code != http.StatusForbidden {
					t.Errorf("%s %s under the name %q: %d", c.name, route, host, w.Code)
				}
			}
			for _, given := range []string{"", "Bearer ", "Bearer sesam", "Bearer sesame2", "Basic sesame", "sesame"} {
				if w := ask(c.locked, "evil.example", "Authorization", given); w.Code != http.StatusUnauthorized {
					t.Errorf("%s %s with %q: %d", c.name, route, given, w.Code)
				}
			}
			if method == "POST" {
				for _, from := range [][]string{{"Origin", "null"}, {"Origin", "http://localhost:1"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "cross-site"}} {
					if w := ask(c.open, "localhost:8790", from...); w.Code != http.StatusForbidden {
						t.Errorf("%s %s from another site (%s): %d", c.name, route, from, w.Code)
					}
				}
			}
		}
	}
}

// harmless looks at the headers of an answer.
func harmless(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Header()
	policy := h.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script-src 'unsafe") {
		t.Errorf("%s: the policy is %q", what, policy)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: it lets other sites in by %s", what, name)
		}
	}
	if to := h.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") {
		t.Errorf("%s: it leads to %s", what, to)
	}
	if w.Code >= 400 && !strings.HasPrefix(h.Get("Content-Type"), "text/plain") || w.Body.Len() > 0 && h.Get("Content-Type") == "" {
		t.Errorf("%s: %d of the type %q", what, w.Code, h.Get("Content-Type"))
	}
	if strings.HasPrefix(h.Get("Content-Type"), "text/html") && strings.Contains(w.Body.String(), "<script>") {
		t.Errorf("%s: it has an inline script", what)
	}
	if strings.Contains(w.Body.String(), "root:") || strings.Contains(w.Body.String(), "goroutine ") {
		t.Errorf("%s: it shows what it must not: %.200s", what, w.Body)
	}
}

// TestWrongJSON sends what is no draft: the answer says what is wrong in words of the
// API, not of Go.
func TestWrongJSON(t *testing.T) {
	g := playground(t, web.FolderOptions{}, false, trial.Limits{})
	for body, says := range map[string]string{
		"": "unexpected end", "[]": "got array as the whole", `"x"`: "got string as the whole", `{"text": 1}`: "got number as text", `{"line": "x"}`: "got string as line",
		`{"column": 1e99}`: "got number 1e99 as column", `{"text": ""} more`: "invalid character", `{"flow": {}}`: "got object as flow", strings.Repeat("[", 20_000): "depth",
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/api/v1/check", strings.NewReader(body))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		g.Config.Handler.ServeHTTP(w, r)
		if text := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(text, says) || strings.Contains(text, "draft") || len(text) > 300 {
			t.Errorf("%.40s: %d %s", body, w.Code, text)
		}
	}
}

// TestManyChecks sends a hundred at once: each is answered, with a verdict or with the
// request to come again.
func TestManyChecks(t *testing.T) {
	g := playground(t, web.FolderOptions{}, false, trial.Limits{})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/api/v1/check", strings.NewReader(fmt.Sprintf(`{"text":"nodes:\n  n: {use: generate, with: {count: %d}}\n"}`, i)))
			r.Host = "localhost"
			r.Header.Set("Content-Type", "application/json")
			g.Config.Handler.ServeHTTP(w, r)
			if w.Code != http.StatusOK && (w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "") {
				t.Errorf("check %d: %d %s", i, w.Code, w.Body)
			}
		})
	}
	all.Wait()
}
