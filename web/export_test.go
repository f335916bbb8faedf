package web

import (
	"context"
	"time"
)

// A Bound says how long a layout of a child may take.
type Bound = func(context.Context) (context.Context, context.CancelFunc)

// SetLimits changes how long a child may take and how much it may do, for tests.
func (l *Layouter) SetLimits(bound Bound, layouts int) { l.bound, l.most = bound, layouts }

// Bound is how long a child may take.
func (l *Layouter) Bound() Bound { return l.bound }

// Patient makes a server wait as long as it takes for what it gives up after some
// seconds, for tests of what it answers: how busy the machine is does not matter then.
func (o FolderOptions) Patient() FolderOptions {
	o.leeway = time.Hour
	return o
}
