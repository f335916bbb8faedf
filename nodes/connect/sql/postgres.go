package sql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is PostgreSQL. Values travel as texts in both directions, except in a COPY: what
// a column makes of a text only the server knows, and it knows it for every type.

type postgresSession struct {
	conn *pgconn.PgConn
	copy copier
}

func openPostgres(ctx context.Context, env *nodes.Env, l *Link, a address) (session, error) {
	c, err := pgconn.ParseConfig(l.URL.Reveal())
	if err != nil {
		if p, ok := errors.AsType[*pgconn.ParseConfigError](err); ok && p.Unwrap() != nil && !strings.Contains(p.Unwrap().Error(), "://") {
			err = p.Unwrap()
		} else {
			err = errAddress
		}
		return nil, err
	}
	if l.TLS != nil {
		if c.TLSConfig, err = l.TLS.Client(env, a.url.Hostname()); err != nil {
			return nil, err
		}
		c.Fallbacks = nil
	}
	c.DialFunc = env.Dial
	for name, value := range map[string]string{"application_name": "flowrun", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "iso_8601", "bytea_output": "hex", "extra_float_digits": "1"} {
		if name != "application_name" || c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, plainly(err)
	}
	return &postgresSession{conn: conn}, nil
}

// plainly shortens what the client says when it cannot connect: a line for each address and
// way that it tried.
func plainly(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return cleanError{err, e.Message + " (SQLSTATE " + e.Code + ")"}
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return cleanError{err, e.Error()}
	}
	return cleanError{err, strings.Join(strings.Fields(err.Error()), " ")}
}

func (s *postgresSession) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.conn.Close(ctx)
}

// param writes an argument as text.
func param(a any) []byte {
	switch v := a.(type) {
	case nil:
		return nil
	case string:
		return append(make([]byte, 0, len(v)+1), v...) // never nil
	case []byte:
		return v
	case int64:
		return strconv.AppendInt(nil, v, 10)
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64)
	case bool:
		return strconv.AppendBool(nil, v)
	}
	return fmt.Append(nil, a)
}

func params(args []any) [][]byte {
	all := make([][]byte, len(args))
	for i, a := range args {
		all[i] = param(a)
	}
	return all
}

func (s *postgresSession) query(ctx context.Context, text string, args []any) (rows, error) {
	r := &postgresRows{r: s.conn.ExecParams(ctx, text, params(args), nil, nil, nil)}
	if r.more = r.r.NextRow(); !r.more { // an error of the query comes with the first row
		if _, err := r.r.Close(); err != nil {
			return nil, s.told(err)
		}
	}
	for _, f := range r.r.FieldDescriptions() {
		r.columns = append(r.columns, f.Name)
	}
	r.begin = true
	r.s = s
	return r, nil
}

func (s *postgresSession) exec(ctx context.Context, text string, args ...any) (int64, error) {
	if len(args) > 0 {
		tag, err := s.conn.ExecParams(ctx, text, params(args), nil, nil, nil).Close()
		return tag.RowsAffected(), s.told(err)
	}
	results, err := s.conn.Exec(ctx, text).ReadAll()
	if err != nil || len(results) == 0 {
		return 0, s.told(err)
	}
	return results[len(results)-1].CommandTag.RowsAffected(), nil
}

type postgresRows struct {
	s           *postgresSession
	r           *pgconn.ResultReader
	columns     []string
	begin, more bool
	values      [][]byte
}

func (r *postgresRows) names() []string { return r.columns }

func (r *postgresRows) next() error {
	if !r.begin {
		r.more = r.r.NextRow()
	}
	r.begin = false
	if r.more {
		r.values = r.r.Values()
		return nil
	}
	if _, err := r.r.Close(); err != nil {
		return r.s.told(err)
	}
	return errEnd
}

func (r *postgresRows) cell(i int) cell {
	if r.values[i] == nil {
		return cell{}
	}
	return cell{kind: cellText, s: r.values[i]}
}

// close ends a query whose rows are not wanted any more. The server sends the rest, if it
// is long, so whoever leaves early closes the session too.
func (r *postgresRows) close() { r.r.Close() }

func (s *postgresSession) greet(ctx context.Context) (string, time.Time, error) {
	v, err := collect(ctx, s, "SELECT clock_timestamp()")
	if err != nil {
		return "", time.Time{}, err
	}
	ns, _ := parseTime([]byte(v[0][0]))
	return "PostgreSQL " + s.conn.ParameterStatus("server_version"), time.Unix(0, ns), nil
}

// labels gives the words of an enum.
const labels = `coalesce((SELECT string_agg(enumlabel, '|' ORDER BY enumsortorder) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid), '')`

