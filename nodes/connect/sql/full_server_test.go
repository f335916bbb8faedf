package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/dbtest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file fills the disks of servers.

const generated = `{use: generate, rate: 20000/s, with: {count: COUNT, set: {id: n, pad: 'repeat("x", 1000)'}}}`

// An acker is a source that wants to know what has arrived.
type acker struct {
	n     int
	taken *atomic.Int64
}

type fatRow struct {
	ID  int
	Pad string
}

func (a *acker) ReadFrom(_ context.Context, _ nodes.Position, emit func(fatRow, nodes.Position) error) error {
	for i := range a.n {
		if err := emit(fatRow{i, strings.Repeat("x", 1000)}, nodes.Position(strconv.Itoa(i+1))); err != nil {
			return err
		}
	}
	return nil
}

// Taken implements nodes.Acknowledger.
func (a *acker) Taken(after nodes.Position) error {
	n, err := strconv.ParseInt(string(after), 10, 64)
	a.taken.Store(n)
	return err
}

// fill writes n rows of a kilobyte, and looks for each of them: in the table or among the
// errors, and never in both.
func fill(t *testing.T, s *dbtest.Server, n int, source string, decls ...nodes.Decl) (bad int, r nodetest.Result) {
	t.Helper()
	dir := t.TempDir()
	flow := strings.NewReplacer("URL", "'"+s.URL+"'", "SOURCE", strings.ReplaceAll(source, "COUNT", strconv.Itoa(n))).Replace(`flow: fill
nodes:
  in: SOURCE
  rows: {use: map, in: in, with: {set: {id: id, pad: pad}}}
  db: {use: sql.write, in: rows, on_error: dead, with: {url: URL, table: filled}}
  bad: {use: file.write, in: db.errors, with: {path: bad.jsonl, append: true}}
`)
	r = kit.With(decls).Run(t, flow, nil, nodetest.Setup{Dir: dir})
	noCanary(t, r.Log, r.Told())
	if r.Err != nil {
		t.Fatalf("%v\n%s", r.Err, r.Log)
	}
	db, err := openAt(s.URL, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	written, err := collect(t.Context(), db, "SELECT id FROM filled")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for _, row := range written {
		id, _ := strconv.Atoi(row[0])
		seen[id]++
	}
	for line := range strings.Lines(r.File("bad.jsonl")) {
		var x struct {
			Error string
			Item  struct{ ID int }
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil || x.Error == "" {
			t.Fatalf("%v in %s", err, line)
		}
		seen[x.Item.ID]++
		bad++
	}
	for id := range n {
		if seen[id] != 1 {
			t.Fatalf("row %d is %d times in the table or among the errors; %d are in the table, %d are errors", id, seen[id], len(written), bad)
		}
	}
	t.Logf("of %d rows %d are in the table, %d are errors", n, len(written), bad)
	return bad, r
}

// A table that has no room takes what it has room for; the other rows are errors that say
// so.
func TestFullTable(t *testing.T) {
	for _, d := range []dialect{postgres, mysql} {
		t.Run(d.String(), func(t *testing.T) {
			s := dbtest.Start(t, brands[d], dbtest.Options{Ready: ready})
			t.Cleanup(s.Close)
			disk := dbtest.SmallDisk(t, 12)
			db, err := openAt(s.URL, s.Dir)
			if err != nil {
				t.Fatal(err)
			}
			defer db.close()
			words := "No space left"
			if d == postgres {
				run(t, db, fmt.Sprintf("CREATE TABLESPACE small LOCATION '%s'", disk.Dir), "CREATE TABLE filled (id BIGINT, pad TEXT) TABLESPACE small")
			} else {
				words = "full"
				run(t, db, fmt.Sprintf("CREATE TABLE filled (id BIGINT, pad VARCHAR(2000)) DATA DIRECTORY='%s'", disk.Dir))
			}
			bad, r := fill(t, s, 15_000, generated)
			if text := r.File("bad.jsonl"); bad == 0 || bad == 15_000 || !strings.Contains(text, words) {
				t.Errorf("%d bad rows\n%.300s", bad, text)
			}
		})
	}
}

// It is the same where the source is told what has arrived, and rows that were in a
// transaction which the full disk has ended are among the errors too.
func TestFullTableAcknowledged(t *testing.T) {
	s := dbtest.Start(t, dbtest.PostgreSQL, dbtest.Options{Ready: ready})
	t.Cleanup(s.Close)
	disk := dbtest.SmallDisk(t, 12)
	db, err := openAt(s.URL, s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	run(t, db, fmt.Sprintf("CREATE TABLESPACE small LOCATION '%s'", disk.Dir), "CREATE TABLE filled (id BIGINT, pad TEXT) TABLESPACE small")
	source := &acker{15_000, new(atomic.Int64)}
	bad, r := fill(t, s, source.n, "{use: fat, rate: 20000/s}", nodes.ReadFrom("fat", "Gives rows.", source, nodes.Doc("Gives rows."), nodes.Acknowledges()))
	if text := r.File("bad.jsonl"); bad == 0 || bad == source.n || !strings.Contains(text, "No space left") {
		t.Errorf("%d bad rows\n%.300s", bad, text)
	}
	if taken := source.taken.Load(); taken != int64(source.n) {
		t.Errorf("%d are acknowledged, want %d", taken, source.n)
	}
}

// A PostgreSQL that has no room for its log ends in a panic. The node waits until there is
// room, and the server is back, and no row is lost.
func TestFullLog(t *testing.T) {
	disk := dbtest.SmallDisk(t, 40)
	s := dbtest.Start(t, dbtest.PostgreSQL, dbtest.Options{Ready: ready, WAL: disk.Dir})
	t.Cleanup(s.Close)
	db, err := openAt(s.URL, s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	run(t, db, "CREATE TABLE filled (id BIGINT, pad TEXT)")
	db.close()
	back := make(chan error, 1)
	go func() {
		for !strings.Contains(s.Log(), "PANIC") {
			if t.Context().Err() != nil {
				back <- fmt.Errorf("there was no panic")
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		for !s.Ended() && t.Context().Err() == nil { // it looks whether it can recover, and cannot
			time.Sleep(5 * time.Millisecond)
		}
		if err := disk.Grow(400); err != nil {
			back <- err
			return
		}
		back <- s.Again()
	}()
	bad, r := fill(t, s, 60_000, generated)
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	if bad != 0 || !strings.Contains(r.Log, "the database is away") || !strings.Contains(r.Log, "the database is back") {
		t.Errorf("%d bad rows\n%s", bad, r.Log)
	}
}
