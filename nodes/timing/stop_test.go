package timing_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/timing"
	"github.com/flowrun/flowrun/scheduler"
)

// TestStopCutsADelayShort: whoever stops a flow does not wait for what is due in an
// hour, and loses none of it.
func TestStopCutsADelayShort(t *testing.T) {
	for name, with := range map[string]string{"waiting for items": "for: 1h", "full": "for: 1h, pending: 2"} {
		synctest.Test(t, func(t *testing.T) {
			var notes []string
			registry, err := nodes.NewRegistry(timing.Nodes, kinds(&notes))
			if err != nil {
				t.Fatal(err)
			}
			flow, list := graph.Load(diag.NewSource("stop.yaml", []byte(`
nodes:
  in:  {use: script, with: {text: "1s a 1; 2s b 2; 10h end"}}
  one: {use: delay, in: in, with: {`+with+`}}
  out: {use: diary, in: one}
`)), registry, graph.Options{})
			if list.HasErrors() {
				t.Fatal(list)
			}
			run, err := scheduler.New(flow, registry, scheduler.Options{})
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(5*time.Second, run.Stop)
			report, err := run.Run(t.Context())
			if err != nil || report.Outcome != "done" || len(report.Unbalanced) > 0 {
				t.Fatal(err, report.Outcome, report.Unbalanced)
			}
			if want := []string{"5s a 1", "5s b 2"}; !slices.Equal(notes, want) {
				t.Errorf("%s: got %q, want %q", name, notes, want)
			}
		})
	}
}

// TestStopOfTicks: to be stopped is the end of a clock without a count. One with a count
// that has ticks left was cut short; one that has given them all has not.
func TestStopOfTicks(t *testing.T) {
	five := []string{"0s 0", "1s 1", "2s 2", "3s 3", "4s 4"}
	for _, c := range []struct {
		with    string
		err     error
		outcome string
		want    []string
	}{
		{"every: 1s", nil, "done", five},
		{"every: 1s, count: 1000", scheduler.ErrStopped, "stopped", five},
		{"every: 1s, count: 5", nil, "done", five},
		{"every: 1s, count: 3", nil, "done", five[:3]},
		{"every: 1s, count: 0", nil, "done", nil},
		{"every: 1s, after: 1h", nil, "done", nil},
		{"every: 1s, after: 1h, count: 1", scheduler.ErrStopped, "stopped", nil},
	} {
		for _, serial := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var notes []string
				registry, err := nodes.NewRegistry(timing.Nodes, kinds(&notes))
				if err != nil {
					t.Fatal(err)
				}
				// The other clock keeps the run going, and has no end.
				flow, list := graph.Load(diag.NewSource("stop.yaml", []byte(`
nodes:
  in:   {use: tick, with: {`+c.with+`}}
  more: {use: tick, with: {every: 1h, after: 1h}}
  out:  {use: diary, in: in}
  none: {use: diary, in: more}
`)), registry, graph.Options{})
				if list.HasErrors() {
					t.Fatal(list)
				}
				run, err := scheduler.New(flow, registry, scheduler.Options{Serial: serial})
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(4500*time.Millisecond, run.Stop)
				report, err := run.Run(t.Context())
				if err != c.err || report.Outcome != c.outcome || len(report.Unbalanced) > 0 {
					t.Errorf("%s, serial %v: %s %v %q", c.with, serial, report.Outcome, err, report.Unbalanced)
				}
				for i, note := range notes { // when, which tick, and its time
					notes[i] = strings.Join(strings.Fields(note)[:2], " ")
				}
				if !slices.Equal(notes, c.want) {
					t.Errorf("%s, serial %v: got %q, want %q", c.with, serial, notes, c.want)
				}
			})
		}
	}
}
