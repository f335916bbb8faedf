package history

import (
	"cmp"
	"errors"
	"slices"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file keeps a run beside its flow, and finds those that were kept.

// A Subject is a run that can be kept; *scheduler.Run is one.
type Subject interface {
	Stats() metrics.Report
	RecentErrors(node string) []scheduler.ItemError
}

// A Keeper follows a run, to keep it beside its flow.
type Keeper struct {
	path     string
	run      Subject
	follower *Follower
}

// Keep begins to follow a run of the flow at a path. Save ends it.
func Keep(path string, run Subject) *Keeper { return &Keeper{path, run, Follow(run.Stats)} }

// Save keeps a run that has ended, with its report and what Run gave as its error. That
// it was stopped is no error.
func (k *Keeper) Save(report metrics.Report, err error) error {
	if err != nil && !errors.Is(err, scheduler.ErrStopped) {
		report.Error = cmp.Or(report.Error, err.Error())
	}
	_, err = Open(Beside(k.path)).Save(Of(k.path, report, Failures(k.run, report), k.follower.End(report)))
	return err
}

// Failures are the last items that failed, by the nodes that some failed on.
func Failures(run Subject, report metrics.Report) map[string][]scheduler.ItemError {
	failures := map[string][]scheduler.ItemError{}
	for _, n := range report.Nodes {
		if recent := run.RecentErrors(n.ID); len(recent) > 0 {
			failures[n.ID] = recent
		}
	}
	return failures
}

// StoresOf are the stores beside some flows, each once.
func StoresOf(paths []string) []*Store {
	var dirs []string
	var stores []*Store
	for _, path := range paths {
		if dir := Beside(path); !slices.Contains(dirs, dir) {
			dirs, stores = append(dirs, dir), append(stores, Open(dir))
		}
	}
	return stores
}

// ListAll lists the records of several stores, the newest first. Notes say what cannot be
// read.
func ListAll(stores []*Store) (heads []Head, notes []string) {
	for _, s := range stores {
		more, problems := s.List()
		heads, notes = append(heads, more...), append(notes, problems...)
	}
	slices.SortStableFunc(heads, func(a, b Head) int { return b.Started.Compare(a.Started) })
	return heads, notes
}
