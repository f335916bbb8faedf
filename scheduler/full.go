package scheduler

import (
	"errors"
	"fmt"

	"github.com/flowrun/flowrun/scheduler/queue"
)

// This file is what an edge does that is full: what its contract says under on_full.

// errFull is the failure of a sender whose edge has on_full: fail.
var errFull = errors.New("the queue is full")

// full makes room for an envelope, or makes the envelope fit; some is false if nothing
// of it is left.
func (e *edge) full(env queue.Envelope) (fits queue.Envelope, some bool, err error) {
	switch e.spec.Contract.OnFull {
	case "drop_newest":
		env, some = e.dropNewest(env)
		return env, some, nil
	case "drop_oldest":
		if list, ok := e.queue.(*queue.List); ok {
			e.dropOldest(list, env)
		}
	case "fail":
		env.Data.Release()
		return env, false, fmt.Errorf("%w: %s holds %d of %d items and its contract says on_full: fail", errFull, e.spec, e.count.Items.Load(), e.capacity)
	}
	return env, true, nil
}

// dropNewest keeps the items that there is room for, and drops the others.
func (e *edge) dropNewest(env queue.Envelope) (kept queue.Envelope, some bool) {
	fit := min(int(e.capacity-e.count.Items.Load()), env.Items)
	if perItem := env.Bytes / env.Items; perItem > 0 {
		fit = min(fit, int(e.bytes-e.count.Bytes.Load())/perItem)
	}
	fit = max(fit, 0)
	e.count.Sent.Add(int64(env.Items - fit))
	e.count.Dropped.Add(int64(env.Items - fit))
	if fit == 0 {
		env.Data.Release()
		return env, false
	}
	kept = queue.Envelope{Data: env.Data.Slice(0, fit), Items: fit, Bytes: env.Bytes * fit / env.Items}
	if env.Order != nil {
		order := (*env.Order)[:fit]
		kept.Order = &order
	}
	env.Data.Release()
	return kept, true
}

// dropOldest drops what has waited longest, until an envelope fits.
func (e *edge) dropOldest(list *queue.List, env queue.Envelope) {
	over := func(dropped int) int {
		return int(e.count.Items.Load()) - dropped + env.Items - int(e.capacity)
	}
	items, bytes := list.DropOldest(func(items, bytes int) bool {
		return over(items) <= 0 && e.count.Bytes.Load()-int64(bytes)+int64(env.Bytes) <= e.bytes
	}, over)
	e.count.Dropped.Add(int64(items))
	e.count.Items.Add(-int64(items))
	e.count.Bytes.Add(-int64(bytes))
}
