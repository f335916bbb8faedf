package web

import "time"

// SetLimits changes how long a child may take and how much it may do, for tests.
func (l *Layouter) SetLimits(deadline time.Duration, layouts int) {
	l.deadline, l.most = deadline, layouts
}
