package flowrun_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun"
)

// Options are held to what a flow file may say, with its messages.
func TestOptionsAreChecked(t *testing.T) {
	const long = 1 << 62
	for _, test := range []struct {
		name   string
		option flowrun.Option
		want   []string
	}{
		{"fine", flowrun.Workers(2), nil},
		{"no workers", flowrun.Workers(0), []string{"want 1 to 10000, got 0"}},
		{"too many", flowrun.Workers(10001), []string{"want 1 to 10000, got 10001"}},
		{"elastic", flowrun.ElasticWorkers(1, 8), nil},
		{"elastic from none", flowrun.ElasticWorkers(0, 8), []string{"want 1 to 10000, got 0"}},
		{"elastic to none", flowrun.ElasticWorkers(2, 0), []string{"want 1 to 10000, got 0"}},
		{"elastic and upside down", flowrun.ElasticWorkers(8, 2), []string{"min is 8, more than max, which is 2"}},
		{"no timeout", flowrun.Timeout(0), []string{"want at least 1ms, got 0s"}},
		{"negative timeout", flowrun.Timeout(-time.Hour), []string{"want at least 1ms, got -1h0m0s"}},
		{"attempts", flowrun.Retry(flowrun.RetryPolicy{Attempts: 1001}), []string{"want 1 to 1000, got 1001"}},
		{"all of a retry", flowrun.Retry(flowrun.RetryPolicy{Attempts: -1, InitialInterval: -1, MaxInterval: -2, Multiplier: 0.5, Jitter: 2, MaxElapsed: -3}), []string{
			"want 0 to 1, got 2", "want 1 to 1000, got -1", "want at least 0s, got -1ns", "want at least 0s, got -2ns", "want at least 0s, got -3ns", "want at least 1, got 0.5",
		}},
		{"intervals", flowrun.Retry(flowrun.RetryPolicy{Attempts: 2, InitialInterval: time.Hour}), []string{"InitialInterval is 1h0m0s, longer than MaxInterval, which is 10s"}},
		{"one try", flowrun.Retry(flowrun.RetryPolicy{InitialInterval: time.Second}), []string{"Retry has no effect on work: it does not say how many attempts there are, so there is one"}},
		{"policy", flowrun.OnError("skp"), []string{`want fail, skip or dead, got text "skp"`}},
		{"no rate", flowrun.Rate(0, time.Second), []string{"a rate of 0 lets nothing pass"}},
		{"negative rate", flowrun.Rate(-1, time.Second), []string{"a rate cannot be negative"}},
		{"in no time", flowrun.Rate(1, 0), []string{"a rate needs a time above zero, got 0s"}},
		{"too fast", flowrun.Rate(2, 1), []string{"the rate 2/1ns is too large"}},
		{"no burst", flowrun.Rate(1, time.Second, 0), []string{"want 1 to 1000000, got 0"}},
		{"a burst for ages", flowrun.Rate(1, long, 3), []string{"a burst of 3 would take ages to gather at 1/1281023h53m38.427387904s: want at most 0"}},
		{"breaker", flowrun.Breaker(0, 0), []string{"the breaker never opens: the first item that fails stops the flow", "want 1 to 1000000, got 0", "want at least 1ms, got 0s"}},
		{"batch", flowrun.Batched(flowrun.BatchPolicy{}), []string{"batch says neither count nor bytes nor period"}},
		{"all of a batch", flowrun.Batched(flowrun.BatchPolicy{Count: -1, Bytes: -1, Period: -1}), []string{"want at least 1, got -1", "want at least 1ms, got -1ns"}},
		{"capacity", flowrun.Capacity(-1), []string{"want 1 to 100000000, got -1"}},
		{"bytes", flowrun.Bytes(500), []string{"want at least 1kB, got 500"}},
		{"full", flowrun.OnFull("drop"), []string{`want block, spill, drop_newest, drop_oldest or fail, got text "drop"`}},
		{"priority", flowrun.Priority("item +"), []string{"the expression ends too early"}},
		{"aging", flowrun.Aging(0), []string{"Aging has no effect on items.out -> work.in: the edge has no priority that it could raise", "want at least 1ms, got 0s"}},
		{"delay", flowrun.Delay(-time.Second), []string{"a delay cannot be negative"}},
		{"no delay", flowrun.Delay(0), nil},
		{"long delay", flowrun.Delay(long), nil},
	} {
		g := flowrun.New("options")
		flowrun.Each(flowrun.Slice(g, "items", []int{1}), "work", func(context.Context, int) error { return nil }, test.option)
		var got []string
		for _, d := range g.Check() {
			got = append(got, d.Message)
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	g := flowrun.New("two")
	flowrun.Drop(flowrun.Slice(g, "items", []int{1}), "out", flowrun.Delay(time.Second), flowrun.Priority("item"))
	if l := g.Check(); len(l) != 1 || l[0].Message != "an edge has a priority or a delay, not both" {
		t.Errorf("a delay and a priority: %v", l)
	}
}

// The last option of a kind counts.
func TestLastOptionCounts(t *testing.T) {
	g := flowrun.New("twice")
	flowrun.Each(flowrun.Slice(g, "items", []int{1}), "work", func(context.Context, int) error { return nil },
		flowrun.Workers(0), flowrun.Workers(3), flowrun.Retry(flowrun.RetryPolicy{Attempts: 9, MaxInterval: time.Hour}), flowrun.Retry(flowrun.RetryPolicy{Attempts: 2}),
		flowrun.Delay(time.Hour), flowrun.Delay(time.Minute), flowrun.Capacity(0), flowrun.Capacity(7))
	if l := g.Check(); len(l) > 0 {
		t.Fatal(l)
	}
	n := g.Flow().Nodes[1]
	if r := n.Engine.Retry; n.Engine.Workers.Max != 3 || r.Attempts != 2 || r.MaxInterval != 10*time.Second {
		t.Errorf("got %+v", n.Engine)
	}
	if k := n.In[0].Edges[0].Contract; k.Capacity != 7 || k.DelayFor != time.Minute || k.Delay.Value != "1m0s" {
		t.Errorf("got %+v", k)
	}
}

// Hints say what to write in a Go program, not in a flow file.
func TestHintsAreForPrograms(t *testing.T) {
	for want, options := range map[string][]flowrun.Option{
		"set Attempts, which counts the first one":                 {flowrun.Retry(flowrun.RetryPolicy{InitialInterval: time.Second})},
		"give it more Workers, or leave Unordered out":             {flowrun.Unordered(), flowrun.Workers(1)},
		"give OnError(Skip), or read Errors or Failures of work":   {flowrun.Breaker(3, time.Second)},
		"give Priority as well, or leave Aging out":                {flowrun.Aging(time.Second)},
		"MaxInterval is 10s by default: raise it to at least 1m0s": {flowrun.Retry(flowrun.RetryPolicy{Attempts: 2, InitialInterval: time.Minute})},
	} {
		g := flowrun.New("hints")
		flowrun.Each(flowrun.Slice(g, "items", []int{1}), "work", func(context.Context, int) error { return nil }, options...)
		if l := g.Check(); len(l) != 1 || l[0].Hint.String() != want {
			t.Errorf("got %v, want the hint %q", l, want)
		}
	}
}
