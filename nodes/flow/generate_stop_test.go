package flow_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/nodes/std/flowtest"
	"github.com/flowrun/flowrun/scheduler"
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
		{"rate: 10, count: 12", "", scheduler.ErrStopped, 11},
		{"rate: 10, count: 11", "", nil, 11},
		{"count: 3", "", nil, 3},
		{"count: 0", "", nil, 0},
		{"count: 12", ", rate: 10/s", scheduler.ErrStopped, 11},
		{"count: 11", ", rate: 10/s", nil, 11},
		{"count: 100000", ", workers: 3", scheduler.ErrStopped, -1},
		{"", ", workers: 3", nil, -1},
	} {
		for _, serial := range []bool{false, true} {
			what := fmt.Sprintf("{%s}%s, serial %v", c.with, c.engine, serial)
			synctest.Test(t, func(t *testing.T) {
				registry, err := nodes.NewRegistry(std.Nodes)
				if err != nil {
					t.Fatal(err)
				}
				slow := "" // of those that give as fast as they can, what is taken of them
				if c.want < 0 {
					slow = ", rate: 1000/s"
				}
				f, list := flowtest.Load(t, fmt.Sprintf(`flow: stopped
nodes:
  in:   {use: generate, with: {%s}%s}
  out:  {use: file.write, in: in, with: {path: "-", format: jsonl}%s}
  more: {use: tick, with: {every: 1h, after: 1h}}
  none: {use: drop, in: more}
`, c.with, c.engine, slow), nil)
				if list.HasErrors() {
					t.Fatal(flowtest.Printed(list))
				}
				var stdout bytes.Buffer
				run, err := scheduler.New(f, registry, scheduler.Options{Serial: serial, Stdin: strings.NewReader(""), Stdout: &stdout})
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(1050*time.Millisecond, run.Stop)
				report, err := run.Run(t.Context())
				outcome := "done"
				if c.err != nil {
					outcome = "stopped"
				}
				if err != c.err || report.Outcome != outcome || len(report.Unbalanced) > 0 {
					t.Errorf("%s: %s %v %q", what, report.Outcome, err, report.Unbalanced)
				}
				n := int64(strings.Count(stdout.String(), "\n"))
				if n != report.Nodes[0].Out || c.want >= 0 && n != int64(c.want) || c.want < 0 && (n < 1000 || n >= 100_000) {
					t.Errorf("%s: %d items of %d arrived, want %d", what, n, report.Nodes[0].Out, c.want)
				}
				if c.want < 0 {
					return
				}
				if report.Took != 1050*time.Millisecond {
					t.Errorf("%s: it took %s", what, report.Took)
				}
			})
		}
	}
}
