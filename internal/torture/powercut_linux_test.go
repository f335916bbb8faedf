package torture

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A powerCut is a book on a disk whose power is cut again and again.
type powerCut struct {
	*book
	disk   *disk
	random *rand.Rand
	seed   uint64
	whole  time.Duration // what a cycle of runs takes

	promised int // rounds that were sure before a cut
	cuts     int
	kept     int // records of runs that were promised
}

// maxRecords is how many records are kept at most.
const maxRecords = 50

// cycle is what runs, again and again, until the power is cut.
var cycle = []*flow{setFlow, otherFlow, freshFlow, addFlow, oneFlow}

// cutRows are the rows of a run: few, so that there are many results to lose.
const cutRows = 1500

func newPowerCut(t *testing.T, flags ...string) *powerCut {
	t.Helper()
	const size = 256
	d := newDisk(t, size)
	s := seed(t)
	p := &powerCut{disk: d, random: rand.New(rand.NewPCG(s, 2)), seed: s}
	p.book = newBook(t, d.mnt, flags...) // the records of runs are beside their flows
	p.fact = "before any cut"
	start := time.Now()
	for _, f := range cycle {
		p.good(f, cutRows)
	}
	p.whole = time.Since(start)
	p.audit(p.folders()...)
	check(t, d.sync())
	return p
}

// clean throws away what is there, for good.
func (p *powerCut) clean() {
	p.t.Helper()
	p.forget()
	check(p.t, p.disk.sync())
}

// folders are those that a cycle looks into.
func (p *powerCut) folders() []string {
	var all []string
	for _, f := range cycle {
		all = append(all, f.folders(0)...)
	}
	return all
}

// A shift is the runs between two cuts.
type shift struct {
	mu      sync.Mutex
	over    bool // the power is about to be cut: what happens now is neither promised nor wrong
	running *exec.Cmd
	sure    []int
	first   chan struct{} // closed when one of them is sure
	err     error
}

// work runs the cycle until the power is cut.
func (p *powerCut) work(s *shift) {
	for i := p.random.IntN(len(cycle)); ; i++ {
		f := cycle[i%len(cycle)]
		number := p.begin(f, cutRows)
		args := p.args(number)
		if f == oneFlow {
			args = append(args, "--keep")
		}
		cmd := command(p.t, program, args...)
		if !s.start(cmd) {
			return
		}
		e, err := endOf(cmd, cmd.Wait())
		if !s.ended(number, e, err) {
			return
		}
	}
}

// start begins a run, unless the shift is over.
func (s *shift) start(cmd *exec.Cmd) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	if s.err = cmd.Start(); s.err != nil {
		return false
	}
	s.running = cmd
	return true
}

// ended notes how a run ended, and reports whether there is to be another one.
func (s *shift) ended(number int, e end, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
		return false
	case err != nil:
		s.err = err
		return false
	case e.code != 0 || strings.Contains(e.err, "not kept"):
		s.err = fmt.Errorf("round %d: %v", number, e)
		return false
	}
	if s.sure = append(s.sure, number); len(s.sure) == 1 {
		close(s.first)
	}
	return true
}

// close ends the shift; what is sure was promised before the cut.
func (s *shift) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// once lets the cycle run, cuts the power at a random moment, and looks at what is there.
func (p *powerCut) once() {
	p.t.Helper()
	p.cuts++
	early := p.random.IntN(4) == 0 // perhaps in the run that completes what the last cut has left
	wait := time.Duration(p.random.Int64N(int64(p.whole) * 5 / 2))
	if early {
		wait = time.Duration(p.random.Int64N(int64(p.whole) / time.Duration(len(cycle)).Nanoseconds()))
	}
	p.fact = fmt.Sprintf("seed %d, cut %d: %v after the first result", p.seed, p.cuts, wait)
	s := &shift{first: make(chan struct{})}
	done := make(chan struct{})
	go func() { p.work(s); close(done) }()
	if !early {
		select {
		case <-s.first:
		case <-done:
		}
	}
	select {
	case <-time.After(wait):
	case <-done:
	}
	s.close()
	err := p.disk.cut()
	s.mu.Lock()
	if s.running != nil {
		s.running.Process.Kill() // it can only complain
	}
	s.mu.Unlock()
	<-done
	check(p.t, err)
	if s.err != nil {
		p.wrong(failed, "%v", s.err)
	}
	for _, number := range s.sure {
		p.sure(number)
		if p.rounds[number].flow == oneFlow {
			p.kept++
		}
	}
	p.promised += len(s.sure)
	p.refuses()
	check(p.t, p.disk.unmount())
	check(p.t, p.disk.mount())
	p.audit()
	p.auditRecords()
}

