package sql

import (
	"context"
	"errors"
)

// This file says which errors are those of a database that is away.

// theDatabase is what messages call it.
const theDatabase = "the database"

// maxMeetings is how often a transaction is tried that meets others.
const maxMeetings = 12

// lost reports whether an error is that of a connection, or of an open that may go well
// later.
func lost(s session, err error) bool {
	if err == nil {
		return false
	}
	if s == nil {
		return errors.Is(err, context.DeadlineExceeded) || gone(err)
	}
	return s.fault(err) == faultConnection
}

// gone is lost where there is no session.
func gone(err error) bool { return connectionOr(err, faultRow) == faultConnection || opening(err) }
