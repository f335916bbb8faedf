//go:build unix

package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A row is one that a number makes: on a side of the diamond, or as a dead letter.
type row struct {
	n    int
	side string
}

// A delivery is a broker whose numbers are delivered by run after run, and what is known of
// its files. What is wrong is counted; the first of each kind is told, unless that is what
// the test is for.
type delivery struct {
	t        *testing.T
	random   *rand.Rand
	name     string // seed and chain, for messages
	fact     string // what is done to it now, for messages
	path     path
	dir      string
	items    int
	whole    time.Duration // what a run takes that nobody kills
	tolerant bool

	begun  []int         // by run: how many numbers were acknowledged when it began
	acked  int           // numbers, when it was last looked at
	seen   map[row][]int // in which runs a row was written
	rows   int
	read   map[string]int64 // how much of a file was looked at
	told   map[string]bool
	wrongs map[string]int
	kills  map[string]int
	broke  int // runs that the broker has ended
}

func newDelivery(t *testing.T, name string, r *rand.Rand, items int, ack, fault string) *delivery {
	d := &delivery{
		t: t, name: name, random: r, path: drawPath(r, items, ack, fault), dir: t.TempDir(), items: items, whole: time.Second,
		seen: map[row][]int{}, read: map[string]int64{}, told: map[string]bool{}, wrongs: map[string]int{}, kills: map[string]int{},
	}
	put(t, filepath.Join(d.dir, "flow", "acks.yaml"), d.path.text)
	check(t, os.Mkdir(filepath.Join(d.dir, "tmp"), 0o755))
	return d
}

// wrong notes what is wrong.
func (d *delivery) wrong(kind, format string, args ...any) {
	d.t.Helper()
	d.wrongs[kind]++
	if d.tolerant || d.told[kind] {
		return
	}
	d.told[kind] = true
	d.t.Errorf("%s, %s: %s: %s\nthere is\n%s\nthe flow, run with %q, is\n%s", d.name, d.fact, kind, fmt.Sprintf(format, args...), listing(d.dir), d.path.flags, d.path.text)
}

// args are those of the next run.
func (d *delivery) args() []string {
	d.begun = append(d.begun, d.acked)
	return append([]string{"TMPDIR=" + filepath.Join(d.dir, "tmp"), testBinary(d.t), "run", filepath.Join(d.dir, "flow", "acks.yaml"), "-q", "--report", "none",
		"-s", "DIR=" + d.dir, "-s", "RUN=" + strconv.Itoa(len(d.begun)-1)}, d.path.flags...)
}

func testBinary(t *testing.T) string {
	t.Helper()
	name, err := os.Executable()
	check(t, err)
	return name
}

// blow draws one: at a random moment, while rows are added to a file, soon after that and
// before they are acknowledged, or after.
func (d *delivery) blow() blow {
	moment := func(most time.Duration) time.Duration { return time.Duration(d.random.Int64N(int64(most))) }
	switch d.random.IntN(4) {
	case 0:
		return blow{after: moment(d.whole)}
	case 1:
		return blow{kind: atJournal, after: moment(5 * time.Millisecond)}
	case 2:
		return blow{kind: atGrowth, path: filepath.Join(d.dir, outName), nth: 1 + d.random.IntN(6), after: moment(10 * time.Millisecond)}
	}
	return blow{kind: atGrowth, path: filepath.Join(d.dir, acksName), nth: 1 + d.random.IntN(6), after: moment(80 * time.Millisecond)}
}

// run does one and looks at what it has left. It is killed by the blow, unless it ends before.
func (d *delivery) run(w *blow) (over bool) {
	d.t.Helper()
	args, start := d.args(), time.Now()
	var e end
	var err error
	if w == nil {
		d.fact = fmt.Sprintf("run %d, which nobody kills", len(d.begun)-1)
		e = finish(d.t, command(d.t, "env", args...))
	} else {
		d.fact = fmt.Sprintf("run %d, %v", len(d.begun)-1, *w)
		e, _, err = w.strike(d.t, []string{d.dir}, "env", args...)
		check(d.t, err)
	}
	switch {
	case e.killed && w != nil:
		d.kills[[]string{"at random", "while rows were added", "after"}[w.kind]+d.after(w)]++
	case e.code == 1 && strings.Contains(e.err, lostConnection):
		d.broke++
		d.fact += ", which the broker has ended"
	case e.code != 0:
		d.wrong(failed, "%s", e)
		over = true
	default:
		over = true
	}
	if !e.killed || w == nil || w.kind != afterTime { // the machine is not as busy as it was: moments are measured again
		d.whole = max(10*time.Millisecond, (d.whole+time.Since(start))/2)
	}
	d.audit(!e.killed)
	return over
}

