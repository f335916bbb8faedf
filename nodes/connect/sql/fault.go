package sql

import (
	"errors"
	"net"

	maria "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// This file looks into errors of clients.

// opening reports whether an error of opening a session may be gone later: nobody answers,
// or a server that is starting, ending or full.
func opening(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return (&postgresSession{}).fault(e) == faultConnection
	}
	if e, ok := errors.AsType[*maria.MySQLError](err); ok {
		return (&mysqlSession{}).fault(e) == faultConnection
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// positionOf is where in its text a statement is wrong, from 1; 0: nobody says.
func positionOf(err error) int {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return int(e.Position)
	}
	return 0
}

// A cleanError is one whose text has no password any more.
type cleanError struct {
	error
	text string
}

func (c cleanError) Error() string { return c.text }
func (c cleanError) Unwrap() error { return c.error }

// clean takes the password out of an error.
func (l *Link) clean(err error) error {
	if err == nil {
		return nil
	}
	if told := cleaned(l.URL, err.Error()); told != err.Error() {
		return cleanError{err, told}
	}
	return err
}
