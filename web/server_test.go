package web_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

func TestPageKeepsItsPolicy(t *testing.T) {
	flow := webtest.Sensors()
	flow.Name = `<script>alert(1)</script>`
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	res, page := get(t, server.URL+"/", nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") {
		t.Fatalf("status %d, policy %q", res.StatusCode, res.Header.Get("Content-Security-Policy"))
	}
	if m := regexp.MustCompile(`<[^>]*\s(style|on[a-z]+)=`).FindString(page); m != "" {
		t.Errorf("inline style or handler: %s", m)
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, "<style") || strings.Contains(page, "ZgotmplZ") {
		t.Error("the page has an inline script or style, or a value that the template refused")
	}
	for _, n := range flow.Nodes {
		if !strings.Contains(page, `id="n-`+n.ID+`"`) {
			t.Errorf("no card for %s", n.ID)
		}
	}
}

func TestEveryFileOfThePageIsThere(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{})
	_, page := get(t, server.URL+"/", nil)
	todo := regexp.MustCompile(`/static/[a-z.]+`).FindAllString(page, -1)
	seen := map[string]bool{}
	for len(todo) > 0 {
		path := todo[0]
		if todo = todo[1:]; seen[path] {
			continue
		}
		seen[path] = true
		res, text := get(t, server.URL+path, nil)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %d %q", path, res.StatusCode, res.Header.Get("Content-Type"))
		}
		for _, m := range regexp.MustCompile(`from "\./([a-z.]+)"`).FindAllStringSubmatch(text, -1) {
			todo = append(todo, "/static/"+m[1])
		}
		res, _ = get(t, server.URL+path, http.Header{"If-None-Match": {res.Header.Get("ETag")}})
		if res.StatusCode != http.StatusNotModified {
			t.Errorf("%s has not changed, but is sent again", path)
		}
	}
	if len(seen) < 12 {
		t.Errorf("the page has %d files only: %v", len(seen), seen)
	}
}

func TestAnswers(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	server := serve(t, flow, run, web.Options{})
	var outline struct {
		Hash  string
		Nodes []struct{ ID, At, Settings string }
		Edges []struct{ Name, Type string }
	}
	getJSON(t, server.URL+"/api/v1/flow", &outline)
	if len(outline.Nodes) != 15 || len(outline.Edges) != 15 || outline.Edges[6].Name != "unbatch.out → enrich.in" || outline.Edges[6].Type != "Stat" {
		t.Errorf("outline %+v", outline)
	}
	if n := outline.Nodes[8]; n.At != "etl-iot.yaml:27" || n.Settings != "use: lookup\nwith: {password: •••, rows: 8}" {
		t.Errorf("enrich: %+v", n)
	}
	var state struct {
		Outcome string
		Nodes   []struct{ State string }
	}
	getJSON(t, server.URL+"/api/v1/state", &state)
	if state.Outcome != "running" || state.Nodes[8].State != "bottleneck" || state.Nodes[12].State != "idle" {
		t.Errorf("state %+v", state)
	}
	var node struct {
		State  string
		Errors []struct{ Error, Item string }
	}
	getJSON(t, server.URL+"/api/v1/nodes/decode", &node)
	if len(node.Errors) != 1 || !strings.Contains(node.Errors[0].Item, "<b>") {
		t.Errorf("decode %+v", node)
	}
	res, svg := get(t, server.URL+"/graph.svg", nil)
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil || res.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("graph.svg as %s: %v", res.Header.Get("Content-Type"), err)
	}
	var api struct{ Paths map[string]any }
	getJSON(t, server.URL+"/api/v1/openapi.json", &api)
	for path := range api.Paths {
		for p, want := range map[string]int{path: http.StatusOK, path + "/no": http.StatusNotFound} {
			if !strings.Contains(path, "/run/") && !strings.Contains(path, "stream") && !strings.Contains(path, "{") && path != "/" {
				if res, _ := get(t, server.URL+p, nil); res.StatusCode != want {
					t.Errorf("%s: %d, want %d", p, res.StatusCode, want)
				}
			}
		}
	}
	run.Finish("done", "")
}

