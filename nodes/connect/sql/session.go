package sql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file has what the kinds know of a database, whichever it is.

// A session is one connection. One goroutine at a time uses it. A context that ends in
// mid-call may break it.
type session interface {
	// query runs a statement that gives rows; close them before the next call. Arguments
	// are nil, int64, float64, bool, string and []byte.
	query(ctx context.Context, text string, args []any) (rows, error)
	// exec runs statements and tells how many rows the last one has changed.
	exec(ctx context.Context, text string, args ...any) (int64, error)
	// describe gives the columns of a query without running it.
	describe(ctx context.Context, query string, args []any) ([]column, error)
	// table describes a table, nil if there is none.
	table(ctx context.Context, name string) (*table, error)
	// write puts rows of a batch into a table, all or none if it stands in a savepoint.
	write(ctx context.Context, p *plan, b *record.Batch, rows []int32) error
	// greet tells the version, and the time on the clock of the server; the zero time if
	// it has none of its own.
	greet(ctx context.Context) (version string, clock time.Time, err error)
	// fault says what an error of the session means.
	fault(err error) fault
	close()
}

// rows are the result of a query.
type rows interface {
	names() []string
	// next goes to the next row; io.EOF at the end.
	next() error
	// cell gives a value of the row, valid until next.
	cell(i int) cell
	close()
}

// A column is one of a table, or of a query.
type column struct {
	name      string
	t         *types.Type
	db        string // its type in the words of the database
	filled    bool   // the database gives it a value where a row has none
	generated bool   // nobody may write to it
	json      bool   // its values are JSON
	sampled   bool   // the type is that of the first rows
}

// A table is what is known of one.
type table struct {
	name    string
	columns []column
	key     []string // its primary key
}

func (t *table) column(name string) (column, bool) {
	for _, c := range t.columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

func (t *table) names() []string {
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return names
}

// A fault is what an error of a database means.
type fault uint8

const (
	faultRow        fault = iota // one of the rows cannot be written
	faultStatement               // no row can: a table or a right is missing
	faultRetry                   // the transaction has met another one; it may be tried again
	faultConnection              // nothing is known of the session any more
)

// A Link is the part of the settings that says how to reach a database.
type Link struct {
	URL  config.URL `yaml:"url,required" doc:"The database: sqlite:FILE, relative to the flow, postgres://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE; write a password as ${env:NAME} or ${file:/path}."`
	TLS  *peer.TLS  `yaml:"tls" doc:"How the connection to a server is secured. Without it a PostgreSQL url may say sslmode, a MySQL url tls=true; else PostgreSQL takes TLS if the server has it, and MySQL none."`
	Init string     `yaml:"init" doc:"Statements that are run first on every connection, such as SET search_path TO shop, or a PRAGMA."`
}

// A purpose is what a session is opened for.
type purpose uint8

const (
	toRead   purpose = iota
	toWrite          // the database is there
	toCreate         // a SQLite file is made if there is none
)

// connectTime bounds how long it may take to open a session.
const connectTime = 15 * time.Second

// open opens a session.
func (l *Link) open(ctx context.Context, env *nodes.Env, what purpose) (session, error) {
	if err := mayOpen(env); err != nil {
		return nil, err
	}
	a, err := addressOf(l.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	var s session
	switch a.dialect {
	case sqlite:
		s, err = openSQLite(ctx, env, a, what)
	case postgres:
		s, err = openPostgres(ctx, env, l, a)
	default:
		s, err = openMySQL(ctx, env, l, a)
	}
	if err != nil {
		return nil, l.advised(err)
	}
	if l.Init != "" {
		if _, err := s.exec(ctx, l.Init); err != nil {
			s.close()
			return nil, fmt.Errorf("the statements of init: %w", err)
		}
	}
	return s, nil
}

// dialect is that of the url; of a wrong one it is any.
func (l *Link) dialect() dialect {
	a, _ := addressOf(l.URL)
	return a.dialect
}

// A brokenError is a session that is of no use any more.
type brokenError struct{ error }

func (b brokenError) Unwrap() error { return b.error }

// collect reads the texts of a query of one column or more.
func collect(ctx context.Context, s session, query string, args ...any) ([][]string, error) {
	r, err := s.query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	defer r.close()
	var all [][]string
	for {
		if err := r.next(); err != nil {
			if errors.Is(err, errEnd) {
				return all, nil
			}
			return nil, err
		}
		row := make([]string, len(r.names()))
		for i := range row {
			row[i] = r.cell(i).text()
		}
		all = append(all, row)
	}
}
