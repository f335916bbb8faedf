// Package trial runs a flow on a sample, to show what it would do.
//
//	result := trial.Run(ctx, flow, registry, trial.Limits{})
//
// # Terms
//
// A sample is the first rows of every source. A port is seen if it is an output of
// a node or the input of a sink; of each the first items are kept, to be shown.
//
// # Laws
//
// Nothing is written: a node without outputs is replaced by one that only counts
// and keeps, standard output goes nowhere, and no edge spills. A trial ends: by its
// sample, by its time, or by a limit on what the ports carry in items and bytes,
// which a flow that makes many items of one would otherwise not know. Sources and
// the nodes between run as they are: whoever lets strangers try flows decides by
// the registry what there is to be tried, and by graph.Options.Root what can be
// read; and runs them in a [Child], for what one node holds in memory no port tells.
//
// Every node has one worker, so that what is kept is what comes first.
package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Defaults of Limits.
const (
	Rows   = 1000
	Items  = 100_000
	Bytes  = 256 << 20
	Memory = 512 << 20
	Time   = 10 * time.Second
	Shown  = 50
	Text   = 200
)

// Limits bound a trial. A zero is the default of the same name.
type Limits struct {
	Rows   int           `json:"rows"`   // of each source
	Items  int64         `json:"items"`  // that a port may carry
	Bytes  int64         `json:"bytes"`  // that all ports may carry together
	Memory int64         `json:"memory"` // of a Child, in bytes
	Time   time.Duration `json:"time"`   // of the run, after which it is killed; at four fifths its sources end
	Shown  int           `json:"shown"`  // items kept of each port
	Text   int           `json:"text"`   // bytes that one value is shown in
}

func (l Limits) orDefaults() Limits {
	or(&l.Rows, Rows)
	or(&l.Items, Items)
	or(&l.Bytes, Bytes)
	or(&l.Memory, Memory)
	or(&l.Time, Time)
	or(&l.Shown, Shown)
	or(&l.Text, Text)
	return l
}

func or[T int | int64 | time.Duration](v *T, preset T) {
	if *v <= 0 {
		*v = preset
	}
}

// A Result is what a trial showed.
type Result struct {
	Outcome string        `json:"outcome"`         // done, failed, or late: its time was over
	Error   string        `json:"error,omitempty"` // of a run that failed, or was late
	Node    string        `json:"node,omitempty"`  // that failed
	Item    string        `json:"item,omitempty"`  // that failed, as JSON
	Took    time.Duration `json:"took_ns"`
	Nodes   []Node        `json:"nodes"` // in the order of the flow
}

// A Node is what one node did.
type Node struct {
	ID       string                `json:"id"`
	Kind     string                `json:"kind"`
	In       int64                 `json:"in"`
	Out      int64                 `json:"out"`
	Filtered int64                 `json:"filtered"`
	Errors   int64                 `json:"errors"`           // items that failed for good
	Sample   bool                  `json:"sample,omitempty"` // a source that had more rows, or just as many as were wanted
	Sink     bool                  `json:"sink,omitempty"`
	Recent   []scheduler.ItemError `json:"recent,omitempty"` // the last items that failed
	Ports    []Port                `json:"ports,omitempty"`  // outputs; of a sink, inputs
}

// A Port is what passed one port.
type Port struct {
	Name    string     `json:"name"`
	Items   int64      `json:"items"`
	Columns []string   `json:"columns"`        // the fields of a record, else one without a name
	Rows    [][]string `json:"rows,omitempty"` // the first items: a value for each column, as JSON, cut at Limits.Text
}

// errTime is why a trial is killed.
var errTime = errors.New("its time was over")

// Run tries a flow. It must come from a Load without errors and is used up: a flow
// runs once. The operators of its nodes come from operators. The result is whole
// whatever happens; Run returns when everything has ended, which is later than
// Limits.Time if a node does not look at its context.
func Run(ctx context.Context, flow *graph.Flow, operators scheduler.Operators, limits Limits) Result {
	limits = limits.orDefaults()
	t := &trial{operators: operators, limits: limits, flow: flow, seen: map[*graph.Node]*observation{}}
	t.prepare()
	run, err := scheduler.New(flow, t, scheduler.Options{Workers: 1, NoAcks: true, Stdin: strings.NewReader(""), Stdout: io.Discard})
	if err != nil {
		return Result{Outcome: "failed", Error: redact.Text(err.Error()), Nodes: []Node{}}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Time, errTime)
	defer cancel()
	drain := time.AfterFunc(limits.Time*4/5, func() {
		t.late.Store(true)
		run.Stop()
	})
	defer drain.Stop()
	report, err := run.Run(ctx)
	if errors.Is(err, scheduler.ErrStopped) { // it has shown enough
		err = nil
	}
	return t.result(run, report, err)
}

// prepare makes the flow one that keeps everything: every field is carried, one
// worker serves a node, and edges that would spill are as large as a port may carry.
func (t *trial) prepare() {
	for _, n := range t.flow.Nodes {
		n.Engine.Workers = graph.FixedWorkers(1)
		for _, out := range n.Out {
			out.Needed = graph.AllFields()
		}
	}
	for _, e := range t.flow.Edges {
		if e.Contract.OnFull == "spill" {
			e.Contract.OnFull, e.Contract.Capacity = "block", max(e.Contract.Capacity, int(t.limits.Items)+1)
			e.Contract.Bytes = 1 << 50 // the trial ends before
		}
	}
}

// result puts together what the run reports and what was seen.
func (t *trial) result(run *scheduler.Run, report metrics.Report, err error) Result {
	r := Result{Outcome: "done", Took: report.Took, Nodes: []Node{}}
	var failure *scheduler.Failure
	switch {
	case errors.Is(err, errTime):
		r.Outcome, r.Error = "late", fmt.Sprintf("a trial has %s; this is what came until then", t.limits.Time)
	case errors.As(err, &failure):
		r.Outcome, r.Error, r.Node, r.Item = "failed", redact.Text(failure.Err.Error()), failure.Node, failure.Item
	case err != nil:
		r.Outcome, r.Error = "failed", redact.Text(err.Error())
	case t.late.Load():
		r.Outcome, r.Error = "late", fmt.Sprintf("a trial has %s, so the sources were ended after %s", t.limits.Time, t.limits.Time*4/5)
	}
	for i, n := range t.flow.Nodes {
		rep := report.Nodes[i]
		node := Node{
			ID: n.ID, Kind: n.Kind, In: rep.In, Out: rep.Out, Filtered: rep.Filtered, Errors: rep.Errors(), Sink: isSink(n), Recent: run.RecentErrors(n.ID),
		}
		if s := t.seen[n]; s != nil {
			node.Ports, node.Sample = s.result(), s.source && s.taken >= t.limits.Rows
		}
		r.Nodes = append(r.Nodes, node)
	}
	return r
}

// isSink reports whether a node gives nothing on, so that its work is to change
// something outside.
func isSink(n *graph.Node) bool { return len(outputs(n)) == 0 }

// outputs are those of a node without its error port, which is the last.
func outputs(n *graph.Node) []*graph.Output { return n.Out[:len(n.Out)-1] }
