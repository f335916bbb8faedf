//go:build unix

package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A round is one run.
type round struct {
	flow *flow
	rows int
	sure bool // its process ended with 0
	void bool // it was to fail, or what it wrote was thrown away: nothing of it is there
}

// A book keeps the rounds of a folder. Rounds may begin and end on any goroutine; it is
// audited while none of them runs.
type book struct {
	t     testing.TB
	home  string // where the flows are
	dir   string // the folder
	flags []string
	fact  string // what is done to it now, for messages

	tolerant bool // what is wrong is counted alone

	mu     sync.Mutex
	rounds []*round // by number; none has number 0
	wrongs map[string]int
}

// The kinds of what can be wrong.
const (
	lost     = "lost"     // of a sure round something is missing
	torn     = "torn"     // a file or row is not whole
	halfSet  = "half set" // files of a set are of several rounds
	twice    = "twice"    // rows are there again
	leftover = "leftover"
	failed   = "failed" // a good run
)

func newBook(t testing.TB, home string, flags ...string) *book {
	b := &book{t: t, home: home, dir: filepath.Join(home, "data"), flags: flags, rounds: []*round{{void: true}}, wrongs: map[string]int{}}
	for _, f := range flows {
		put(t, filepath.Join(home, f.name+".yaml"), f.text())
	}
	check(t, os.MkdirAll(b.dir, 0o755))
	return b
}

// begin notes a round that is about to begin; rows is their rate where there is no end.
func (b *book) begin(f *flow, rows int) (number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rounds = append(b.rounds, &round{flow: f, rows: rows})
	return len(b.rounds) - 1
}

func (b *book) sure(number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rounds[number].sure = true
}

// args are those of the command for a round.
func (b *book) args(number int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, last := b.rounds[number], "1000000000"
	if r.void {
		last = "0"
	}
	report := "none"
	if r.flow.report {
		report = filepath.Join(b.dir, reportName)
	}
	return append([]string{"run", filepath.Join(b.home, r.flow.name+".yaml"), "-q", "--report", report,
		"-s", "DIR=" + b.dir, "-s", "RUN=" + strconv.Itoa(number), "-s", "ROWS=" + strconv.Itoa(r.rows), "-s", "END=" + last}, b.flags...)
}

// good does a round that must succeed.
func (b *book) good(f *flow, rows int) {
	b.t.Helper()
	number := b.begin(f, rows)
	if e := flowrun(b.t, b.args(number)...); e.code != 0 {
		b.wrong(failed, "a run of %s: %s", f.name, e)
		return
	}
	b.sure(number)
}

// look does a round that fails at its first row: it looks at what is there, and writes
// nothing.
func (b *book) look(f *flow) {
	b.t.Helper()
	number := b.begin(f, 1)
	b.rounds[number].void = true
	if e := flowrun(b.t, b.args(number)...); e.code != 1 || !strings.Contains(e.err, "is not an int") {
		b.wrong(failed, "a run of %s that is to fail: %s", f.name, e)
	}
}

// wrong reports what is wrong.
func (b *book) wrong(kind, format string, args ...any) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrongs[kind]++
	if b.tolerant {
		return
	}
	b.t.Errorf("%s: %s: %s\nthere is\n%s", b.fact, kind, fmt.Sprintf(format, args...), listing(b.dir))
}

// count is how many things are wrong.
func (b *book) count() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, of := range b.wrongs {
		n += of
	}
	return n
}

