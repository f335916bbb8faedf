package flowrun

import (
	"fmt"
	"time"
)

// Rate bounds how many items the node takes in a time, over all its workers; of a
// source, how many it gives. burst is how many may go at once after a pause; without
// one it is what comes in 5ms, at least one.
func Rate(items int, per time.Duration, burst ...int) Option {
	limit := map[string]any{"limit": fmt.Sprintf("%d/%s", items, per)}
	if len(burst) > 0 {
		limit["burst"] = burst[0]
	}
	return engine("Rate", "rate", limit)
}

// Breaker makes the node take nothing for a while after so many items in a row that
// failed for good; then it tries one, and goes on if that succeeds. Items wait
// meanwhile. It needs OnError(Skip) or OnError(Dead).
func Breaker(failures int, openFor time.Duration) Option {
	return engine("Breaker", "breaker", map[string]any{"failures": failures, "open_for": openFor})
}

// A BatchPolicy says how many items a node is given at once: Count, or fewer if they
// have Bytes, if the first one has waited for Period, or if no more will come. What
// is zero sets no bound.
type BatchPolicy struct {
	Count  int           `yaml:"count"`
	Bytes  int64         `yaml:"bytes"`
	Period time.Duration `yaml:"period"`
}

// Batched sets how many items the function of a Write, or another node that works
// on many items at once, is given. See Batch for a stream of slices.
func Batched(p BatchPolicy) Option { return engine("Batched", "batch", p) }
