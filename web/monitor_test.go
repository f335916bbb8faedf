package web_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web"
	"github.com/flowrun/flowrun/web/webtest"
)

// The page and the monitor give the same text to those who ask for the same.
func TestMetrics(t *testing.T) {
	flow := webtest.Sensors()
	flow.Name = "a \"b\"\\\nc"
	run := webtest.PlaySensors(flow)
	page := serve(t, flow, run, web.Options{})
	monitor := httptest.NewServer(web.NewMonitor(run, ""))
	defer monitor.Close()
	for accept, want := range map[string]string{
		"": metrics.PrometheusType, "*/*": metrics.PrometheusType, "text/plain;version=0.0.4": metrics.PrometheusType,
		"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1": metrics.OpenMetricsType,
		"application/openmetrics-text; version=1.0.0; q=0": metrics.PrometheusType,
		"application/openmetrics-text;version=2.0.0":       metrics.PrometheusType,
	} {
		for name, url := range map[string]string{"page": page.URL, "monitor": monitor.URL} {
			res, text := get(t, url+"/metrics", http.Header{"Accept": {accept}})
			if got := res.Header.Get("Content-Type"); got != want {
				t.Errorf("%s, Accept %q: %s, want %s", name, accept, got, want)
			}
			if want := `flowrun_node_out_total{flow="a \"b\"\\\nc",node="enrich"} `; !strings.Contains(text, want) {
				t.Errorf("%s, Accept %q: no %s", name, accept, want)
			}
			if ends := strings.HasSuffix(text, "# EOF\n"); ends != (want == metrics.OpenMetricsType) {
				t.Errorf("%s, Accept %q: it ends in # EOF: %v", name, accept, ends)
			}
		}
	}
}

// A fixedRun is a run that is as its report says.
type fixedRun struct{ metrics.Report }

func (r fixedRun) Stats() metrics.Report { return r.Report }

func TestHealth(t *testing.T) {
	began := webtest.Play(webtest.Sensors(), nil, nil).Stats().Started
	for _, c := range []struct {
		report        metrics.Report
		word          string
		health, ready int
	}{
		{metrics.Report{Outcome: "running"}, "starting", 200, 503},
		{metrics.Report{Outcome: "running", Started: began}, "running", 200, 200},
		{metrics.Report{Outcome: "running", Started: began, Paused: true}, "paused", 200, 503},
		{metrics.Report{Outcome: "running", Started: began, Draining: true}, "draining", 200, 503},
		{metrics.Report{Outcome: "running", Started: began, Error: "password=geheim"}, "failed", 503, 503},
		{metrics.Report{Outcome: "done", Started: began}, "done", 200, 503},
		{metrics.Report{Outcome: "failed", Started: began, Error: "no room"}, "failed", 503, 503},
	} {
		monitor := web.NewMonitor(fixedRun{c.report}, "")
		for path, want := range map[string]int{"/healthz": c.health, "/readyz": c.ready} {
			w := httptest.NewRecorder()
			monitor.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != want || w.Body.String() != c.word+"\n" {
				t.Errorf("%s of %s: %d %q, want %d", path, c.word, w.Code, w.Body, want)
			}
		}
	}
}

// Strangers get a word, and nothing else without the token.
func TestMonitorGate(t *testing.T) {
	run := webtest.PlaySensors(webtest.Sensors())
	open, locked := web.NewMonitor(run, ""), web.NewMonitor(run, "open sesame")
	for _, c := range []struct {
		name    string
		monitor *web.Monitor
		path    string
		host    string
		bearer  string
		want    int
	}{
		{"here", open, "/metrics", "localhost:9464", "", 200},
		{"rebound name", open, "/metrics", "evil.example", "", 403},
		{"probe", open, "/readyz", "10.0.0.7:9464", "", 200},
		{"no token", locked, "/metrics", "10.0.0.7:9464", "", 401},
		{"wrong token", locked, "/metrics", "10.0.0.7:9464", "open", 401},
		{"token", locked, "/metrics", "10.0.0.7:9464", "open sesame", 200},
		{"probe of a locked one", locked, "/healthz", "10.0.0.7:9464", "", 200},
		{"no page", open, "/", "localhost:9464", "", 404},
		{"no stop", open, "/api/v1/run/stop", "localhost:9464", "", 404},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Host = c.host
		if c.bearer != "" {
			r.Header.Set("Authorization", "Bearer "+c.bearer)
		}
		w := httptest.NewRecorder()
		if c.monitor.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
	}
}

func TestMonitorEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	monitor := web.NewMonitor(webtest.PlaySensors(webtest.Sensors()), "")
	over := make(chan error, 1)
	go func() { over <- monitor.Serve(l) }()
	if res, text := get(t, "http://"+l.Addr().String()+"/healthz", nil); res.StatusCode != 200 || text != "running\n" {
		t.Errorf("%d %q", res.StatusCode, text)
	}
	monitor.Close()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + l.Addr().String() + "/healthz"); err == nil {
		t.Error("it still answers")
	}
}
