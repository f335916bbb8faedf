package sql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file takes databases away, and tables, and lets transactions meet.

// feed writes rows to a table, and calls at with the number of each before it comes.
func feed(t *testing.T, d dialect, s session, url, table, with string, n int, at func(i int)) nodetest.Result {
	t.Helper()
	return feedLogged(t, url, table, with, n, at, nil)
}

// A listening is a log that tells when it has a text.
type listening struct {
	text  string
	heard chan struct{}
	once  sync.Once
}

func listenFor(text string) *listening { return &listening{text: text, heard: make(chan struct{})} }

// Write implements io.Writer.
func (l *listening) Write(line []byte) (int, error) {
	if strings.Contains(string(line), l.text) {
		l.once.Do(func() { close(l.heard) })
	}
	return len(line), nil
}

// feedLogged is feed with somebody who reads the log meanwhile.
func feedLogged(t *testing.T, url, table, with string, n int, at func(i int), log io.Writer) nodetest.Result {
	t.Helper()
	dir := t.TempDir()
	source := []nodes.Decl{nodes.Read("feed", "Feeds.", &feeder{n: n, at: at}, nodes.Doc("Feeds."))}
	kit := kit.With(source)
	flow := strings.ReplaceAll(`flow: feed
nodes:
  in: {use: feed}
  rows: {use: map, in: in, with: {set: {id: id}}}
  db: {use: sql.write, in: rows, on_error: dead, with: {url: URL, table: `+table+with+`}}
  bad: {use: file.write, in: db.errors, with: {path: bad.jsonl}}
`, "URL", "'"+url+"'")
	r := kit.Run(t, flow, nil, nodetest.Setup{Dir: dir, Log: log})
	noCanary(t, r.Log, r.Told())
	return r
}

type fed struct{ ID int }

type feeder struct {
	n  int
	at func(i int)
}

func (f *feeder) Read(ctx context.Context, emit func(fed) error) error {
	for i := range f.n {
		if f.at != nil {
			f.at(i)
		}
		if err := emit(fed{i}); err != nil {
			return err
		}
	}
	return nil
}

// A server that is killed in mid-run and comes back has every row, once.
func TestServerIsKilled(t *testing.T) {
	for _, d := range []dialect{postgres, mysql} {
		t.Run(d.String(), func(t *testing.T) {
			url, s := database(t, d, "")
			run(t, s, "DROP TABLE IF EXISTS killed", "CREATE TABLE killed (id BIGINT PRIMARY KEY)")
			const n = 6000
			mode := ""
			if d == mysql { // which cannot say whether a commit has come through
				mode = ", mode: upsert, key: id"
			}
			back := make(chan struct{})
			away := listenFor("the database is away")
			r := feedLogged(t, url, "killed", mode, n, func(i int) {
				if i == n/3 {
					started(t, d).Kill()
					for _, err := s.exec(t.Context(), "SELECT 1"); err == nil; { // PostgreSQL's sessions outlive it a moment
						_, err = s.exec(t.Context(), "SELECT 1")
					}
					go func() {
						defer close(back)
						<-away.heard // it does not come back before it is missed
						again(t, d)
					}()
				}
			}, away)
			<-back
			_, again := database(t, d, "")
			got, err := collect(context.Background(), again, "SELECT count(*) FROM killed")
			if r.Err != nil || err != nil || got[0][0] != fmt.Sprint(n) || r.File("bad.jsonl") != "" {
				t.Errorf("%v, %v in the table, want %d (%v)\nbad: %.300s\n%s", r.Err, got, n, err, r.File("bad.jsonl"), r.Log)
			}
		})
	}
}