func (s *postgresSession) table(ctx context.Context, name string) (*table, error) {
	found, err := collect(ctx, s, `SELECT a.attname,
			CASE t.typtype WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) ELSE pg_catalog.format_type(t.oid, a.atttypmod) END,
			a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, a.attgenerated <> '', `+labels+`,
			EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey))
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, postgres.quoteTable(name))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	t := &table{name: name}
	for _, f := range found {
		typ, json := postgresType(f[1], wordsOf(f[5]))
		t.columns = append(t.columns, column{
			name: f[0], t: typ.WithOpt(f[2] != "t"), db: f[1], json: json,
			filled: f[2] != "t" || f[3] == "t", generated: f[4] == "t",
		})
		if f[6] == "t" {
			t.key = append(t.key, f[0])
		}
	}
	return t, nil
}

func wordsOf(labels string) []string {
	if labels == "" {
		return nil
	}
	return strings.Split(labels, "|")
}

func (s *postgresSession) describe(ctx context.Context, query string, _ []any) ([]column, error) {
	d, err := s.conn.Prepare(ctx, "", query, nil)
	if err != nil {
		return nil, s.told(err)
	}
	var kinds, mods, rels, atts []string
	for _, f := range d.Fields {
		kinds = append(kinds, strconv.Itoa(int(f.DataTypeOID)))
		mods = append(mods, strconv.Itoa(int(f.TypeModifier)))
		rels = append(rels, strconv.Itoa(int(f.TableOID)))
		atts = append(atts, strconv.Itoa(int(f.TableAttributeNumber)))
	}
	list := func(s []string) any { return "{" + strings.Join(s, ",") + "}" }
	found, err := collect(ctx, s, `SELECT pg_catalog.format_type(t.oid, x.mod), coalesce(a.attnotnull, false), `+labels+`
		FROM unnest($1::oid[], $2::int[], $3::oid[], $4::int[]) WITH ORDINALITY AS x (oid, mod, rel, att, n)
		JOIN pg_catalog.pg_type t ON t.oid = x.oid LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.rel AND a.attnum = x.att ORDER BY x.n`,
		list(kinds), list(mods), list(rels), list(atts))
	if err != nil {
		return nil, err
	}
	if len(found) != len(d.Fields) {
		return nil, errors.New("the server does not know the types of its own result")
	}
	columns := make([]column, len(found))
	for i, f := range found {
		t, json := postgresType(f[0], wordsOf(f[2]))
		columns[i] = column{name: d.Fields[i].Name, t: t.WithOpt(f[1] != "t" || mayAddNulls(query)), db: f[0], json: json}
	}
	return columns, nil
}

// A serverError is what PostgreSQL says.
type serverError struct{ *pgconn.PgError }

func (e serverError) Error() string {
	s := e.Message
	if e.Detail != "" {
		s += ": " + strings.TrimSuffix(e.Detail, ".")
	}
	if where, _, ok := strings.Cut(e.Where, "\n"); ok || where != "" {
		if _, column, ok := strings.Cut(where, ", column "); ok { // of COPY; the line is that of a part
			name, _, _ := strings.Cut(column, ":")
			s += ", column " + name
		}
	}
	return s + " (SQLSTATE " + e.Code + ")"
}

func (e serverError) Unwrap() error { return e.PgError }

// told shows errors of the server with their detail, and marks those of a session that is
// gone.
func (s *postgresSession) told(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return peer.Hinted(serverError{e}, e.Hint)
	}
	if s.conn.IsClosed() {
		return brokenError{err}
	}
	return err
}

func (s *postgresSession) fault(err error) fault {
	if _, ok := errors.AsType[unfitError](err); ok {
		return faultRow
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return connectionOr(err, faultRow)
	}
	switch e.Code {
	case "57P01", "57P02", "57P03", "57P05", "53300", "25P03": // shutdown, crash, starting, too many connections
		return faultConnection
	case "55P03", "55006": // a lock
		return faultRetry
	case "42804": // an expression of another type
		return faultStatement
	}
	if e.SeverityUnlocalized == "PANIC" { // such as no room for its log: the server ends, and comes back
		return faultConnection
	}
	switch e.Code[:2] {
	case "08":
		return faultConnection
	case "40":
		return faultRetry
	case "22", "23", "44", "P0":
		return faultRow
	case "0A", "25", "28", "3D", "3F", "42", "53", "58", "XX":
		return faultStatement
	}
	return faultRow
}

func (s *postgresSession) write(ctx context.Context, p *plan, b *record.Batch, rows []int32) error {
	switch p.mode {
	case modeInsert:
		return s.copyIn(ctx, p, []part{{b, rows}})
	}
	return p.apart(b, rows, func(rows []int32) error {
		for len(rows) > 0 {
			n := min(len(rows), 1000, 60_000/max(len(p.columns), 1))
			values := make([][]byte, 0, n*len(p.columns))
			for _, row := range rows[:n] {
				for i := range p.columns {
					values = append(values, param(p.arg(&p.columns[i], b, int(row))))
				}
			}
			if _, err := s.conn.ExecParams(ctx, p.statement(n), values, nil, nil, nil).Close(); err != nil {
				return s.told(err)
			}
			rows = rows[n:]
		}
		return nil
	})
}

// writeMany writes rows of several batches, by one COPY where they are inserted.
func (s *postgresSession) writeMany(ctx context.Context, p *plan, parts []part) error {
	if p.mode == modeInsert {
		return s.copyIn(ctx, p, parts)
	}
	for _, part := range parts {
		if err := s.write(ctx, p, part.batch, part.rows); err != nil {
			return err
		}
	}
	return nil
}
