package web

import (
	"net"
	"net/http"
	"strings"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Monitor answers what machines ask of a run: its counters for Prometheus, and
// whether it is well. The page answers the same at the same paths; a Monitor is for
// runs without one. Close it when the run has ended.
type Monitor struct{ host }

// A Reporter tells what a run has counted so far; *scheduler.Run is one. Any goroutine
// may ask at any time.
type Reporter interface{ Stats() metrics.Report }

// NewMonitor makes the monitor of a run, which may not have started yet. A token, if
// set, must come with every request but those for health, and the monitor then
// answers under any host name.
func NewMonitor(run Reporter, token string) *Monitor {
	mux := http.NewServeMux()
	probes{run.Stats, func() metrics.Phase { r := run.Stats(); return r.Phase() }}.add(mux)
	m := &Monitor{}
	m.handler = gate{token: token}.guard(mux)
	return m
}

// Serve answers on a listener until Close, and returns nil then.
func (m *Monitor) Serve(l net.Listener) error { return m.serve(l) }

// Close ends what Serve began. It takes a second at most.
func (m *Monitor) Close() { m.shut() }

// ServeHTTP answers one request.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// probes are the paths for machines.
type probes struct {
	stats func() metrics.Report
	phase func() metrics.Phase // asked by strangers too, so it must cost little
}

func (p probes) add(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", p.health)
	mux.HandleFunc("GET /readyz", p.ready)
	mux.HandleFunc("GET /metrics", p.metrics)
}

// health says what the run is doing. Only a run that failed is not well.
func (p probes) health(w http.ResponseWriter, _ *http.Request) {
	phase := p.phase()
	word(w, string(phase), phase != metrics.Failed)
}

// ready says what the run is doing, and whether it takes something in.
func (p probes) ready(w http.ResponseWriter, _ *http.Request) {
	phase := p.phase()
	word(w, string(phase), phase == metrics.Running)
}

// word answers a probe. Those who ask need no token, so it is a word and no more.
func word(w http.ResponseWriter, text string, well bool) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !well {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	w.Write([]byte(text + "\n"))
}

// healthy says that the process answers.
func healthy(w http.ResponseWriter, _ *http.Request) { word(w, "ok", true) }

// metrics gives the counters: as OpenMetrics to those who ask for it, such as
// Prometheus since version 2.5, and in the older text of Prometheus to all others.
func (p probes) metrics(w http.ResponseWriter, r *http.Request) {
	report := p.stats()
	w.Header().Set("Vary", "Accept")
	if wantsOpenMetrics(r.Header.Get("Accept")) {
		send(w, r, metrics.OpenMetricsType, report.OpenMetrics())
		return
	}
	send(w, r, metrics.PrometheusType, report.Prometheus())
}

// wantsOpenMetrics looks for the version that there is. Whoever names the type at
// all prefers it, so weights are not compared; those who refuse it say q=0.
func wantsOpenMetrics(accept string) bool {
	for _, part := range strings.Split(accept, ",") {
		kind, rest, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		version := strings.Contains(rest, "version=1.0.0") || !strings.Contains(rest, "version=")
		if kind == "application/openmetrics-text" && version && !strings.HasSuffix(rest, "q=0") {
			return true
		}
	}
	return false
}