// A database that is not there at the start is tried as often as retry says.
func TestPatience(t *testing.T) {
	f, list := load(t, t.TempDir(), "mysql://flow:"+canary+"@127.0.0.1:1/x", `flow: f
nodes:
  in: {use: sql.read, retry: {attempts: 3}, with: {url: URL, query: SELECT 1 AS n, as: '{n: int}'}}
  out: {use: log, in: in}
`, nil)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	r := kit.RunFlow(t, f, nodetest.Setup{})
	var dial *net.OpError
	if !errors.As(r.Err, &dial) || !strings.Contains(r.Err.Error(), "tried 3 times") || strings.Count(r.Log, "is away") != 2 {
		t.Errorf("%v\n%s", r.Err, r.Log)
	}
	noCanary(t, r.Err.Error(), r.Log)
}

// The rows behind a table that is dropped are errors, and those before it are written.
func TestTableIsDropped(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		if d == sqlite {
			url = "sqlite:" + filepath.Join(dir, "test.db")
		}
		run(t, s, "DROP TABLE IF EXISTS dropped", "CREATE TABLE dropped (id BIGINT)")
		const n = 3000
		dropped := false
		r := feed(t, d, s, url, "dropped", "", n, func(i int) {
			for i == n/2 && !dropped { // when rows are in it, and the transaction has let it go
				if got, err := collect(t.Context(), s, "SELECT count(*) FROM dropped"); err != nil || got[0][0] == "0" {
					continue
				}
				_, err := s.exec(t.Context(), "DROP TABLE dropped")
				dropped = err == nil
			}
		})
		bad := strings.Count(r.File("bad.jsonl"), "\n")
		if r.Err != nil || bad < n/2-1024 || bad > n/2+1024 || !strings.Contains(r.File("bad.jsonl"), "dropped") {
			t.Errorf("%v, %d bad rows\n%.300s", r.Err, bad, r.File("bad.jsonl"))
		}
	})
}

// A transaction that another one stands in the way of is tried again.
func TestDeadlock(t *testing.T) {
	for _, d := range []dialect{postgres, mysql} {
		t.Run(d.String(), func(t *testing.T) {
			url, s := database(t, d, "")
			run(t, s, "DROP TABLE IF EXISTS met", "CREATE TABLE met (id BIGINT PRIMARY KEY)", "INSERT INTO met VALUES (100000), (100001)")
			_, other := database(t, d, "")
			done := make(chan struct{})
			r := feed(t, d, s, url, "met", ", mode: upsert, key: id", 2000, func(i int) {
				if i == 0 { // holds a row that the flow wants last, and then wants one that the flow has
					run(t, other, "BEGIN", "INSERT INTO met VALUES (1999)")
					go func() {
						defer close(done)
						other.exec(context.Background(), "DELETE FROM met WHERE id = 5")
						time.Sleep(300 * time.Millisecond)
						other.exec(context.Background(), "ROLLBACK")
					}()
				}
			})
			<-done
			got, err := collect(context.Background(), s, "SELECT count(*) FROM met")
			if r.Err != nil || err != nil || got[0][0] != "2002" || r.File("bad.jsonl") != "" {
				t.Errorf("%v, %v in the table (%v)\n%s\n%.300s", r.Err, got, err, r.Log, r.File("bad.jsonl"))
			}
		})
	}
}

