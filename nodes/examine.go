package nodes

import (
	"context"
	"time"
)

// This file has what kinds tell of the peers that they talk to.

// An AwayError is the error of a peer that could not be reached, or did not come back. A run
// that ends with it says by its exit code that nothing is wrong with the flow.
type AwayError struct{ Err error }

func (e AwayError) Error() string { return e.Err.Error() }
func (e AwayError) Unwrap() error { return e.Err }

// An Examiner is a settings struct of a kind that talks to a peer: a server, a database, a
// program. Examine looks whether a run would find what it needs there: the peer answers,
// takes the login, and has the table, the queue or the path. It changes nothing there, ends
// with ctx, and is called after Infer, while the flow does not run.
type Examiner interface {
	Examine(ctx context.Context, env *Env) []Finding
}

// A Finding is one thing that was looked at. The first of a peer says whether it answers;
// if it does not there are no others.
type Finding struct {
	Peer string        // such as "postgres://db:5432/shop", without secrets
	What string        // what was looked at: "connection", "login", "table orders", "clock"
	Told string        // what was found: "PostgreSQL 17.2", "12 columns"
	Err  error         // nil: as it should be. It may have a Hint() diag.Hint
	Took time.Duration // of the first finding: how long the answer took; else 0
	Skew time.Duration // of "clock": how far the peer's clock is ahead
}
