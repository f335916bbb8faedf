package timing_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// stopAfter stops a run after a while of its time.
func stopAfter(d time.Duration) func(stop func()) {
	return func(stop func()) { time.AfterFunc(d, stop) }
}

// TestStopCutsADelayShort: whoever stops a flow does not wait for what is due in an
// hour, and loses none of it.
func TestStopCutsADelayShort(t *testing.T) {
	for name, with := range map[string]string{"waiting for items": "for: 1h", "full": "for: 1h, pending: 2"} {
		synctest.Test(t, func(t *testing.T) {
			var notes []string
			r := kit.With(kinds(&notes)).Run(t, `
nodes:
  in:  {use: script, with: {text: "1s a 1; 2s b 2; 10h end"}}
  one: {use: delay, in: in, with: {`+with+`}}
  out: {use: diary, in: one}
`, nil, nodetest.Setup{Begun: stopAfter(5 * time.Second)})
			if r.Err != nil || r.Report.Outcome != "done" || len(r.Report.Unbalanced) > 0 {
				t.Fatal(r.Err, r.Report.Outcome, r.Report.Unbalanced)
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
		{"every: 1s, count: 1000", nodetest.ErrStopped, "stopped", five},
		{"every: 1s, count: 5", nil, "done", five},
		{"every: 1s, count: 3", nil, "done", five[:3]},
		{"every: 1s, count: 0", nil, "done", nil},
		{"every: 1s, after: 1h", nil, "done", nil},
		{"every: 1s, after: 1h, count: 1", nodetest.ErrStopped, "stopped", nil},
	} {
		for _, serial := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var notes []string
				// The other clock keeps the run going, and has no end.
				r := kit.With(kinds(&notes)).Run(t, `
nodes:
  in:   {use: tick, with: {`+c.with+`}}
  more: {use: tick, with: {every: 1h, after: 1h}}
  out:  {use: diary, in: in}
  none: {use: diary, in: more}
`, nil, nodetest.Setup{Serial: serial, Begun: stopAfter(4500 * time.Millisecond)})
				if r.Err != c.err || r.Report.Outcome != c.outcome || len(r.Report.Unbalanced) > 0 {
					t.Errorf("%s, serial %v: %s %v %q", c.with, serial, r.Report.Outcome, r.Err, r.Report.Unbalanced)
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
