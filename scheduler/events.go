package scheduler

// This file tells Options.Events what happens to a run. Messages and keys are for
// programs that read them, so they stay as they are. Every event has the key flow;
// times are in seconds; no event has an item, though an error may quote a value, and
// texts of errors have gone through package redact.
//
//	message           level  keys
//	run started       info   nodes, edges
//	node started      info   node, kind, workers
//	node ended        info   node, in, out, errors, seconds
//	workers changed   info   node, from, to, waiting
//	paused, resumed   info
//	draining          info
//	items failed      warn   node, items (since the last such event), total, attempts, error (of the last one)
//	edge drops        warn   from, to, items; once an edge
//	edge spills       info   from, to, items; once an edge
//	cut given up      warn   epoch, node, input (that it had waited for; "" of a source), seconds
//	nothing moves     warn   waiting; the run fails if that does not change
//	run ended         info   outcome, seconds, rows (that sources gave), errors, dropped; of a run that failed:
//	                  error  those, error and, if it was one, node
//
// Kinds and breakers log to Options.Log instead, with the key node.
//
// Events of nodes come as they happen; what counters tell (pauses, failures, drops,
// spills) is looked at once a second, so that it costs the workers nothing, and a
// node that fails on every item says so every ten seconds.

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

const (
	eventsEvery   = time.Second
	failuresEvery = 10 * time.Second // of one node
)

// An observer finds events in reports that follow each other. One goroutine uses
// it.
type observer struct {
	log    *slog.Logger
	recent func(node string) []ItemError

	phase  metrics.Phase // at the last look
	failed map[string]toldErrors
	drops  map[int]bool // edges that were told of
	spills map[int]bool
}

// toldErrors is what was said of the failures of a node.
type toldErrors struct {
	total int64
	at    time.Duration // since the start
}

func newObserver(log *slog.Logger, recent func(string) []ItemError) *observer {
	return &observer{
		log: log, recent: recent,
		phase: metrics.Running, failed: map[string]toldErrors{}, drops: map[int]bool{}, spills: map[int]bool{},
	}
}

// watch looks once a second, and when there is news, until over is closed.
func (o *observer) watch(stats func() metrics.Report, news, over <-chan struct{}) {
	ticker := time.NewTicker(eventsEvery)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-news:
		case <-ticker.C:
		}
		report := stats()
		o.look(&report, false)
	}
}

// look tells what is new in a report. The last one tells of every failure.
func (o *observer) look(r *metrics.Report, last bool) {
	if now := r.Phase(); now != o.phase {
		switch {
		case now == metrics.Paused, now == metrics.Draining:
			o.log.Info(string(now))
		case now == metrics.Running && o.phase == metrics.Paused:
			o.log.Info("resumed")
		}
		o.phase = now
	}
	for i := range r.Nodes {
		o.failures(&r.Nodes[i], r.Took, last)
	}
	for i := range r.Edges {
		e := &r.Edges[i]
		if e.Dropped > 0 && !o.drops[i] {
			o.drops[i] = true
			o.log.Warn("edge drops", "from", e.From, "to", e.To, "items", e.Dropped, "on_full", e.OnFull)
		}
		if e.Spilled > 0 && !o.spills[i] {
			o.spills[i] = true
			o.log.Info("edge spills", "from", e.From, "to", e.To, "items", e.Spilled)
		}
	}
}

// failures tells of items that failed and did not stop the flow.
func (o *observer) failures(n *metrics.NodeReport, now time.Duration, last bool) {
	told, total := o.failed[n.ID], n.Skipped+n.Dead
	if total == told.total || !last && told.total > 0 && now-told.at < failuresEvery {
		return
	}
	o.failed[n.ID] = toldErrors{total, now}
	keys := []any{"node", n.ID, "items", total - told.total, "total", total}
	if recent := o.recent(n.ID); len(recent) > 0 {
		e := recent[len(recent)-1]
		keys = append(keys, "attempts", max(e.Attempts, 1), "error", redact.Text(e.Error))
		if e.Stack != "" {
			keys = append(keys, "stack", e.Stack)
		}
	}
	o.log.Warn("items failed", keys...)
}

// end tells how the run ended.
func (o *observer) end(report *metrics.Report, failure error) {
	var rows, failed, dropped int64
	for i := range report.Nodes {
		n := &report.Nodes[i]
		failed += n.Errors()
		if n.Source {
			rows += n.Out
		}
	}
	for i := range report.Edges {
		dropped += report.Edges[i].Dropped
	}
	keys := []any{"outcome", report.Outcome, "seconds", report.Took.Seconds(), "rows", rows, "errors", failed, "dropped", dropped}
	if failure == nil {
		o.log.Info("run ended", keys...)
		return
	}
	first, _, _ := strings.Cut(failure.Error(), "\n") // the others show the item, or the stack
	keys = append(keys, "error", redact.Text(first))
	if f, ok := errors.AsType[*Failure](failure); ok {
		keys = append(keys, "node", f.Node)
	}
	o.log.Error("run ended", keys...)
}