// audit looks at the folder. A run has looked before into those that are named, and nobody
// has written there since.
func (b *book) audit(looked ...string) {
	b.t.Helper()
	for _, f := range flows {
		switch {
		case f.files != nil:
			b.auditSet(f, looked)
		case f.fresh != "":
			b.auditFresh(f)
		}
	}
	b.auditLog(slices.Contains(looked, filepath.Dir(logName)))
	b.auditReport()
	for _, folder := range looked {
		names, err := os.ReadDir(filepath.Join(b.dir, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.t.Fatal(err)
		}
		for _, name := range names {
			if strings.Contains(name.Name(), ".flowrun-") {
				b.wrong(leftover, "%s", filepath.Join(folder, name.Name()))
			}
		}
	}
}

// lastSure is the last round of a flow that is sure, or 0.
func (b *book) lastSure(f *flow) int {
	for number := len(b.rounds) - 1; number > 0; number-- {
		if r := b.rounds[number]; r.flow == f && r.sure && !r.void {
			return number
		}
	}
	return 0
}

// auditSet looks at the files of a flow that replaces them, and gives their round.
func (b *book) auditSet(f *flow, looked []string) {
	sure := b.lastSure(f)
	settled, journal := false, false
	for _, folder := range f.folders(0) {
		settled = settled || slices.Contains(looked, folder)
		journal = journal || b.journalIn(folder)
	}
	of := map[int][]string{}
	for _, name := range f.files {
		number, ok := b.fileOf(f, name)
		if !ok {
			continue
		}
		if number < sure {
			b.wrong(lost, "%s is of round %d; %d was promised", name, number, sure)
		}
		of[number] = append(of[number], name)
	}
	if len(of) > 1 && (settled || !journal) {
		b.wrong(halfSet, "%v", of)
	}
	if !f.log || !settled || len(of) != 1 {
		return
	}
	for number := range of {
		if last := b.lastLogged(f); last != number {
			b.wrong(halfSet, "%s is of round %d, and the last one in %s is %d", f.files[0], number, logName, last)
		}
	}
}

// auditFresh looks at files of which each round makes its own.
func (b *book) auditFresh(f *flow) {
	for number, r := range b.rounds {
		if r.flow != f || r.void {
			continue
		}
		name := fmt.Sprintf(f.fresh, number)
		if got, ok := b.fileOf(f, name); ok && got != number && (got != 0 || r.sure) {
			b.wrong(lost, "%s is of round %d", name, got)
		}
	}
}

// auditReport looks at the report, which each round that has one replaces.
func (b *book) auditReport() {
	promised := false
	for _, r := range b.rounds {
		promised = promised || r.sure && !r.void && r.flow.report
	}
	switch text := get(b.t, filepath.Join(b.dir, reportName)); {
	case text == "" && promised:
		b.wrong(lost, "the report is missing or empty")
	case text != "" && !json.Valid([]byte(text)):
		b.wrong(torn, "the report has %d bytes: %.60q", len(text), text)
	}
}

// fileOf gives the round of a file, 0 if it is not there; not ok: it is not whole.
func (b *book) fileOf(f *flow, name string) (number int, ok bool) {
	raw, err := os.ReadFile(filepath.Join(b.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, true
	}
	text, zerr := unpacked(name, raw)
	if err := errors.Join(err, zerr); err != nil {
		b.wrong(torn, "%s (%d bytes): %v", name, len(raw), err)
		return 0, false
	}
	number, _, _ = numberOf(text)
	if number <= 0 || number >= len(b.rounds) || b.rounds[number].flow != f || b.rounds[number].void {
		b.wrong(torn, "%s (%d bytes) begins with %.60q", name, len(text), text)
		return 0, false
	}
	if want := content(name, number, b.rounds[number].rows); !bytes.Equal(text, want) {
		b.wrong(torn, "%s has %d bytes of round %d, which wrote %d", name, len(text), number, len(want))
		return 0, false
	}
	return number, true
}

// journalIn reports whether the journal of a set stands in a folder.
func (b *book) journalIn(folder string) bool {
	all, err := filepath.Glob(filepath.Join(b.dir, folder, ".flowrun-*.journal"))
	return err == nil && len(all) > 0
}

// logged counts the rows of each round in the file that is added to, in the order in which
// they begin; rest is what no row can be made of.
func (b *book) logged() (order []int, rows map[int]int, rest []byte) {
	text, err := os.ReadFile(filepath.Join(b.dir, logName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	rows = map[int]int{}
	var row []byte
	last := 0
	for len(text) > 0 {
		number := last
		if row = appendRow(row[:0], last, rows[last]); last == 0 || !bytes.HasPrefix(text, row) {
			n, ok := 0, false
			number, n, ok = numberOf(text)
			if row = appendRow(row[:0], number, n); !ok || n != rows[number] || !bytes.HasPrefix(text, row) {
				return order, rows, text
			}
			if r := b.roundAt(last); r != nil && !r.flow.endless && rows[last] != r.rows {
				return order, rows, text // another one begins in the middle of it
			}
		}
		if rows[number] == 0 {
			order = append(order, number)
		}
		rows[number]++
		last = number
		text = text[len(row):]
	}
	return order, rows, nil
}

// roundAt is a round, or nil if there is none of that number.
func (b *book) roundAt(number int) *round {
	if number <= 0 || number >= len(b.rounds) {
		return nil
	}
	return b.rounds[number]
}

// lastLogged is the last round of a flow in the file that is added to, or 0.
func (b *book) lastLogged(f *flow) int {
	order, _, _ := b.logged()
	for _, number := range slices.Backward(order) {
		if r := b.roundAt(number); r != nil && r.flow == f {
			return number
		}
	}
	return 0
}

// auditLog looks at the file that is added to.
func (b *book) auditLog(settled bool) {
	order, rows, rest := b.logged()
	ending := !settled && b.journalIn(filepath.Dir(logName)) // it may end in the middle of a round
	if len(rest) > 0 {
		number, n, ok := numberOf(rest)
		switch {
		case ok && b.roundAt(number) != nil && n < rows[number]:
			b.wrong(twice, "%s has row %d of round %d again", logName, n, number)
		case !ending || bytes.Contains(rest, []byte{'\n'}):
			b.wrong(torn, "in %s stands %.60q before %d bytes, after %d rows of round %d", logName, rest, len(rest), rows[last(order)], last(order))
		}
	}
	for at, number := range order {
		r := b.roundAt(number)
		switch {
		case r == nil || !r.flow.log || r.void:
			b.wrong(torn, "%s has %d rows of round %d, which cannot be there", logName, rows[number], number)
		case r.flow.endless || rows[number] == r.rows:
		case rows[number] > r.rows:
			b.wrong(twice, "%s has %d rows of round %d, which wrote %d", logName, rows[number], number, r.rows)
		case at < len(order)-1 || !ending:
			b.wrong(torn, "%s has %d rows of round %d, which wrote %d", logName, rows[number], number, r.rows)
		}
	}
	for number, r := range b.rounds {
		if r.sure && !r.void && r.flow.log && !r.flow.endless && rows[number] == 0 {
			b.wrong(lost, "%s has no row of round %d", logName, number)
		}
	}
}

// last is the last of some numbers, or 0.
func last(order []int) int {
	if len(order) == 0 {
		return 0
	}
	return order[len(order)-1]
}

// forget throws away what is there, and the rounds with it.
func (b *book) forget() {
	b.t.Helper()
	check(b.t, os.RemoveAll(b.dir))
	check(b.t, os.MkdirAll(b.dir, 0o755))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.rounds {
		r.void = true
	}
}

// listing shows what is in a folder.
func listing(dir string) string {
	var text strings.Builder
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, ierr := d.Info(); ierr == nil {
				fmt.Fprintf(&text, "  %12d %s\n", info.Size(), strings.TrimPrefix(path, dir+string(filepath.Separator)))
			}
		}
		return nil
	})
	return text.String()
}