// An incremental read gives what is there, is woken by what comes, and gives no row twice.
func TestIncremental(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		run(t, s, "DROP TABLE IF EXISTS news", "CREATE TABLE news (id BIGINT, at TIMESTAMP NULL, name VARCHAR(10))")
		add := func(from, to int) {
			for i := from; i < to; i++ {
				run(t, s, fmt.Sprintf("INSERT INTO news VALUES (%d, '2026-01-02 03:04:%02d', 'n')", i, i/2))
			}
		}
		add(0, 10)
		with := ", every: 20ms"
		if d == postgres {
			with = ", every: 1h, notify: news"
		}
		f, list := load(t, dir, url, `flow: news
nodes:
  in: {use: sql.read, with: {url: URL, query: "SELECT * FROM news WHERE name <> ';'; ", incremental: {by: [at, id]`+with+`}}}
  few: {use: limit, in: in, with: {count: 30}}
  out: {use: file.write, in: few, with: {path: out.jsonl}}
`, nil)
		if list.HasErrors() {
			t.Fatal(nodetest.Printed(list))
		}
		ended := make(chan nodetest.Result, 1)
		go func() { ended <- kit.RunFlow(t, f, nodetest.Setup{}) }()
		for i := 10; i < 30; i += 5 {
			time.Sleep(50 * time.Millisecond) // so that it waits; without, the test proves less
			add(i, i+5)
			if d == postgres {
				run(t, s, "NOTIFY news")
			}
		}
		r := <-ended
		want := ""
		for i := range 30 {
			want += fmt.Sprintf(`{"id":%d,"at":"2026-01-02T03:04:%02dZ","name":"n"}`+"\n", i, i/2)
		}
		if got := r.File("out.jsonl"); r.Err != nil || got != want {
			t.Errorf("%v\ngot  %s\nwant %s", r.Err, got, want)
		}
	})
}

// A flow that cannot reach its database, or whose table does not fit, is told so, with what
// to do, and without the password.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		url, with string
		code      diag.Code
		want      string
	}{
		"nobody answers":      {"postgres://flow:" + canary + "@127.0.0.1:1/x", "query: SELECT 1 AS n", diag.Unreachable, "cannot be reached"},
		"nobody answers, too": {"mysql://flow:" + canary + "@127.0.0.1:1/x", "query: SELECT 1 AS n", diag.Unreachable, "cannot be reached"},
		"no file":             {"sqlite:none.db", "query: SELECT 1 AS n", diag.NoFile, "none.db"},
		"no address":          {"oracle://flow:" + canary + "@h/x", "query: SELECT 1 AS n", diag.WrongValue, "no address"},
		"a broken address":    {"postgres://flow:" + canary + "@h:p/x", "query: SELECT 1 AS n", diag.WrongValue, "%40"},
		"no columns":          {"sqlite::memory:", "query: CREATE TABLE x (a)", diag.NoSchema, "gives no rows"},
		"twice":               {"sqlite::memory:", "query: 'SELECT 1 AS a, 2 AS a'", diag.NameClash, "AS"},
		"wrong":               {"sqlite::memory:", "query: SELECT x FROM y", diag.BadExpression, "no such table"},
		"notify":              {"sqlite::memory:", "query: SELECT 1 AS n, incremental: {by: n, notify: x}", diag.Conflict, "every"},
	} {
		t.Run(name, func(t *testing.T) {
			_, list := load(t, t.TempDir(), c.url, "flow: f\nnodes:\n  in: {use: sql.read, with: {url: URL, "+c.with+"}}\n  out: {use: log, in: in}\n", nil)
			printed := nodetest.Printed(list)
			noCanary(t, strings.ReplaceAll(printed, c.url, "")) // the file shows what its author wrote
			if !strings.Contains(printed, string(c.code)) || !strings.Contains(printed, c.want) {
				t.Errorf("got %s\nwant %s, %s", printed, c.code, c.want)
			}
		})
	}
}

// What a table lacks is found by the check, and by the doctor.
func TestMisfits(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d dialect) {
		dir := t.TempDir()
		url, s := database(t, d, dir)
		run(t, s, "DROP TABLE IF EXISTS fits", "CREATE TABLE fits (id INTEGER, day DATE, must VARCHAR(10) NOT NULL)")
		f, list := load(t, dir, url, `flow: f
types: {T: {id: string, dey: date, day: bool}}
nodes:
  in: {use: file.read, with: {path: in.jsonl, as: T}}
  out: {use: sql.write, in: in, with: {url: URL, table: fits}}
`, map[string]string{"in.jsonl": ""})
		printed := nodetest.Printed(list)
		for _, want := range []string{"column id is", "no column dey", `did you mean "day"?`, "column day is date", "column must needs a value"} {
			if !strings.Contains(strings.ToLower(printed), want) {
				t.Errorf("no word of %q in\n%s", want, printed)
			}
		}
		told := ""
		for _, x := range f.Node("out").Config.(nodes.Examiner).Examine(t.Context(), &nodes.Env{Node: f.Node("out"), Flow: f}) {
			told += fmt.Sprintln(x.Peer, x.What, x.Told, x.Err)
		}
		noCanary(t, told)
		if d == mysql {
			d = dialect(3)
		}
		if !strings.Contains(told, map[dialect]string{sqlite: "SQLite 3", postgres: "PostgreSQL 1", 3: "MariaDB 1"}[d]) || !strings.Contains(told, "no column dey") {
			t.Errorf("the doctor says\n%s", told)
		}
	})
}

