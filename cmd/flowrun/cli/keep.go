package cli

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A keeper records a run, to keep it beside its flow; nil keeps nothing.
type keeper struct {
	call     *runCall
	run      *scheduler.Run
	follower *history.Follower
}

func (r *runCall) keepFlag(verb *cobra.Command) {
	verb.Flags().BoolVar(&r.keep, "keep", false, "keep report and timeline in .flowrun/runs beside the flow, where "+r.command+" serve shows the last 50 runs (default: with --ui)")
	verb.Flags().Lookup("keep").DefValue = "false"
}

// keeper begins to record a run.
func (r *runCall) keeper(run *scheduler.Run) *keeper {
	if !r.keep {
		return nil
	}
	return &keeper{r, run, history.Follow(run.Stats)}
}

// save keeps what was recorded. That it cannot is worth a line and does not change
// how the run ended.
func (k *keeper) save(report metrics.Report, err error) {
	if k == nil {
		return
	}
	if report.Outcome == "running" { // it did not end in time
		report.Outcome = "failed"
	}
	if err != nil && !errors.Is(err, scheduler.ErrStopped) {
		report.Error = cmp.Or(report.Error, err.Error())
	}
	failures := map[string][]scheduler.ItemError{}
	for _, n := range report.Nodes {
		if recent := k.run.RecentErrors(n.ID); len(recent) > 0 {
			failures[n.ID] = recent
		}
	}
	path := k.call.path
	store := history.Open(history.Beside(path))
	if _, err := store.Save(history.Of(path, report, failures, k.follower.End(report))); err != nil && k.call.report != "json" && k.call.events.format != "json" {
		fmt.Fprintf(k.call.stderr, "the run is not kept: %v\n", err)
	}
}
