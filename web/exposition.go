package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

// metrics gives the counters in the text format of Prometheus, version 0.0.4.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	report := s.run.Stats()
	send(w, r, "text/plain; version=0.0.4; charset=utf-8", []byte(exposition(&report)))
}

// exposition writes a report as metrics, in seconds and bytes.
func exposition(r *metrics.Report) string {
	var b strings.Builder
	flow := label("flow", r.Flow)
	family := func(name, kind, help string, sample func(emit func(labels string, value float64))) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		sample(func(labels string, value float64) { fmt.Fprintf(&b, "%s{%s%s} %g\n", name, flow, labels, value) })
	}
	nodes := func(name, kind, help string, of func(*metrics.NodeReport) float64) {
		family("flowrun_node_"+name, kind, help, func(emit func(string, float64)) {
			for i := range r.Nodes {
				emit(label(",node", r.Nodes[i].ID), of(&r.Nodes[i]))
			}
		})
	}
	edges := func(name, kind, help, more string, of func(*metrics.EdgeReport) float64) {
		family("flowrun_edge_"+name, kind, help, func(emit func(string, float64)) {
			for i := range r.Edges {
				emit(label(",from", r.Edges[i].From)+label(",to", r.Edges[i].To)+more, of(&r.Edges[i]))
			}
		})
	}
	family("flowrun_run_seconds", "gauge", "How long the flow has been running.", func(emit func(string, float64)) { emit("", r.Took.Seconds()) })
	nodes("in_total", "counter", "Items taken.", func(n *metrics.NodeReport) float64 { return float64(n.In) })
	nodes("out_total", "counter", "Items emitted, once each.", func(n *metrics.NodeReport) float64 { return float64(n.Out) })
	nodes("errors_total", "counter", "Items that failed for good.", func(n *metrics.NodeReport) float64 { return float64(n.Errors()) })
	nodes("dropped_total", "counter", "Items left out on purpose.", func(n *metrics.NodeReport) float64 { return float64(n.Filtered) })
	nodes("retries_total", "counter", "Tries after the first.", func(n *metrics.NodeReport) float64 { return float64(n.Retries) })
	nodes("busy_ratio", "gauge", "Share of its workers' time in the kind's code, since the start.", func(n *metrics.NodeReport) float64 { return n.Busy })
	nodes("blocked_ratio", "gauge", "Share of its workers' time waiting for room, since the start.", func(n *metrics.NodeReport) float64 { return n.Blocked })
	nodes("starved_ratio", "gauge", "Share of its workers' time waiting for input, since the start.", func(n *metrics.NodeReport) float64 { return n.Starved })
	nodes("workers", "gauge", "Workers.", func(n *metrics.NodeReport) float64 { return float64(n.Workers) })
	family("flowrun_node_seconds", "gauge", "Quantiles of the time that a piece of work takes, since the start.", func(emit func(string, float64)) {
		for i := range r.Nodes {
			n := &r.Nodes[i]
			emit(label(",node", n.ID)+`,quantile="0.5"`, n.P50.Seconds())
			emit(label(",node", n.ID)+`,quantile="0.99"`, n.P99.Seconds())
		}
	})
	edges("items", "gauge", "Items that wait.", "", func(e *metrics.EdgeReport) float64 { return float64(e.Items) })
	edges("bytes", "gauge", "Memory of what waits.", "", func(e *metrics.EdgeReport) float64 { return float64(e.Bytes) })
	edges("capacity", "gauge", "Items that may wait.", "", func(e *metrics.EdgeReport) float64 { return float64(e.Capacity) })
	edges("dropped_total", "counter", "Items that nobody got.", `,reason="unwanted"`, func(e *metrics.EdgeReport) float64 { return float64(e.Unwanted) })
	return b.String()
}

// label writes name="value"; the name may bring a comma along.
func label(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
}
