package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// This file has what the sessions of SQLite and MySQL share: drivers of package
// database/sql, whose pool is left out because a node has one connection, and must know
// when it is another one.

var errEnd = io.EOF

type driverSession struct {
	conn  driver.Conn
	stmts map[string]driver.Stmt // by their text
}

// maxStmts bounds the statements that a session keeps prepared.
const maxStmts = 64

func named(args []any) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return values
}

// prepared gives a statement, which is kept.
func (s *driverSession) prepared(ctx context.Context, text string) (driver.Stmt, error) {
	if st := s.stmts[text]; st != nil {
		return st, nil
	}
	st, err := s.conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if len(s.stmts) >= maxStmts {
		s.forget()
	}
	if s.stmts == nil {
		s.stmts = map[string]driver.Stmt{}
	}
	s.stmts[text] = st
	return st, nil
}

func (s *driverSession) forget() {
	for _, st := range s.stmts {
		st.Close()
	}
	clear(s.stmts)
}

func (s *driverSession) query(ctx context.Context, text string, args []any) (rows, error) {
	r, err := s.conn.(driver.QueryerContext).QueryContext(ctx, text, named(args))
	if errors.Is(err, driver.ErrSkip) {
		var st driver.Stmt
		if st, err = s.prepared(ctx, text); err == nil {
			r, err = st.(driver.StmtQueryContext).QueryContext(ctx, named(args))
		}
	}
	if err != nil {
		return nil, err
	}
	return &driverRows{rows: r, columns: r.Columns(), values: make([]driver.Value, len(r.Columns()))}, nil
}

func (s *driverSession) exec(ctx context.Context, text string, args ...any) (int64, error) {
	r, err := s.conn.(driver.ExecerContext).ExecContext(ctx, text, named(args))
	if errors.Is(err, driver.ErrSkip) {
		return s.execPrepared(ctx, text, named(args))
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (s *driverSession) execPrepared(ctx context.Context, text string, args []driver.NamedValue) (int64, error) {
	st, err := s.prepared(ctx, text)
	if err != nil {
		return 0, err
	}
	r, err := st.(driver.StmtExecContext).ExecContext(ctx, args)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (s *driverSession) close() {
	s.forget()
	s.conn.Close()
}

type driverRows struct {
	rows    driver.Rows
	columns []string
	values  []driver.Value
}

func (r *driverRows) names() []string { return r.columns }
func (r *driverRows) next() error     { return r.rows.Next(r.values) }
func (r *driverRows) close()          { r.rows.Close() }

func (r *driverRows) cell(i int) cell {
	switch v := r.values[i].(type) {
	case nil:
		return cell{}
	case int64:
		return cell{kind: cellInt, i: v}
	case uint64:
		return cell{kind: cellText, s: strconv.AppendUint(nil, v, 10)}
	case float64:
		return cell{kind: cellFloat, f: v}
	case float32: // the shortest number that is this one
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return cell{kind: cellFloat, f: f}
	case bool:
		if v {
			return cell{kind: cellInt, i: 1}
		}
		return cell{kind: cellInt}
	case string:
		return cell{kind: cellText, s: record.Bytes(v)}
	case []byte:
		return cell{kind: cellBytes, s: v}
	case time.Time:
		return cell{kind: cellText, s: []byte(v.UTC().Format(time.RFC3339Nano))}
	}
	return cell{kind: cellText, s: []byte("?")}
}
