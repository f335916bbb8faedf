package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workload that writes into databases: sql.write against their clients,
// each as its authors recommend it for many rows: one transaction with a prepared
// statement, and COPY from a function.

const sqlTable = "CREATE TABLE rows (id BIGINT, name TEXT, price DOUBLE PRECISION, even BOOLEAN)"

func sqlWorkload(ctx context.Context, h *harness) error {
	n := h.size(1_000_000, 20_000)
	if err := h.versus(ctx, "SQLite", filepath.Join(h.dir, "sql.db"), n, "a prepared statement of database/sql in one transaction"); err != nil {
		return err
	}
	url, stop, err := postgresServer(ctx)
	if errors.Is(err, exec.ErrNotFound) {
		fmt.Fprintln(h.out, "\nPostgreSQL is not installed: COPY is left out")
		return nil
	}
	if err != nil {
		return err
	}
	defer stop()
	return h.versus(ctx, "PostgreSQL", url, n, "CopyFrom of pgx in one transaction")
}

func (h *harness) versus(ctx context.Context, name, at string, n int, client string) error {
	size := strconv.Itoa(n)
	series, err := h.compare(ctx, fmt.Sprintf("%s: %d rows of 4 columns", name, n), int64(n), 0,
		h.child("sql.write to "+name, at, size), h.child("the client of "+name, at, size))
	if err != nil {
		return err
	}
	h.claim(claim{text: "sql.write to " + name + ": share of the speed of " + client, got: 100 * series[1].median(wall) / series[0].median(wall), unit: "%", target: 70}, series...)
	return nil
}

// sqlFlow is the contender that writes by a flow.
func sqlFlow(create func(at string) error, url func(at string) string, digest func(at string) (string, error)) func(args []string) (result, error) {
	return func(args []string) (result, error) {
		if err := create(args[0]); err != nil {
			return result{}, err
		}
		text := fmt.Sprintf(`flow: rows
nodes:
  rows: {use: generate, with: {count: %s, set: {id: n, name: '"name " + string(n)', price: 'float(n) / 4', even: 'n %% 2 == 0'}}}
  db: {use: sql.write, in: rows, with: {url: %q, table: rows}}
`, args[1], url(args[0]))
		registry, err := nodes.NewRegistry(all.Nodes)
		if err != nil {
			return result{}, err
		}
		f, list := graph.Load(diag.NewSource("rows.yaml", []byte(text)), registry, graph.Options{})
		if err := list.Err(); err != nil {
			return result{}, err
		}
		r, err := timed(func() (string, error) {
			run, err := scheduler.New(f, registry, scheduler.Options{})
			if err != nil {
				return "", err
			}
			_, err = run.Run(context.Background())
			return "", err
		})
		if err == nil {
			r.Digest, err = digest(args[0])
		}
		return r, err
	}
}

func createSQLite(at string) error {
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(at + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	db, err := sql.Open("sqlite", at)
	if err != nil {
		return err
	}
	_, err = db.Exec("PRAGMA journal_mode = wal; " + sqlTable)
	return errors.Join(err, db.Close())
}

const sqlDigest = "SELECT count(*), sum(id), sum(length(name)), sum(CASE WHEN even THEN 1 ELSE 0 END) FROM rows"

func digestSQLite(at string) (string, error) {
	db, err := sql.Open("sqlite", at)
	if err != nil {
		return "", err
	}
	defer db.Close()
	var a, b, c, d int64
	err = db.QueryRow(sqlDigest).Scan(&a, &b, &c, &d)
	return fmt.Sprint(a, b, c, d), err
}

func clientOfSQLite(args []string) (result, error) {
	n, err := strconv.Atoi(args[1])
	if err == nil {
		err = createSQLite(args[0])
	}
	if err != nil {
		return result{}, err
	}
	r, err := timed(func() (string, error) {
		db, err := sql.Open("sqlite", args[0])
		if err != nil {
			return "", err
		}
		defer db.Close()
		tx, err := db.Begin()
		if err != nil {
			return "", err
		}
		st, err := tx.Prepare("INSERT INTO rows (id, name, price, even) VALUES (?, ?, ?, ?)")
		if err != nil {
			return "", err
		}
		for i := range n {
			if _, err := st.Exec(i, "name "+strconv.Itoa(i), float64(i)/4, i%2 == 0); err != nil {
				return "", err
			}
		}
		return "", tx.Commit()
	})
	if err == nil {
		r.Digest, err = digestSQLite(args[0])
	}
	return r, err
}

func withPostgres(at string, f func(ctx context.Context, c *pgx.Conn) error) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, at)
	if err != nil {
		return err
	}
	return errors.Join(f(ctx, c), c.Close(ctx))
}

func createPostgres(at string) error {
	return withPostgres(at, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "DROP TABLE IF EXISTS rows; "+sqlTable+"; CHECKPOINT")
		return err
	})
}

func digestPostgres(at string) (digest string, err error) {
	return digest, withPostgres(at, func(ctx context.Context, c *pgx.Conn) error {
		var a, b, d, e int64
		err := c.QueryRow(ctx, sqlDigest).Scan(&a, &b, &d, &e)
		digest = fmt.Sprint(a, b, d, e)
		return err
	})
}

func clientOfPostgres(args []string) (result, error) {
	n, err := strconv.Atoi(args[1])
	if err == nil {
		err = createPostgres(args[0])
	}
	if err != nil {
		return result{}, err
	}
	r, err := timed(func() (string, error) {
		return "", withPostgres(args[0], func(ctx context.Context, c *pgx.Conn) error {
			i := 0
			_, err := c.CopyFrom(ctx, pgx.Identifier{"rows"}, []string{"id", "name", "price", "even"}, pgx.CopyFromFunc(func() ([]any, error) {
				if i == n {
					return nil, nil
				}
				i++
				return []any{int64(i - 1), "name " + strconv.Itoa(i-1), float64(i-1) / 4, (i-1)%2 == 0}, nil
			}))
			return err
		})
	})
	if err == nil {
		r.Digest, err = digestPostgres(args[0])
	}
	return r, err
}

// postgresServer starts a server with data of its own on a port of its own, as Debian sets
// it up. It refuses to be root, so a user without rights runs it.
func postgresServer(ctx context.Context) (url string, stop func(), err error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		return "", nil, exec.ErrNotFound
	}
	bin := found[len(found)-1]
	dir, err := os.MkdirTemp("", "flowrun-bench-sql-")
	if err != nil {
		return "", nil, err
	}
	command := func(program string, args ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
		c.Env, c.Dir = append(os.Environ(), "LC_ALL=C.UTF-8"), dir
		if os.Getuid() == 0 {
			const nobody = 65534
			os.Chown(dir, nobody, nobody)
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		return c
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	data := filepath.Join(dir, "data")
	if out, err := command("initdb", "-D", data, "-U", "bench", "-A", "trust").CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	server := command("postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		server.Process.Signal(syscall.SIGINT)
		server.Wait()
		os.RemoveAll(dir)
	}
	url = "postgres://bench@127.0.0.1:" + port + "/postgres?sslmode=disable"
	for range 100 {
		if err = withPostgres(url, func(context.Context, *pgx.Conn) error { return nil }); err == nil {
			return url, stop, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return "", nil, err
}

func sqliteURL(at string) string { return "sqlite:" + at }
func sameURL(at string) string   { return strings.TrimSpace(at) }
