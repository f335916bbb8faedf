package nodetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/nodes"
)

// This file has what tests of sources that acknowledge want: a sink that is looked at while
// the flow runs, and runs that others wait for.

// A Seen is a sink that keeps lines of JSON as soon as they come. In a flow it is `use: seen`.
type Seen struct {
	On func(n int) error // told of each line how many there are; nil: nobody is

	mu    sync.Mutex
	lines []string
}

// A seenKind is its kind, and the operator.
type seenKind struct {
	*Seen
	enc *jsonl.Encoder
}

func (k *seenKind) Infer(c *graph.Inference) { c.Record("in") }

func (k *seenKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &seenKind{k.Seen, jsonl.NewEncoder(env.In("in"))}, nil
}

func (k *seenKind) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	b := in.Data.(*record.Batch)
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range b.Len() {
		k.lines = append(k.lines, string(k.enc.AppendRow(nil, b, b.Row(i))))
		if k.On != nil {
			if err := k.On(len(k.lines)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Lines are those that have come so far.
func (s *Seen) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// In gives a kit that has the sink.
func (s *Seen) In(k Kit) Kit {
	return k.With([]nodes.Decl{nodes.Kind("seen", "Keeps.", &seenKind{Seen: s}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single))})
}

// RunUntil runs a flow with the sink until that has n lines, or On has ended it.
func (s *Seen) RunUntil(t testing.TB, k Kit, flow string, n int) Result {
	t.Helper()
	var stop func()
	on := s.On
	s.On = func(got int) error {
		if on != nil {
			if err := on(got); err != nil {
				return err
			}
		}
		if got == n {
			stop()
		}
		return nil
	}
	return s.In(k).Run(t, flow, nil, Setup{Begun: func(f func()) { stop = f }})
}

// Start is Run on a goroutine of its own, with a function that stops the run.
func (k Kit) Start(t testing.TB, flow string, setup Setup) (stop func(), ended <-chan Result) {
	t.Helper()
	begun, over, result := make(chan func(), 1), make(chan struct{}), make(chan Result, 1)
	setup.Begun = func(stop func()) { begun <- stop }
	go func() {
		defer close(over)
		result <- k.Run(t, flow, nil, setup)
	}()
	select {
	case stop = <-begun:
	case <-over:
		if stop = func() {}; t.Failed() { // of its text
			t.FailNow()
		}
	}
	return stop, result
}

// Numbers are the lines {"n":from} and so on, up to one below n.
func Numbers(from, n int) (lines []string) {
	for i := from; i < n; i++ {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, i))
	}
	return lines
}

// Missing gives those of Numbers(0, n) that are not among lines, and how many lines are copies
// of one before.
func Missing(lines []string, n int) (missing []string, twice int) {
	count := map[string]int{}
	for _, l := range lines {
		count[l]++
	}
	for _, want := range Numbers(0, n) {
		if count[want] == 0 {
			missing = append(missing, want)
		}
		twice += max(0, count[want]-1)
	}
	return missing, twice
}

// HintOf is what an error says is to be done, "" if it says nothing.
func HintOf(err error) string {
	var h interface {
		error
		Hint() diag.Hint
	}
	if !errors.As(err, &h) {
		return ""
	}
	return h.Hint().Text
}
