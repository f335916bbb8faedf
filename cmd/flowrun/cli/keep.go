package cli

import (
	"fmt"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A keeper keeps a run beside its flow, if that is wanted; nil keeps nothing.
type keeper struct {
	*history.Keeper
	call *runCall
}

// newKeeper begins to follow a run.
func newKeeper(r *runCall, run *scheduler.Run) *keeper {
	if !r.keep {
		return nil
	}
	return &keeper{history.Keep(r.path, run), r}
}

// save keeps the run. That it cannot is worth a line and does not change how the run
// ended.
func (k *keeper) save(report metrics.Report, err error) {
	if k == nil {
		return
	}
	if report.Outcome == "running" { // it did not end in time
		report.Outcome = "failed"
	}
	if err := k.Save(report, err); err != nil && k.call.report != "json" && k.call.events.format != "json" {
		fmt.Fprintf(k.call.stderr, "the run is not kept: %v\n", err)
	}
}
