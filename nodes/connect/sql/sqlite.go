package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	lite "modernc.org/sqlite"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is SQLite.

// lockTime is how long a statement waits for the lock of a database before it gives up; the
// transaction is tried again then.
const lockTime = 5 * time.Second

type sqliteSession struct {
	driverSession
	args []driver.NamedValue
}

func openSQLite(ctx context.Context, env *nodes.Env, a address, what purpose) (session, error) {
	dsn := inMemory
	if a.path != "" {
		path := env.Path(a.path)
		if what == toCreate { // with its folder, as that of any file that a flow writes
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return nil, err
			}
		} else {
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				return nil, peer.Hinted(&fs.PathError{Op: "open", Path: nodes.ShortPath(path), Err: fs.ErrNotExist}, map[purpose]string{toWrite: "`create: true` makes it"}[what])
			}
		}
		params := url.Values{"mode": {[...]string{"ro", "rw", "rwc"}[what]}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", lockTime.Milliseconds())}}
		if what != toRead {
			journal := a.params.Get("journal")
			if journal == "" {
				journal = "wal"
			}
			params.Add("_pragma", "journal_mode("+journal+")")
			if env.NoSync {
				params.Add("_pragma", "synchronous(off)")
			}
		}
		dsn = "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + params.Encode()
	}
	c, err := lite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	conn, err := c.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.shown, err)
	}
	return &sqliteSession{driverSession: driverSession{conn: conn}}, nil
}

func (s *sqliteSession) greet(ctx context.Context) (string, time.Time, error) {
	v, err := collect(ctx, s, "SELECT sqlite_version()")
	if err != nil {
		return "", time.Time{}, err
	}
	return "SQLite " + v[0][0], time.Time{}, nil
}

func (s *sqliteSession) table(ctx context.Context, name string) (*table, error) {
	schema, base, ok := strings.Cut(name, ".")
	if !ok {
		schema, base = "main", name
	}
	found, err := collect(ctx, s, `SELECT name, type, "notnull", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?, ?)`, base, schema)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	t := &table{name: name}
	for _, f := range found {
		typ, json := sqliteType(f[1])
		key := f[4] != "0"
		if key {
			t.key = append(t.key, f[0])
		}
		rowid := key && strings.EqualFold(f[1], "INTEGER")
		if typ == nil {
			typ = types.Any
		}
		t.columns = append(t.columns, column{
			name: f[0], t: typ.WithOpt(f[2] == "0" && !rowid), db: f[1], json: json,
			filled: f[2] == "0" || f[3] == "1" || rowid, generated: f[5] == "2" || f[5] == "3",
		})
	}
	return t, nil
}

// describe asks SQLite, which knows no types of expressions: theirs are those of the first
// rows.
func (s *sqliteSession) describe(ctx context.Context, query string, args []any) ([]column, error) {
	info, err := s.conn.(interface {
		ColumnInfo(query string) ([]lite.ColumnInfo, error)
	}).ColumnInfo(query)
	if err != nil {
		return nil, err
	}
	columns, untyped := make([]column, len(info)), false
	tables := map[string]*table{}
	for i, c := range info {
		t, json := sqliteType(c.DeclType)
		columns[i] = column{name: c.Name, t: t, db: c.DeclType, json: json}
		if t == nil {
			untyped = true
			continue
		}
		nullable := true
		if c.TableName != "" && !mayAddNulls(query) {
			of, asked := tables[c.TableName]
			if !asked {
				if of, err = s.table(ctx, c.DatabaseName+"."+c.TableName); err != nil {
					return nil, err
				}
				tables[c.TableName] = of
			}
			if of != nil {
				if known, ok := of.column(c.OriginName); ok {
					nullable = known.t.Nullable
				}
			}
		}
		columns[i].t = t.WithOpt(nullable)
	}
	if untyped {
		return columns, s.sample(ctx, query, args, columns)
	}
	return columns, nil
}

// sampleRows is how many rows tell the type of an expression.
const sampleRows = 100

func (s *sqliteSession) sample(ctx context.Context, query string, args []any, columns []column) error {
	r, err := s.query(ctx, fmt.Sprintf("SELECT * FROM (%s\n) LIMIT %d", bare(query), sampleRows), args)
	if err != nil {
		return err
	}
	defer r.close()
	seen, nulls := make([]map[cellKind]bool, len(columns)), make([]bool, len(columns))
	for {
		if err := r.next(); errors.Is(err, errEnd) {
			break
		} else if err != nil {
			return err
		}
		for i := range columns {
			if k := r.cell(i).kind; k == cellNull {
				nulls[i] = true
			} else if seen[i] == nil {
				seen[i] = map[cellKind]bool{k: true}
			} else {
				seen[i][k] = true
			}
		}
	}
	for i := range columns {
		c := &columns[i]
		if c.t != nil {
			continue
		}
		c.sampled, c.t = true, types.Any
		k := seen[i]
		switch {
		case len(k) == 1 && k[cellInt]:
			c.t = types.Int
		case len(k) > 0 && len(k) <= 2 && k[cellFloat] && !k[cellText] && !k[cellBytes]:
			c.t = types.Float
		case len(k) == 1 && k[cellText]:
			c.t = types.String
		case len(k) == 1 && k[cellBytes]:
			c.t = types.Bytes
		}
		c.t = c.t.WithOpt(nulls[i])
	}
	return nil
}

func (s *sqliteSession) fault(err error) fault {
	e, ok := errors.AsType[*lite.Error](err)
	if !ok {
		return faultRow
	}
	switch e.Code() & 0xff {
	case 5, 6, 15, 17: // busy, locked, the protocol of locks, the schema has changed
		return faultRetry
	case 1: // an error of the statement, or of a function in it
		if m := e.Error(); strings.Contains(m, "no such") || strings.Contains(m, "has no column") || strings.Contains(m, "syntax error") {
			return faultStatement
		}
	case 8, 10, 11, 13, 14, 23, 26: // read only, input and output, corrupt, full, cannot open, denied, no database
		return faultStatement
	}
	return faultRow
}

// rowsAtOnce is how many rows a statement of SQLite inserts: more are not faster.
const rowsAtOnce = 16

func (s *sqliteSession) write(ctx context.Context, p *plan, b *record.Batch, rows []int32) error {
	for len(rows) > 0 {
		n := 1
		if (p.mode == modeInsert || p.mode == modeUpsert) && len(rows) >= rowsAtOnce {
			n = rowsAtOnce
		}
		s.args = s.args[:0]
		for _, row := range rows[:n] {
			s.args = p.bind(s.args, b, int(row))
		}
		if _, err := s.execPrepared(ctx, p.statement(n), s.args); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
