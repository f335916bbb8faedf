package timing_test

import (
	"slices"
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
			if err != nil || len(report.Unbalanced) > 0 {
				t.Fatal(err, report.Unbalanced)
			}
			if want := []string{"5s a 1", "5s b 2"}; !slices.Equal(notes, want) {
				t.Errorf("%s: got %q, want %q", name, notes, want)
			}
		})
	}
}
