package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has transactions that are committed after others who came later.

// A watcher tells what comes.
type watcher struct{ seen chan int }

type watched struct{ ID int }

func (w *watcher) Write(_ context.Context, rows []watched) error {
	for _, row := range rows {
		w.seen <- row.ID
		if row.ID == 3 {
			return errors.New("that was the last")
		}
	}
	return nil
}

// A row whose transaction is open while the reader goes by is not lost: PostgreSQL is asked
// who is open, and elsewhere rows wait for some time. With lag: 0s it is lost, which shows
// that the test can tell.
func TestLateCommit(t *testing.T) {
	for _, d := range []dialect{postgres, mysql} {
		for lag, want := range map[string][]int{"": {1, 2, 3}, ", lag: 1500ms": {1, 2, 3}, ", lag: 0s": {2, 3}} {
			if d == postgres && lag == ", lag: 1500ms" {
				continue
			}
			t.Run(d.String()+lag, func(t *testing.T) {
				url, s := database(t, d, "")
				run(t, s, "DROP TABLE IF EXISTS late", "CREATE TABLE late (id BIGINT PRIMARY KEY)")
				_, slow := database(t, d, "")
				_, looks := database(t, d, "")
				run(t, looks, "BEGIN", "SELECT count(*) FROM late") // nobody waits for one that reads
				run(t, slow, "BEGIN")
				if d == postgres { // where a row may have its number before its transaction has one
					run(t, slow, "LOCK TABLE late IN ROW EXCLUSIVE MODE")
				} else {
					run(t, slow, "INSERT INTO late VALUES (1)")
				}
				run(t, s, "INSERT INTO late VALUES (2)")
				w := &watcher{seen: make(chan int, 3)}
				kit := kit.With([]nodes.Decl{nodes.Write("watch", "Watches.", w, nodes.Doc("Watches."))})
				text := strings.ReplaceAll("flow: late\nnodes:\n  in: {use: sql.read, with: {url: URL, query: SELECT id FROM late, as: '{id: int}', incremental: {by: id, every: 10ms"+lag+"}}}\n  out: {use: watch, in: in}\n", "URL", "'"+url+"'")
				ended := make(chan nodetest.Result, 1)
				go func() { ended <- kit.Run(t, text, nil, nodetest.Setup{}) }()
				var seen []int
				if lag == ", lag: 0s" {
					seen = append(seen, <-w.seen)
				} else {
					time.Sleep(100 * time.Millisecond) // so that it waits; without, the test proves less
				}
				if d == postgres {
					run(t, slow, "INSERT INTO late VALUES (1)")
				}
				run(t, slow, "COMMIT")
				for len(seen) < len(want)-1 {
					seen = append(seen, <-w.seen)
				}
				run(t, s, "INSERT INTO late VALUES (3)")
				r := <-ended
				seen = append(seen, <-w.seen)
				if !slices.Equal(seen, want) {
					t.Errorf("got %v, want %v (%v)\n%s", seen, want, r.Err, r.Log)
				}
				run(t, looks, "ROLLBACK")
			})
		}
	}
}

// What is bound is what is read, with one column and with several.
func TestBounds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		run(t, s, "DROP TABLE IF EXISTS bounds", "CREATE TABLE bounds (a BIGINT, b VARCHAR(5))")
		for a := range 4 {
			run(t, s, fmt.Sprintf("INSERT INTO bounds VALUES (%d, 'x'), (%d, 'y')", a, a))
		}
		f, list := load(t, dir, url, "flow: b\nnodes:\n  in: {use: sql.read, with: {url: URL, query: 'SELECT a, b FROM bounds', incremental: {by: [a, b], every: 1s, lag: 1ms}}}\n  out: {use: log, in: in}\n", nil)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		n := f.Node("in")
		o := &readOp{k: n.Config.(*reader), t: n.Config.(*reader).t, s: s}
		got, err := o.last(t.Context())
		if err != nil || len(got) != 2 || got[0].text() != "3" || got[1].text() != "y" {
			t.Fatalf("the last row is %v (%v)", got, err)
		}
		at := func(a int64, b string) []cell {
			return []cell{{kind: cellInt, i: a}, {kind: cellText, s: []byte(b)}}
		}
		o.after, o.bound = at(0, "x"), at(2, "x")
		text, values := o.statement()
		r, err := s.query(t.Context(), text, values)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		defer r.close()
		all := ""
		for r.next() == nil {
			a, b := r.cell(0), r.cell(1)
			all += a.text() + b.text() + " "
		}
		if want := "0y 1x 1y 2x "; all != want {
			t.Errorf("%s gives %s, want %s", text, all, want)
		}
	})
}

// lag is for reads that go on.
func TestLagOfAReadThatEnds(t *testing.T) {
	_, list := load(t, t.TempDir(), "sqlite::memory:", "flow: f\nnodes:\n  in: {use: sql.read, with: {url: URL, query: SELECT 1 AS n, as: '{n: int}', incremental: {by: n, lag: 1s}}}\n  out: {use: log, in: in}\n", nil)
	if printed := nodetest.Printed(list); !strings.Contains(printed, string(diag.Ineffective)) || !strings.Contains(printed, "lag has no effect") {
		t.Error(printed)
	}
}
