package sql

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A database that is full takes what it has room for; the rest are errors that say so.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	_, s := database(t, sqlite, dir)
	run(t, s, "CREATE TABLE full (id BIGINT)")
	r := feed(t, sqlite, s, "sqlite:"+filepath.Join(dir, "test.db"), "full", ", init: PRAGMA max_page_count = 6", 5000, nil)
	bad := strings.Count(r.File("bad.jsonl"), "\n")
	got, err := collect(context.Background(), s, "SELECT count(*) FROM full")
	if r.Err != nil || err != nil || bad == 0 || bad == 5000 || got[0][0] != fmt.Sprint(5000-bad) || !strings.Contains(r.File("bad.jsonl"), "full") {
		t.Errorf("%v, %v; %d bad rows and %v in the table\n%.300s", r.Err, err, bad, got, r.File("bad.jsonl"))
	}
}

// A read that is incremental goes on where it was when its server was killed and comes back;
// another one says why it cannot.
func TestReadFromKilledServer(t *testing.T) {
	for _, d := range []dialect{postgres, mysql} {
		t.Run(d.String(), func(t *testing.T) {
			dir := t.TempDir()
			url, s := database(t, d, dir)
			run(t, s, "DROP TABLE IF EXISTS long_table", "CREATE TABLE long_table (id BIGINT PRIMARY KEY, name VARCHAR(100))")
			const n = 40_000
			for i := 0; i < n; i += 1000 {
				var rows []string
				for j := i; j < i+1000; j++ {
					rows = append(rows, fmt.Sprintf("(%d, '%s')", j, strings.Repeat("x", 90)))
				}
				run(t, s, "INSERT INTO long_table VALUES "+strings.Join(rows, ","))
			}
			flow := func(with string) string {
				return "flow: long\nnodes:\n  in: {use: sql.read, rate: 40000/s, with: {url: URL, query: SELECT * FROM long_table" + with + "}}\n  out: {use: file.write, in: in, with: {path: out.csv}}\n"
			}
			f, list := load(t, dir, url, flow(", incremental: {by: id}"), nil)
			if list.HasErrors() {
				t.Fatal(nodetest.Printed(list))
			}
			back := make(chan struct{})
			go func() {
				defer close(back)
				time.Sleep(300 * time.Millisecond) // in the middle; elsewhere the test proves less
				started(t, d).Kill()
				again(t, d)
			}()
			r := kit.RunFlow(t, f, nodetest.Setup{})
			<-back
			lines := strings.Split(strings.TrimSpace(r.File("out.csv")), "\n")
			if r.Err != nil || len(lines) != n+1 {
				t.Fatalf("%v, %d lines\n%s", r.Err, len(lines), r.Log)
			}
			for i, line := range lines[1:] {
				if !strings.HasPrefix(line, fmt.Sprintf("%d,", i)) {
					t.Fatalf("line %d is %s", i, line)
				}
			}
			noCanary(t, r.Log)
		})
	}
}

// What PostgreSQL and MySQL write is read, and nothing makes the readers fail.
func FuzzCells(f *testing.F) {
	for _, s := range []string{"{1,NULL,\"a \\\"b\"}", "{{1},{2}}", "P1DT2H-3M4.5S", "-12:34:56.789", "2026-01-02 03:04:05.1+05:30", "2026-01-02", "{", "PT", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := cell{kind: cellText, s: []byte(s)}
		timeOf(&x)
		if ns, ok := durationOf(&x); ok && strings.Count(s, ":") == 2 {
			back := cell{kind: cellText, s: clockText(nil, ns)}
			if again, ok := durationOf(&back); !ok || again != ns {
				t.Errorf("%q is %d, written as %s", s, ns, back.s)
			}
		}
		for _, typ := range []string{"[string]", "[[int?]]"} {
			_, _ = appendArrayAsJSON(nil, []byte(s), parsed(t, typ))
		}
		if string(x.s) != s {
			t.Errorf("%q was changed to %q", s, x.s)
		}
	})
}
