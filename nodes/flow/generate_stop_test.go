package flow_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// To be stopped is the end of a generate without a count. One with a count was cut short,
// unless it has given all its items. In any case what it gave arrives.
func TestGenerateIsStopped(t *testing.T) {
	for _, c := range []struct {
		with, engine string
		err          error
		want         int // items; -1: some thousands
	}{
		{"rate: 10", "", nil, 11},
		{"rate: 10, count: 12", "", nodetest.ErrStopped, 11},
		{"rate: 10, count: 11", "", nil, 11},
		{"count: 3", "", nil, 3},
		{"count: 0", "", nil, 0},
		{"count: 12", ", rate: 10/s", nodetest.ErrStopped, 11},
		{"count: 11", ", rate: 10/s", nil, 11},
		{"count: 100000", ", workers: 3", nodetest.ErrStopped, -1},
		{"", ", workers: 3", nil, -1},
	} {
		for _, serial := range []bool{false, true} {
			what := fmt.Sprintf("{%s}%s, serial %v", c.with, c.engine, serial)
			synctest.Test(t, func(t *testing.T) {
				slow := "" // of those that give as fast as they can, what is taken of them
				if c.want < 0 {
					slow = ", rate: 1000/s"
				}
				r := kit.Run(t, fmt.Sprintf(`flow: stopped
nodes:
  in:   {use: generate, with: {%s}%s}
  out:  {use: file.write, in: in, with: {path: "-", format: jsonl}%s}
  more: {use: tick, with: {every: 1h, after: 1h}}
  none: {use: drop, in: more}
`, c.with, c.engine, slow), nil, nodetest.Setup{Serial: serial, Begun: func(stop func()) { time.AfterFunc(1050*time.Millisecond, stop) }})
				outcome := "done"
				if c.err != nil {
					outcome = "stopped"
				}
				if r.Err != c.err || r.Report.Outcome != outcome || len(r.Report.Unbalanced) > 0 {
					t.Errorf("%s: %s %v %q", what, r.Report.Outcome, r.Err, r.Report.Unbalanced)
				}
				n := int64(strings.Count(r.Stdout, "\n"))
				if n != r.Report.Nodes[0].Out || c.want >= 0 && n != int64(c.want) || c.want < 0 && (n < 1000 || n >= 100_000) {
					t.Errorf("%s: %d items of %d arrived, want %d", what, n, r.Report.Nodes[0].Out, c.want)
				}
				if c.want < 0 {
					return
				}
				if r.Report.Took != 1050*time.Millisecond {
					t.Errorf("%s: it took %s", what, r.Report.Took)
				}
			})
		}
	}
}