// refuses checks that no run says that it went well on a disk that has no power.
func (p *powerCut) refuses() {
	p.t.Helper()
	out := filepath.Join(p.dir, "dead.jsonl")
	home := p.t.(*testing.T).TempDir()
	path := filepath.Join(home, "dead.yaml")
	put(p.t, path, "flow: dead\nnodes:\n  rows: {use: generate, with: {count: 3}}\n  out: {use: file.write, in: rows, with: {path: "+out+"}}\n")
	if e := flowrun(p.t, "run", "-q", path); e.code != 1 || !strings.Contains(e.err, "dead.jsonl") && !strings.Contains(e.err, p.dir) {
		p.wrong(failed, "a run on a dead disk: %v", e)
	}
}

// recover does a run that looks, in one of several ways, and perhaps leaves all of that to
// the next shift.
func (p *powerCut) recover() {
	p.t.Helper()
	switch p.cuts % 4 {
	case 0:
		p.fact += "; then runs that failed"
		for _, f := range cycle {
			if f.fresh == "" {
				p.look(f)
			}
		}
	case 1, 2:
		p.fact += "; then good runs"
		for _, f := range cycle {
			p.good(f, cutRows)
		}
	default:
		return
	}
	p.audit(p.folders()...)
	if p.used() > 100<<20 {
		p.clean()
	}
}

// used is how much room the files of the book take.
func (p *powerCut) used() (size int64) {
	filepath.WalkDir(p.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// auditRecords looks at the records of runs that are kept.
func (p *powerCut) auditRecords() {
	p.t.Helper()
	records, err := filepath.Glob(filepath.Join(p.home, ".flowrun", "runs", "*.json.gz"))
	check(p.t, err)
	for _, path := range records {
		if text, err := unpacked(path, []byte(get(p.t, path))); err != nil || !strings.HasSuffix(string(text), "}\n") {
			p.wrong(torn, "the record %s: %v", filepath.Base(path), err)
		}
	}
	if want := min(p.kept, maxRecords); len(records) < want {
		p.wrong(lost, "%d records of %d", len(records), want)
	}
}

// String sums up.
func (p *powerCut) String() string {
	return fmt.Sprintf("%d power cuts, %d results promised in %d runs: %d lost, %d torn, %d half sets, %d twice, %d leftovers, %d runs failed", p.cuts, p.promised,
		len(p.rounds)-1, p.wrongs[lost], p.wrongs[torn], p.wrongs[halfSet], p.wrongs[twice], p.wrongs[leftover], p.wrongs[failed])
}

// The power is cut while runs work. What they had promised is there, and whole.
func TestPowerCut(t *testing.T) {
	p := newPowerCut(t)
	cuts := 3
	if long {
		cuts = 200
	}
	start := time.Now()
	for range cuts {
		p.once()
		p.recover()
		if p.count() > 10 {
			t.Fatal("that is enough")
		}
	}
	p.fact = "at the end"
	for _, f := range cycle {
		p.good(f, cutRows)
	}
	p.audit(p.folders()...)
	t.Logf("seed %d: %v; %v", p.seed, p, time.Since(start).Round(time.Second))
}

// Without syncs the same cuts lose something: so they would show it.
func TestPowerCutShowsLoss(t *testing.T) {
	if !long {
		t.Skip("FLOWRUN_TORTURE is not set")
	}
	p := newPowerCut(t, "--no-sync")
	p.tolerant = true
	start := time.Now()
	for range 10 {
		p.once()
		p.clean() // what is lost would be missed again
		p.kept = 0
	}
	t.Logf("seed %d: without syncs: %v; %v", p.seed, p, time.Since(start).Round(time.Second))
	if p.wrongs[lost]+p.wrongs[torn] == 0 {
		t.Error("nothing is lost without syncs: these cuts show nothing")
	}
	if n := p.wrongs[failed]; n > 0 {
		t.Errorf("%d runs failed before a cut", n)
	}
}
