package scheduler

import (
	"github.com/flowrun/flowrun/scheduler/tap"
)

// What there is to know of taps: see package tap.
type (
	Tap        = tap.Tap
	TapOptions = tap.Options
	Sample     = tap.Sample
)