func (d *delivery) after(w *blow) string {
	if w.kind != atGrowth {
		return ""
	}
	return " " + map[string]string{outName: "rows were added", acksName: "an acknowledgement"}[filepath.Base(w.path)]
}

// audit looks at what a run has left. One that was not killed has left nothing but whole
// files.
func (d *delivery) audit(ended bool) {
	d.t.Helper()
	acks, err := acknowledged(filepath.Join(d.dir, acksName))
	check(d.t, err)
	acked := 0
	if len(acks) > 0 {
		acked = acks[len(acks)-1]
	}
	for _, name := range []string{outName, deadName} {
		d.look(name, ended)
	}
	for n := d.acked; n < acked; n++ { // what was there before stays: see look
		for _, r := range rowsOf(n) {
			if d.seen[r] == nil {
				d.wrong(lost, "%d numbers are acknowledged, and there is no row %v", acked, r)
			}
		}
	}
	if acked < d.acked {
		d.wrong(lost, "%d numbers are acknowledged, and before it were %d", acked, d.acked)
	}
	d.acked = acked
	if !ended {
		return
	}
	for _, dir := range []string{d.dir, filepath.Join(d.dir, "tmp")} {
		names, err := os.ReadDir(dir)
		check(d.t, err)
		for _, name := range names {
			if strings.Contains(name.Name(), "flowrun-") {
				d.wrong(leftover, "%s", name.Name())
			}
		}
	}
}

// rowsOf are the rows that a number makes.
func rowsOf(n int) (all []row) {
	switch {
	case fails(n):
		return []row{{n, "dead"}}
	case sieved(n):
		return nil
	}
	for _, side := range sides {
		all = append(all, row{n, side})
	}
	return all
}

// look reads the rows that were added to a file since it was read last. It may end in the
// middle of one while a journal stands there.
func (d *delivery) look(name string, ended bool) {
	d.t.Helper()
	f, err := os.Open(filepath.Join(d.dir, name))
	if errors.Is(err, fs.ErrNotExist) && d.read[name] == 0 {
		return
	}
	check(d.t, err)
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	check(d.t, err)
	if size < d.read[name] {
		d.wrong(lost, "%s has %d bytes, and had %d", name, size, d.read[name])
		return
	}
	_, err = f.Seek(d.read[name], io.SeekStart)
	check(d.t, err)
	text, err := io.ReadAll(f)
	check(d.t, err)
	for {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if !whole {
			break
		}
		d.count(name, line)
		d.read[name] += int64(len(line) + 1)
		text = rest
	}
	journals, err := filepath.Glob(filepath.Join(d.dir, ".flowrun-*.journal"))
	check(d.t, err)
	if len(text) > 0 && (ended || len(journals) == 0) {
		d.wrong(torn, "%s ends with %.200q", name, text)
	}
}

// count notes a row of a file.
func (d *delivery) count(name string, line []byte) {
	d.t.Helper()
	r, run, ok := parseRow(name, line)
	switch {
	case !ok:
		d.wrong(torn, "in %s stands %.200q", name, line)
		return
	case !slices.Contains(rowsOf(r.n), r) || r.n >= d.items || run >= len(d.begun):
		d.wrong(torn, "%s has %v of run %d, which cannot be there", name, r, run)
	case r.n < d.begun[run]:
		d.wrong(twice, "%s has %v of run %d, which began when %d numbers were acknowledged", name, r, run, d.begun[run])
	case slices.Contains(d.seen[r], run):
		d.wrong(twice, "%s has %v of run %d again", name, r, run)
	}
	d.seen[r] = append(d.seen[r], run)
	d.rows++
}

