package sql

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/dbtest"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file fills the disks of servers.

// fill writes n rows of a kilobyte, and looks for each of them: in the table or among the
// errors, and never in both.
func fill(t *testing.T, s *dbtest.Server, n int, rate string) (bad int, r nodetest.Result) {
	t.Helper()
	dir := t.TempDir()
	r = perform(t, dir, s.URL, strings.Replace(`flow: fill
nodes:
  rows: {use: generate, rate: RATE, with: {count: `+strconv.Itoa(n)+`, set: {id: n, pad: 'repeat("x", 1000)'}}}
  db: {use: sql.write, in: rows, on_error: dead, with: {url: URL, table: filled}}
  bad: {use: file.write, in: db.errors, with: {path: bad.jsonl}}
`, "RATE", rate, 1), nil)
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
			bad, r := fill(t, s, 20_000, "20000/s")
			if text := r.File("bad.jsonl"); bad == 0 || bad == 20_000 || !strings.Contains(text, words) {
				t.Errorf("%d bad rows\n%.300s", bad, text)
			}
		})
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
	bad, r := fill(t, s, 60_000, "60000/s")
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	if bad != 0 || !strings.Contains(r.Log, "the database is away") || !strings.Contains(r.Log, "the database is back") {
		t.Errorf("%d bad rows\n%s", bad, r.Log)
	}
}
