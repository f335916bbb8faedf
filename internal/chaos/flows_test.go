//go:build unix

package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	maria "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/flowrun/flowrun/internal/dbtest"
)

// This file has the two flows, and their tables.

const takeFlow = `flow: take
types: {Order: {id: int, code: string, name: string, qty: int}}
nodes:
  orders: {use: http.listen, with: {address: ADDRESS, path: /orders, format: lines, as: Order}}
  price:
    use: http.call
    in: orders
    with: {url: '"PEER/price/" + string(id)', as: {price: float}, into: answer}
    workers: 16
    timeout: 500ms
    retry: {attempts: 5, initial_interval: 20ms, max_interval: 200ms}
    on_error: dead
  rows: {use: map, in: price, with: {set: {price: answer.price}, drop: [answer]}}
  db: {use: sql.write, in: rows, on_error: dead, retry: {attempts: 1000}, with: {url: "POSTGRES", table: orders, mode: upsert, key: id}}
  bad: {use: merge, in: [price.errors, db.errors]}
  errors: {use: file.write, in: bad, with: {path: take-errors.jsonl, append: true}}
`

const copyFlow = `flow: copy
types: {Order: {id: int, code: string, name: string, qty: int, price: float, seq: int}}
nodes:
  orders: {use: sql.read, retry: {attempts: 1000}, with: {url: "POSTGRES", query: "SELECT id, code, name, qty, price, seq FROM orders", as: Order, incremental: {by: seq, every: 50ms}}}
  rows: {use: map, in: orders, with: {drop: [seq]}}
  maria: {use: sql.write, in: rows, on_error: dead, retry: {attempts: 1000}, with: {url: "MARIADB", table: orders, mode: upsert, key: id}}
  lite: {use: sql.write, in: rows, on_error: dead, with: {url: "sqlite:copy.db", table: orders, mode: upsert, key: id}}
  bad: {use: merge, in: [maria.errors, lite.errors]}
  errors: {use: file.write, in: bad, with: {path: copy-errors.jsonl, append: true}}
`

// A world is what the flows run in.
type world struct {
	dir             string
	postgres, maria *dbtest.Server
	address         string
	lite            *sql.DB
}

// tables are those that are looked at.
var tables = []string{"postgres", "maria", "lite"}

func build(t *testing.T, peer string) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.postgres = dbtest.Start(t, dbtest.PostgreSQL, dbtest.Options{Ready: w.ready})
	t.Cleanup(w.postgres.Close)
	w.maria = dbtest.Start(t, dbtest.MariaDB, dbtest.Options{Ready: w.ready})
	t.Cleanup(w.maria.Close)
	w.address = fmt.Sprintf("127.0.0.1:%d", dbtest.FreePort(t))
	var err error
	if w.lite, err = sql.Open("sqlite", filepath.Join(w.dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.lite.Close() })
	for name, columns := range map[string]string{
		"postgres": "code UUID, name VARCHAR(24), qty INTEGER CHECK (qty > 0), price DOUBLE PRECISION, seq BIGSERIAL UNIQUE",
		"maria":    "code VARCHAR(36), name VARCHAR(16), qty INTEGER, price DOUBLE",
		"lite":     "code TEXT, name TEXT, qty INTEGER CHECK (qty < 1000), price REAL",
	} {
		if err := w.ask(name, "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, "+columns+")", nil); err != nil {
			t.Fatal(err)
		}
	}
	fill := strings.NewReplacer("ADDRESS", w.address, "PEER", peer, "POSTGRES", w.postgres.URL, "MARIADB", w.maria.URL)
	for name, text := range map[string]string{"take": takeFlow, "copy": copyFlow} {
		if err := os.WriteFile(filepath.Join(w.dir, name+".yaml"), []byte(fill.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// result is what the clients have in common.
type result interface {
	Next() bool
	Scan(to ...any) error
	Err() error
}

// ask asks a database, and gives each row of the answer.
func (w *world) ask(name, query string, each func(result) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if name == "postgres" {
		c, err := pgx.Connect(ctx, w.postgres.URL)
		if err != nil {
			return err
		}
		defer c.Close(context.Background())
		rows, err := c.Query(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		return read(rows, each)
	}
	db := w.lite
	if name == "maria" {
		db = openMaria(w.maria)
		defer db.Close()
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	return read(rows, each)
}

func read(rows result, each func(result) error) error {
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func openMaria(s *dbtest.Server) *sql.DB {
	c := maria.NewConfig()
	c.User, c.Passwd, c.Net, c.DBName = "flow", dbtest.Password, "tcp", "shop"
	c.Addr, c.Logger = fmt.Sprintf("127.0.0.1:%d", s.Port), &maria.NopLogger{}
	connector, err := maria.NewConnector(c)
	if err != nil {
		panic(err) // the settings are wrong
	}
	return sql.OpenDB(connector)
}

// ready reports whether a server takes a login.
func (w *world) ready(s *dbtest.Server) error {
	if s.Brand == dbtest.MariaDB {
		db := openMaria(s)
		defer db.Close()
		return db.Ping()
	}
	c, err := pgx.Connect(context.Background(), s.URL)
	if err == nil {
		c.Close(context.Background())
	}
	return err
}