// parseRow reads a row of a file, which has to stand there to the letter.
func parseRow(name string, line []byte) (r row, run int, ok bool) {
	var read struct {
		N, Run int
		Side   string
		Item   struct{ N, Run int }
	}
	if err := json.Unmarshal(line, &read); err != nil {
		return row{}, 0, false
	}
	if name == deadName {
		return row{read.Item.N, "dead"}, read.Item.Run, true
	}
	want := fmt.Sprintf(`{"n":%d,"run":%d,"x":%d,"side":"%s","text":"%s"}`, read.N, read.Run, read.N, read.Side, filling)
	return row{read.N, read.Side}, read.Run, string(line) == want
}

// finish lets runs come to their end until everything is delivered.
func (d *delivery) finish() {
	d.t.Helper()
	for !d.run(nil) {
	}
	if d.acked != d.items {
		d.wrong(lost, "the run has ended, and of %d numbers %d are acknowledged", d.items, d.acked)
	}
}

// ackTally sums up deliveries.
type ackTally struct {
	mu                                   sync.Mutex
	kills, wrongs                        map[string]int
	flows, runs, broke, acked, rows, dup int
}

func newAckTally() *ackTally { return &ackTally{kills: map[string]int{}, wrongs: map[string]int{}} }

func (a *ackTally) add(d *delivery) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for point, n := range d.kills {
		a.kills[point] += n
	}
	for kind, n := range d.wrongs {
		a.wrongs[kind] += n
	}
	a.flows++
	a.runs += len(d.begun)
	a.broke += d.broke
	a.acked += d.acked
	a.rows += d.rows
	a.dup += d.rows - len(d.seen)
}

func (a *ackTally) String() string {
	total := 0
	var points []string
	for _, point := range slices.Sorted(maps.Keys(a.kills)) {
		total += a.kills[point]
		points = append(points, fmt.Sprintf("%d %s", a.kills[point], point))
	}
	return fmt.Sprintf("%d (%s) in %d runs of %d flows, of which the broker ended %d: %d numbers acknowledged, %d rows, %d of them again; %d lost, %d again although acknowledged, %d torn, %d leftovers, %d runs failed",
		total, strings.Join(points, ", "), a.runs, a.flows, a.broke, a.acked, a.rows, a.dup, a.wrongs[lost], a.wrongs[twice], a.wrongs[torn], a.wrongs[leftover], a.wrongs[failed])
}

// Runs that acknowledge what they have delivered are killed at random moments: nothing that
// was acknowledged is lost, and only what was not is delivered again.
func TestKillOfWhoAcknowledges(t *testing.T) {
	s := seed(t)
	all := newAckTally()
	start := time.Now()
	chains, want, items := 2, 4, 1000
	if long {
		chains, want, items = 4, 28, 4000
	}
	t.Run("chains", func(t *testing.T) {
		for chain := range chains {
			t.Run(strconv.Itoa(chain), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(s, uint64(2+chain)))
				for kills := 0; kills < want && !t.Failed(); {
					d := newDelivery(t, fmt.Sprintf("seed %d, chain %d", s, chain), r, items, "sinks", "")
					before := kills
					over := false
					for !over && kills < want && kills < before+max(4, want/3) && !t.Failed() {
						w := d.blow()
						over = d.run(&w)
						kills = before
						for _, n := range d.kills {
							kills += n
						}
					}
					d.finish()
					all.add(d)
				}
			})
		}
	})
	t.Logf("seed %d: kills: %v; %v", s, all, time.Since(start).Round(time.Second))
}

// What the test is to find, it finds: numbers that are acknowledged before they are
// delivered, and some that are given again although they were.
func TestKillOfWhoAcknowledgesNotices(t *testing.T) {
	for _, c := range []struct{ name, ack, fault, at, want string }{
		{"early", "early", "", acksName, lost}, // nothing is added before the end then
		{"hasty", "sinks", "hasty", outName, lost},
		{"forgetful", "sinks", "forgetful", acksName, twice},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := seed(t)
			d := newDelivery(t, fmt.Sprintf("seed %d", s), rand.New(rand.NewPCG(s, 1)), 4000, c.ack, c.fault)
			d.tolerant = true
			for n := 0; n < 10 && d.wrongs[c.want] == 0; n++ {
				d.run(&blow{kind: atGrowth, path: filepath.Join(d.dir, c.at), nth: 3})
			}
			if d.wrongs[c.want] == 0 {
				t.Errorf("seed %d: nothing was noticed: %v\n%s", s, d.wrongs, d.path.text)
			}
			t.Logf("seed %d: in %d runs: %v", s, len(d.begun), d.wrongs)
		})
	}
}
