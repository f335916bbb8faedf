//go:build unix

package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// This file looks for every item.

// A row is an order with its price, as a table has it.
type row struct {
	order
	Price float64
}

// A failure is an item in a file of errors.
type failure struct {
	Node, Error string
	Item        order
}

// Books are what is known at the end.
type books struct {
	begun    int
	taken    []int
	tables   map[string]map[int]row
	twice    map[string]int
	failures map[string]map[int][]failure // by flow and id

	lost, wrong, uncaused int
	first                 []string // of what is wrong
}

func (w *world) audit(t *testing.T, s *senders) *books {
	t.Helper()
	b := &books{begun: int(s.next.Load()), taken: s.taken, tables: map[string]map[int]row{}, twice: map[string]int{}, failures: map[string]map[int][]failure{}}
	for _, name := range tables {
		rows, err := w.rows(name)
		if err != nil {
			t.Fatal(err)
		}
		b.tables[name] = map[int]row{}
		for _, r := range rows {
			if _, ok := b.tables[name][r.ID]; ok {
				b.twice[name]++
			}
			b.tables[name][r.ID] = r
		}
	}
	for _, name := range []string{"take", "copy"} {
		b.failures[name] = failures(t, filepath.Join(w.dir, name+"-errors.jsonl"))
	}
	return b
}

func (w *world) rows(name string) (all []row, err error) {
	return all, w.ask(name, "SELECT id, code, name, qty, price FROM orders", func(of result) error {
		var r row
		err := of.Scan(&r.ID, &r.Code, &r.Name, &r.Qty, &r.Price)
		all = append(all, r)
		return err
	})
}

func failures(t *testing.T, path string) map[int][]failure {
	t.Helper()
	all := map[int][]failure{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var x failure
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatalf("%s is torn: %q", path, lines.Text())
		}
		all[x.Item.ID] = append(all[x.Item.ID], x)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// caughtUp waits until the second flow has what the first has written.
func (w *world) caughtUp(t *testing.T) bool {
	const count = "SELECT count(*) FROM orders"
	for ; t.Context().Err() == nil; time.Sleep(100 * time.Millisecond) {
		var all, notMaria, notLite, maria, lite int
		err := errors.Join(
			w.ask("postgres", "SELECT count(*), count(*) FILTER (WHERE id % 200 = 57), count(*) FILTER (WHERE id % 200 = 157) FROM orders", func(r result) error { return r.Scan(&all, &notMaria, &notLite) }),
			w.ask("maria", count, func(r result) error { return r.Scan(&maria) }),
			w.ask("lite", count, func(r result) error { return r.Scan(&lite) }))
		if err == nil && all > 0 && maria == all-notMaria && lite == all-notLite {
			return true
		}
	}
	return false
}

func (b *books) say(kind *int, format string, args ...any) {
	*kind++
	if len(b.first) < 10 {
		b.first = append(b.first, fmt.Sprintf(format, args...))
	}
}

// causes are words that tell why PostgreSQL must refuse a row.
var causes = map[string]string{"a constraint": "orders_qty_check", "a type": "type uuid", "its length": "too long"}

// judge holds the books against the laws.
func (b *books) judge(t *testing.T) {
	t.Helper()
	taken := map[int]bool{}
	for _, id := range b.taken {
		taken[id] = true
	}
	for id := range b.begun {
		r, there := b.tables["postgres"][id]
		failed := b.failures["take"][id]
		switch {
		case !there && len(failed) == 0:
			b.say(&b.lost, "order %d is nowhere; answered 200: %v", id, taken[id])
		case !taken[id]:
			b.say(&b.wrong, "order %d was never answered", id)
		case there && refusedByPostgres(id):
			b.say(&b.wrong, "order %d is in the table, which must refuse it", id)
		case there && r != (row{orderOf(id), float64(priceOf(id))}):
			b.say(&b.wrong, "order %d is in the table as %v", id, r)
		}
		for _, f := range failed {
			if f.Item != orderOf(id) || f.Node == "db" && (!refusedByPostgres(id) || !strings.Contains(f.Error, causes[refusedBy(id)])) || f.Node != "db" && f.Node != "price" || f.Error == "" {
				b.say(&b.uncaused, "order %d is among the errors: %v", id, f)
			}
		}
		if there {
			b.copied(id, r)
		}
	}
	for _, name := range tables {
		if len(b.tables[name]) == 0 {
			b.say(&b.lost, "table %s is empty", name)
		}
		if b.twice[name] > 0 {
			b.say(&b.wrong, "table %s has %d keys twice", name, b.twice[name])
		}
	}
	if b.lost+b.wrong+b.uncaused > 0 {
		t.Errorf("%d lost, %d wrong, %d errors without a cause:\n%s", b.lost, b.wrong, b.uncaused, strings.Join(b.first, "\n"))
	}
}

// copied looks for a row of PostgreSQL in the others.
func (b *books) copied(id int, want row) {
	for table, alone := range map[string]string{"maria": mariaAlone, "lite": liteAlone} {
		got, there := b.tables[table][id]
		told := 0
		for _, f := range b.failures["copy"][id] {
			if f.Node == table {
				told++
			}
		}
		switch refused := refusedBy(id) == alone; {
		case refused && there:
			b.say(&b.wrong, "%s has order %d, which it must refuse", table, id)
		case refused && told == 0, !refused && !there:
			b.say(&b.lost, "order %d did not come to %s", id, table)
		case !refused && got != want:
			b.say(&b.wrong, "order %d is in %s as %v, want %v", id, table, got, want)
		case !refused && told > 0:
			b.say(&b.uncaused, "order %d is among the errors of %s: %v", id, table, b.failures["copy"][id])
		}
	}
}

// balanced holds the report of a process that was let come to its end against the law of
// the engine: whatever has come into a node has become something.
func (w *world) balanced(t *testing.T, flow string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, flow+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Nodes []struct {
			ID                                              string
			Source                                          bool
			In, Used, Filtered, Skipped, Dead, Failed, Held int64
		}
	}
	if err := json.Unmarshal(text, &report); err != nil || len(report.Nodes) == 0 {
		t.Fatalf("%v in %s", err, text)
	}
	for _, n := range report.Nodes {
		if !n.Source && n.In != n.Used+n.Filtered+n.Skipped+n.Dead+n.Failed+n.Held {
			t.Errorf("the books of %s do not balance: %+v", flow, n)
		}
	}
}

func (b *books) String() string {
	price, db := 0, 0
	for _, all := range b.failures["take"] {
		if all[0].Node == "price" {
			price++
		} else {
			db++
		}
	}
	return fmt.Sprintf("in PostgreSQL %d, in errors %d (%d by the table, %d by the server of prices); in MariaDB %d, in SQLite %d, in errors of the copy %d; lost %d, wrong %d, errors without a cause %d",
		len(b.tables["postgres"]), len(b.failures["take"]), db, price, len(b.tables["maria"]), len(b.tables["lite"]), len(b.failures["copy"]), b.lost, b.wrong, b.uncaused)
}