// A SQLite file that is not there is what `create: true` is for: the doctor does not make
// it, and the flow does, with its folder.
func TestDatabaseThatIsMade(t *testing.T) {
	dir := t.TempDir()
	flow := "flow: f\ntypes: {T: {id: int}}\nnodes:\n  in: {use: file.read, with: {path: in.jsonl, as: T}}\n  out: {use: sql.write, in: in, with: {url: URL, table: t, create: true}}\n"
	examine := func(flow string) string {
		f, list := load(t, dir, "sqlite:new/folder/x.db", flow, map[string]string{"in.jsonl": `{"id":1}` + "\n"})
		if list.HasErrors() {
			return nodetest.Printed(list)
		}
		told := ""
		for _, x := range f.Node("out").Config.(nodes.Examiner).Examine(t.Context(), &nodes.Env{Node: f.Node("out"), Flow: f}) {
			told += fmt.Sprintln(x.What, x.Told, x.Err)
		}
		return told
	}
	if told := examine(flow); told != "file it is not there yet, and will be made <nil>\n" {
		t.Errorf("the doctor says %s", told)
	}
	if told := examine(strings.Replace(flow, ", create: true", "", 1)); !strings.Contains(told, "does not exist") {
		t.Errorf("without create it is told\n%s", told)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("the doctor made it")
	}
	if r := perform(t, dir, "sqlite:new/folder/x.db", flow, nil); r.Err != nil {
		t.Error(r.Err)
	}
	if told := examine(flow); !strings.Contains(told, "1 column") {
		t.Errorf("then the doctor says %s", told)
	}
}

// An enclosed flow opens no database, not even a file in its folder.
func TestEnclosed(t *testing.T) {
	dir := t.TempDir()
	_, s := database(t, sqlite, dir)
	run(t, s, "CREATE TABLE t (id INTEGER)")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, with := range []string{"use: sql.read, with: {url: URL, query: SELECT id FROM t, as: '{id: int}'}", "use: sql.lookup, in: g, with: {url: URL, table: t, on: {n: id}, as: '{x: int}'}", "use: sql.write, in: g, with: {url: URL, table: t}"} {
		for _, url := range []string{"sqlite:test.db", "sqlite::memory:", "postgres://127.0.0.1:1/x"} {
			text := "flow: f\nnodes:\n  g: {use: generate, with: {count: 1}}\n  db: {" + strings.ReplaceAll(with, "URL", "'"+url+"'") + "}\n"
			f, list := graph.Load(diag.NewSource("flow.yaml", []byte(text)), kit.Registry(t), graph.Options{Root: root})
			if list.HasErrors() {
				t.Fatal(nodetest.Printed(list))
			}
			n := f.Node("db")
			if _, err := n.Config.(nodes.Maker).Operator(&nodes.Env{Node: n, Flow: f}); !errors.Is(err, nodes.ErrEnclosed) {
				t.Errorf("%s: %v", text, err)
			}
			if found := n.Config.(nodes.Examiner).Examine(t.Context(), &nodes.Env{Node: n, Flow: f}); len(found) != 1 || !errors.Is(found[0].Err, nodes.ErrEnclosed) {
				t.Errorf("%s: %v", text, found)
			}
		}
	}
}
