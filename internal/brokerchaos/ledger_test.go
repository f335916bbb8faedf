//go:build unix

package brokerchaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// This file counts what has come.

// keys is how many keys the items have, in turn.
const keys = 7

// A ledger is what has come to the files of all readers.
type ledger struct {
	n     int
	seen  []bool // by item
	first int    // items that have come
	twice int    // copies beside these
	files []*file

	wrong   int // first copies that came to a file behind a later one of their key
	example string
}

// A file is what one reader has written.
type file struct {
	at   int64 // how far it was read
	seen []bool
	last [keys]int // of a key, the item whose first copy came last
}

func newLedger(n, readers int) *ledger {
	l := &ledger{n: n, seen: make([]bool, n)}
	for range readers {
		l.files = append(l.files, &file{seen: make([]bool, n)})
	}
	return l
}

// read reads what has come to a file since it was read last.
func (l *ledger) read(t *testing.T, path string, reader int) {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	own := l.files[reader]
	if _, err := f.Seek(own.at, 0); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return // the rest of the line may come yet
		}
		own.at += int64(len(line))
		var x struct {
			ID  int
			Key string
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil || x.ID < 0 || x.ID >= l.n || x.Key != strconv.Itoa(x.ID%keys) {
			t.Fatalf("%s is torn: %q", path, line)
		}
		if l.seen[x.ID] {
			l.twice++
		} else {
			l.seen[x.ID] = true
			l.first++
		}
		if own.seen[x.ID] {
			continue
		}
		own.seen[x.ID] = true
		if last := own.last[x.ID%keys]; x.ID < last {
			if l.wrong++; l.wrong == 1 {
				l.example = fmt.Sprintf("%d after %d", x.ID, last)
			}
		}
		own.last[x.ID%keys] = x.ID
	}
}

func (l *ledger) missing() int {
	for i, seen := range l.seen {
		if !seen {
			return i
		}
	}
	return -1
}

// standing reads the report of a process that came to its end, whose books must balance.
func standing(t *testing.T, dir, flow string) (s struct{ Redelivered, Resent int64 }) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, flow+".json"))
	if err != nil {
		t.Error(err)
		return s
	}
	var report struct {
		Nodes []struct {
			ID                                              string
			Source                                          bool
			In, Used, Filtered, Skipped, Dead, Failed, Held int64
			Standing                                        *struct{ Redelivered, Resent int64 }
		}
	}
	if err := json.Unmarshal(text, &report); err != nil || len(report.Nodes) == 0 {
		t.Fatalf("%v in %s", err, text)
	}
	for _, n := range report.Nodes {
		if !n.Source && n.In != n.Used+n.Filtered+n.Skipped+n.Dead+n.Failed+n.Held {
			t.Errorf("the books of %s do not balance: %+v", flow, n)
		}
		if n.Standing != nil {
			s.Redelivered += n.Standing.Redelivered
			s.Resent += n.Standing.Resent
		}
	}
	return s
}
