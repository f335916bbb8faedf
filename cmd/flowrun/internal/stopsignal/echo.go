package stopsignal

import "time"

// echoTime is how long after a signal another one is taken for the same.
const echoTime = 250 * time.Millisecond

// An Echo tells a signal that was sent twice from two that were meant. The command timeout
// sends one to its child and then to its whole group, a terminal that is closed and systemd
// with SendSIGHUP do alike: the two are microseconds apart, and whoever sent them wants the
// run to stop, and not to end at once. The zero Echo has heard nothing.
type Echo struct{ until time.Time }

// Heard notes that a signal was acted on now.
func (e *Echo) Heard(now time.Time) { e.until = now.Add(echoTime) }

// Of reports whether a signal that comes now is the one that was heard before.
func (e *Echo) Of(now time.Time) bool { return now.Before(e.until) }