func TestStrangers(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	open := serve(t, flow, run, web.Options{})
	locked := serve(t, flow, run, web.Options{Token: "open sesame"})
	shown := serve(t, flow, run, web.Options{ReadOnly: true})
	bearer := http.Header{"Authorization": {"Bearer open sesame"}}
	for _, c := range []struct {
		name         string
		method, url  string
		header       http.Header
		host         string
		want         int
		wantStopping bool
	}{
		{"by name", "GET", open.URL + "/", nil, "localhost:1", 200, false},
		{"by IPv6", "GET", open.URL + "/", nil, "[::1]:8790", 200, false},
		{"rebound name", "GET", open.URL + "/", nil, "evil.example", 403, false},
		{"name that looks local", "GET", open.URL + "/", nil, "localhost.evil.example", 403, false},
		{"address of the network", "GET", open.URL + "/api/v1/flow", nil, "192.168.1.4:8790", 403, false},
		{"rebound name, static", "GET", open.URL + "/static/app.js", nil, "evil.example", 403, false},
		{"health check", "GET", open.URL + "/healthz", nil, "10.0.0.7", 200, false},
		{"path tricks", "GET", open.URL + "/static/..%2fpage.html.tmpl", nil, "", 404, false},
		{"path tricks, encoded", "GET", open.URL + "/static/%2e%2e%2fserver.go", nil, "", 404, false},
		{"no token", "GET", locked.URL + "/", nil, "", 401, false},
		{"wrong token", "GET", locked.URL + "/?token=open", nil, "", 401, false},
		{"token in the wrong place", "GET", locked.URL + "/api/v1/flow?token=open+sesame", nil, "", 401, false},
		{"no token, acting", "POST", locked.URL + "/api/v1/run/drain", nil, "", 401, false},
		{"token", "GET", locked.URL + "/api/v1/flow", bearer, "flow.example", 200, false},
		{"from another site", "POST", open.URL + "/api/v1/run/drain", http.Header{"Sec-Fetch-Site": {"cross-site"}}, "", 403, false},
		{"from another origin", "POST", open.URL + "/api/v1/run/drain", http.Header{"Origin": {"http://evil.example"}}, "", 403, false},
		{"read only", "POST", shown.URL + "/api/v1/run/drain", nil, "", 403, false},
		{"read", "GET", open.URL + "/api/v1/run/drain", nil, "", 405, false},
		{"nothing to kill with", "POST", open.URL + "/api/v1/run/stop", nil, "", 404, false},
		{"good", "POST", open.URL + "/api/v1/run/drain", http.Header{"Sec-Fetch-Site": {"same-origin"}}, "", 202, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := run.Stopped()
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
			if res.StatusCode != c.want {
				t.Errorf("status %d, want %d", res.StatusCode, c.want)
			}
			if stopping := run.Stopped() > before; stopping != c.wantStopping {
				t.Errorf("stopping the run: %v", stopping)
			}
		})
	}
}

// The address with the token gives a cookie, which then opens everything.
func TestTokenBecomesACookie(t *testing.T) {
	flow := webtest.Sensors()
	server := serve(t, flow, webtest.PlaySensors(flow), web.Options{Token: "t0ken"})
	req, _ := http.NewRequest("GET", server.URL+"/?token=t0ken", nil)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	cookies := res.Cookies()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("status %d, cookies %v", res.StatusCode, cookies)
	}
	res, _ = get(t, server.URL+"/api/v1/flow", http.Header{"Cookie": {cookies[0].Name + "=" + cookies[0].Value}})
	if res.StatusCode != http.StatusOK {
		t.Errorf("with the cookie: %d", res.StatusCode)
	}
}

// Whoever comes when all places are taken is sent away at once, and places that
// are left are given again.
func TestManyConnections(t *testing.T) {
	flow := webtest.Sensors()
	page, err := web.New(flow, webtest.PlaySensors(flow), web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go page.Serve(l)
	var open []net.Conn
	for range 400 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	if _, err := io.ReadAll(open[399]); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the last of 400 silent clients is not hung up on: %v", err)
	}
	for _, c := range open {
		c.Close()
	}
	eventually(t, "somebody is let in after they have left", func() bool {
		res, err := http.Get("http://" + l.Addr().String() + "/healthz")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
}

func get(t *testing.T, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func getJSON(t *testing.T, url string, v any) {
	t.Helper()
	res, text := get(t, url, nil)
	if err := json.Unmarshal([]byte(text), v); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v\n%.300s", url, res.StatusCode, err, text)
	}
}

// A run that has failed is neither ready nor well.
func TestReadiness(t *testing.T) {
	flow := webtest.Sensors()
	run := webtest.PlaySensors(flow)
	run.Finish("failed", "enrich (lookup): no connection")
	server := serve(t, flow, run, web.Options{})
	for path, want := range map[string]int{"/healthz": 503, "/readyz": 503} {
		if res, _ := get(t, server.URL+path, nil); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	var state struct {
		Verdict struct{ Level, Node, Text string }
		Nodes   []struct{ State string }
	}
	getJSON(t, server.URL+"/api/v1/state", &state)
	if state.Nodes[8].State != "failed" || state.Verdict.Node != "enrich" || state.Verdict.Level != "bad" {
		t.Errorf("%+v", state)
	}
}

var _ http.Handler = (*web.Server)(nil)
