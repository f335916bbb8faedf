package web

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file makes snapshots of a run.

const (
	historyEvery  = time.Second
	historyLength = 60
	window        = 2 * time.Second // over which rates and shares are measured
	errorsFor     = 10 * time.Second
	latencyFor    = errorsFor // over which quantiles are measured; no report is kept for longer
	manyNodes     = 100       // above, a tick comes every second
)

// A sampler makes snapshots of a run: at the pace of ticks while somebody looks,
// once a second otherwise. One goroutine works; everything else reads what it
// published.
type sampler struct {
	*topology
	run Reporter

	latest  atomic.Pointer[snapshot]
	lookers atomic.Int64
	woken   chan struct{} // somebody began to look

	reports []metrics.Report // of the last ten seconds, for the sampler alone

	mu      sync.Mutex
	history []*snapshot // one a second, the newest last
}

func newSampler(flow *graph.Flow, run Reporter) *sampler {
	m := &sampler{topology: newTopology(flow), run: run, woken: make(chan struct{}, 1)}
	m.sample()
	return m
}

// period is the time between two ticks.
func (m *sampler) period() time.Duration {
	if len(m.flow.Nodes) > manyNodes {
		return time.Second
	}
	return 500 * time.Millisecond
}

// work samples until the run has ended or ctx is cancelled, once more then.
func (m *sampler) work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			m.sample()
			return
		case <-timer.C:
		case <-m.woken:
		}
		if m.sample().ended() {
			return
		}
		wait := historyEvery
		if m.lookers.Load() > 0 {
			wait = m.period()
		}
		timer.Reset(wait)
	}
}

// look counts a reader in and gives what takes it out again.
func (m *sampler) look() (leave func()) {
	if m.lookers.Add(1) == 1 {
		select {
		case m.woken <- struct{}{}:
		default:
		}
	}
	return sync.OnceFunc(func() { m.lookers.Add(-1) })
}

// sample makes a snapshot of now and publishes it.
func (m *sampler) sample() *snapshot {
	before := m.latest.Load()
	report := m.run.Stats()
	report.Error = redact.Text(report.Error)
	s := &snapshot{at: report.Took, outcome: report.Outcome, report: report, next: make(chan struct{})}
	p := between(m.earlier(report.Took-window), &report)
	for i, e := range m.flow.Edges {
		s.edges = append(s.edges, p.edge(i, e.Contract.Capacity, int64(e.Contract.Bytes)))
	}
	recent := between(m.earlier(report.Took-latencyFor), &report)
	for i := range m.flow.Nodes {
		s.nodes = append(s.nodes, p.node(i, s.fuller(m.in[i], 1), s.fuller(m.out[i], 95)))
		s.nodes[i].P50, s.nodes[i].P99 = recent.latency(i)
	}
	for i := range s.edges {
		s.edges[i].Wait = recent.wait(i)
	}
	setStates(m.topology, s, before, m.earlier(report.Took-errorsFor))
	s.cuts = cutsOf(&report, before)
	s.verdict = judge(m.topology, s)
	m.remember(s)
	m.latest.Store(s)
	if before != nil {
		close(before.next)
	}
	return s
}

// earlier is the youngest report from then or before, or the oldest there is; nil
// before the first.
func (m *sampler) earlier(then time.Duration) *metrics.Report {
	for i := len(m.reports) - 1; i >= 0; i-- {
		if i == 0 || m.reports[i].Took <= then {
			return &m.reports[i]
		}
	}
	return nil
}

// remember keeps what later snapshots are compared with, and one snapshot a second
// for those who come later.
func (m *sampler) remember(s *snapshot) {
	for len(m.reports) > 1 && s.report.Took-m.reports[1].Took >= errorsFor {
		m.reports = m.reports[1:]
	}
	m.reports = append(m.reports, s.report)
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.history); n > 0 && s.at-m.history[n-1].at < historyEvery*9/10 {
		return
	}
	m.history = append(m.history, s)
	if len(m.history) > historyLength {
		m.history = append([]*snapshot(nil), m.history[len(m.history)-historyLength:]...)
	}
}

// past gives the history, the newest last.
func (m *sampler) past() []*snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*snapshot(nil), m.history...)
}
