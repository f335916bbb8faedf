package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	maria "github.com/go-sql-driver/mysql"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is MariaDB and MySQL.

type mysqlSession struct {
	driverSession
	args []driver.NamedValue
}

func openMySQL(ctx context.Context, env *nodes.Env, l *Link, a address) (session, error) {
	c := maria.NewConfig()
	c.User, c.DBName = a.url.User.Username(), strings.TrimPrefix(a.url.Path, "/")
	c.Passwd, _ = a.url.User.Password()
	host, port := a.url.Hostname(), a.url.Port()
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "3306"
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(host, port)
	secure := l.TLS
	for name := range a.params {
		switch v := a.params.Get(name); {
		case name == "socket":
			c.Net, c.Addr = "unix", v
		case name == "tls" && v == "true" && secure == nil:
			secure = &peer.TLS{}
		case name == "tls" && v == "skip-verify" && secure == nil:
			secure = &peer.TLS{Insecure: true}
		case name == "tls" && (v == "false" || secure != nil):
		default:
			return nil, fmt.Errorf("a mysql url has no parameter %s=%s; there are tls=true, tls=skip-verify and socket=PATH", name, v)
		}
	}
	if secure != nil {
		var err error
		if c.TLS, err = secure.Client(env, host); err != nil {
			return nil, err
		}
	}
	var heard hearer
	c.DialFunc, c.Logger = env.Dial, &heard
	c.InterpolateParams, c.MaxAllowedPacket, c.ClientFoundRows = true, 0, true
	c.Params = map[string]string{
		"time_zone": "'+00:00'",                                 // times without a zone are those of UTC
		"sql_mode":  "CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')", // nothing is cut off to fit
	}
	connector, err := maria.NewConnector(c)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, heard.told(err)
	}
	return &mysqlSession{driverSession: driverSession{conn: conn}}, nil
}

func (s *mysqlSession) greet(ctx context.Context) (string, time.Time, error) {
	v, err := collect(ctx, s, "SELECT VERSION(), UTC_TIMESTAMP(6)")
	if err != nil {
		return "", time.Time{}, err
	}
	clock, err := time.Parse("2006-01-02 15:04:05.999999", v[0][1])
	if strings.Contains(v[0][0], "MariaDB") {
		return "MariaDB " + v[0][0], clock, err
	}
	return "MySQL " + v[0][0], clock, err
}

func (s *mysqlSession) table(ctx context.Context, name string) (*table, error) {
	where, args := "table_schema = DATABASE()", []any{name}
	if schema, base, ok := strings.Cut(name, "."); ok {
		where, args = "table_schema = ?", []any{base, schema}
	}
	found, err := collect(ctx, s, `SELECT column_name, column_type, is_nullable, column_default IS NOT NULL AND column_default <> 'NULL', extra, column_key
		FROM information_schema.columns WHERE table_name = ? AND `+where+` ORDER BY ordinal_position`, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	// MariaDB keeps JSON as text with a check. MySQL has no such column, and needs none.
	checked, err := collect(ctx, s, `SELECT constraint_name FROM information_schema.check_constraints
		WHERE table_name = ? AND check_clause LIKE 'json_valid(%' AND `+strings.Replace(where, "table_schema", "constraint_schema", 1), args...)
	if err != nil && s.fault(err) == faultConnection {
		return nil, err
	}
	isJSON := map[string]bool{}
	for _, c := range checked {
		isJSON[c[0]] = true
	}
	t := &table{name: name}
	for _, f := range found {
		db, extra := strings.ToLower(f[1]), strings.ToLower(f[4])
		if isJSON[f[0]] {
			db = "json"
		}
		if strings.HasPrefix(db, "enum") {
			db = f[1]
		}
		typ, json := mysqlType(db)
		t.columns = append(t.columns, column{
			name: f[0], t: typ.WithOpt(f[2] == "YES"), db: db, json: json,
			filled: f[2] == "YES" || f[3] == "1" || strings.Contains(extra, "auto_increment"), generated: strings.Contains(extra, "generated") && !strings.Contains(extra, "default_generated"),
		})
		if f[5] == "PRI" {
			t.key = append(t.key, f[0])
		}
	}
	return t, nil
}

// describe runs the query without a row. What it says of types leaves out some of what the
// table says, which is asked where there is one.
func (s *mysqlSession) describe(ctx context.Context, query string, args []any) ([]column, error) {
	found, err := s.query(ctx, "SELECT * FROM ("+bare(query)+"\n) AS flowrun_query LIMIT 0", args)
	if err != nil {
		return nil, err
	}
	r := found.(*driverRows).rows
	var columns []column
	for i, name := range r.Columns() {
		db := strings.ToLower(r.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(i))
		db = strings.TrimPrefix(db, "unsigned ")
		if precision, scale, ok := r.(driver.RowsColumnTypePrecisionScale).ColumnTypePrecisionScale(i); ok && db == "decimal" {
			db = fmt.Sprintf("decimal(%d,%d)", precision, scale)
		}
		nullable, _ := r.(driver.RowsColumnTypeNullable).ColumnTypeNullable(i)
		t, json := mysqlType(db)
		columns = append(columns, column{name: name, t: t.WithOpt(nullable), db: db, json: json})
	}
	found.close()
	if of := tableOf(query); of != "" {
		t, err := s.table(ctx, of)
		if err != nil || t == nil {
			return columns, err
		}
		for i, c := range columns {
			known, ok := t.column(c.name)
			base, _, _ := strings.Cut(strings.ToLower(known.db), "(")
			if ok && (base == c.db || base == "json" || base == "enum") {
				columns[i].t, columns[i].json, columns[i].db = known.t.NotNull().WithOpt(c.t.Nullable), known.json, known.db
			}
		}
	}
	return columns, nil
}

func (s *mysqlSession) fault(err error) fault {
	if e, ok := errors.AsType[*maria.MySQLError](err); ok {
		switch e.Number {
		case 1205, 1213, 1020: // a lock, a deadlock, a row that has changed meanwhile
			return faultRetry
		case 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1317, 1927, 3169, 4031: // too many connections, shutdown, killed
			return faultConnection
		case 1021, 1036, 1044, 1045, 1049, 1054, 1064, 1114, 1136, 1142, 1143, 1146, 1227, 1290, 1792, 1826: // full, read only, denied, not there
			return faultStatement
		}
		return faultRow
	}
	return connectionOr(err, faultRow)
}

// connectionOr is faultConnection for errors of the network.
func connectionOr(err error, otherwise fault) fault {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, maria.ErrInvalidConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return faultConnection
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return faultConnection
	}
	if _, ok := errors.AsType[brokenError](err); ok {
		return faultConnection
	}
	return otherwise
}

// maxRows is how many rows a statement of MySQL has.
const maxRows = 500

func (s *mysqlSession) write(ctx context.Context, p *plan, b *record.Batch, rows []int32) error {
	for len(rows) > 0 {
		n := min(len(rows), maxRows, 60_000/max(len(p.columns), 1))
		if p.mode == modeUpdate {
			n = 1
		}
		s.args = s.args[:0]
		for _, row := range rows[:n] {
			s.args = p.bind(s.args, b, int(row))
		}
		text := p.statement(n)
		_, err := s.conn.(driver.ExecerContext).ExecContext(ctx, text, s.args)
		if errors.Is(err, driver.ErrSkip) { // too large to be sent as one text
			_, err = s.execPrepared(ctx, text, s.args)
		}
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
