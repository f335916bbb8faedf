//go:build unix

package torture

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A victim is a flow whose runs are killed.
type victim struct {
	flow   *flow
	rows   int
	beside *flow // it runs again and again meanwhile; nil: nothing does
	recall *flow // it looks at what is left, in turn with the flow itself; nil: only that
}

// otherRows are those of a round of what runs beside.
const otherRows = 100

var victims = []victim{
	{flow: setFlow, rows: 8000},
	{flow: addFlow, rows: 20_000, beside: otherFlow, recall: otherFlow},
	{flow: oneFlow, rows: 80_000},
	{flow: endlessFlow, rows: 20_000, beside: otherFlow, recall: otherFlow},
}

// A killing kills the rounds of a victim.
type killing struct {
	*book
	victim
	random *rand.Rand
	seed   uint64
	whole  time.Duration  // what a round takes that nobody kills
	kills  map[string]int // by where they struck
	trial  int
}

func newKilling(t *testing.T, v victim, s uint64) *killing {
	t.Helper()
	if !long {
		v.rows /= 4
	}
	k := &killing{book: newBook(t, t.TempDir()), victim: v, random: rand.New(rand.NewPCG(s, 1)), seed: s, kills: map[string]int{}}
	k.fact = "before any blow"
	if v.flow.endless {
		k.whole = 2500 * time.Millisecond // two times that it publishes
		return k
	}
	var took []time.Duration
	for range 3 {
		start := time.Now()
		k.good(v.flow, v.rows)
		took = append(took, time.Since(start))
	}
	k.whole = slices.Max(took)
	k.audit(v.flow.folders(0)...)
	return k
}

// blow draws one that is not at a call.
func (k *killing) blow() blow {
	switch {
	case !k.flow.endless && len(k.flow.files) > 1 && k.random.IntN(3) == 0, k.flow.log && k.random.IntN(3) == 0:
		return blow{kind: atJournal, after: time.Duration(k.random.Int64N(int64(k.whole/40) + 1))}
	case k.random.IntN(2) == 0:
		return blow{after: k.whole/2 + time.Duration(k.random.Int64N(int64(k.whole)*6/10))} // where most happens
	}
	return blow{after: time.Duration(k.random.Int64N(int64(k.whole)))}
}

// dirs are the folders where the victim's journals are.
func (k *killing) dirs() []string {
	var all []string
	for _, folder := range k.flow.folders(0) {
		all = append(all, filepath.Join(k.dir, folder))
	}
	return all
}

// die begins a round of the victim and kills it. It is not killed if it ended before.
func (k *killing) die(w blow) (killed bool) {
	k.t.Helper()
	number := k.begin(k.flow, k.rows)
	start := time.Now()
	e, point, err := w.strike(k.t, k.dirs(), program, k.args(number)...)
	check(k.t, err)
	switch {
	case e.killed:
		switch w.kind {
		case afterTime:
			point = "random"
		case atJournal:
			point = "journal there"
		}
		k.kills[point]++
	case w.fails != "" && point != "":
		k.kills[point]++
		if e.code == 0 {
			k.sure(number)
		} else if e.code != 1 || !strings.Contains(e.err, "input/output error") {
			k.wrong(failed, "a run whose disk fails: %s", e)
		}
		return true
	case e.code != 0:
		k.wrong(failed, "a run of %s: %s", k.flow.name, e)
	default:
		k.sure(number)
		if w.kind != atCall { // the machine is not as busy as it was: moments are measured again
			k.whole = (k.whole + time.Since(start)) / 2
		}
	}
	return e.killed
}

// attempt is one trial: a blow, perhaps another one at the run that would clean up, a run
// that looks, a good run.
func (k *killing) attempt(w blow, again *blow) (killed bool) {
	k.t.Helper()
	before := k.count()
	k.trial++
	k.fact = fmt.Sprintf("seed %d, %s, trial %d: %v", k.seed, k.flow.name, k.trial, w)
	stop := k.runBeside()
	killed = k.die(w)
	stop()
	k.audit()
	if killed && again != nil {
		k.fact += fmt.Sprintf("; then the next run %v", *again)
		k.die(*again)
		k.audit()
	}
	k.recover()
	if k.count() > before+10 || k.t.Failed() && k.count() > 20 {
		k.t.Fatal("that is enough")
	}
	if info, err := os.Stat(filepath.Join(k.dir, logName)); err == nil && info.Size() > 16<<20 {
		k.forget()
	}
	return killed
}

// recover looks at what the dead have left, in one of several ways, and then does good
// runs.
func (k *killing) recover() {
	k.t.Helper()
	switch way := k.trial % 3; {
	case way == 0 && k.recall != nil:
		k.fact += "; another flow ran"
		k.good(k.recall, otherRows)
		k.audit(k.recall.folders(0)...)
	case way == 1:
		k.fact += "; then a run that failed"
		k.look(k.flow)
		k.audit(k.flow.folders(0)...)
	}
	k.fact += "; then a good run"
	f, rows := k.flow, k.rows
	if f.endless {
		f, rows = k.recall, otherRows
	}
	k.good(f, rows)
	k.audit(k.flow.folders(0)...)
}

// runBeside runs the flow beside again and again, twice at a time, until stop is called.
func (k *killing) runBeside() (stop func()) {
	if k.beside == nil {
		return func() {}
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	again := func() {
		for {
			number := k.begin(k.beside, otherRows)
			cmd := command(k.t, program, k.args(number)...)
			if e, err := endOf(cmd, cmd.Run()); err != nil || e.code != 0 {
				k.wrong(failed, "a run of %s beside: %v %s", k.beside.name, err, e)
				return
			}
			k.sure(number)
			select {
			case <-done:
				return
			default:
			}
		}
	}
	running.Go(again)
	running.Go(again) // they meet when they find what the victim has left
	return sync.OnceFunc(func() { close(done); running.Wait() })
}

// times tries until so many blows have struck, at random moments; every fourth time the
// next run gets one too.
func (k *killing) times(want int) {
	k.t.Helper()
	struck := 0
	for range 5 * want {
		var again *blow
		if k.random.IntN(4) == 0 {
			w := k.blow()
			again = &w
		}
		if k.attempt(k.blow(), again) {
			struck++
		}
		if struck == want {
			return
		}
	}
	k.t.Errorf("seed %d, %s: of %d blows only %d struck before the end of the run", k.seed, k.flow.name, 5*want, struck)
}

// tally sums up kills, by where they struck, and what was wrong.
type tally struct {
	mu     sync.Mutex
	kills  map[string]int
	wrongs map[string]int
	rounds int
}

func (a *tally) add(k *killing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for point, n := range k.kills {
		a.kills[point] += n
	}
	for kind, n := range k.wrongs {
		a.wrongs[kind] += n
	}
	a.rounds += len(k.rounds) - 1
}

func (a *tally) String() string {
	total := 0
	var text []string
	for _, point := range slices.Sorted(maps.Keys(a.kills)) {
		total += a.kills[point]
		text = append(text, fmt.Sprintf("%d %s", a.kills[point], point))
	}
	return fmt.Sprintf("%d (%s) in %d runs: %d torn, %d half sets, %d lost, %d twice, %d leftovers, %d runs failed", total, strings.Join(text, ", "), a.rounds,
		a.wrongs[torn], a.wrongs[halfSet], a.wrongs[lost], a.wrongs[twice], a.wrongs[leftover], a.wrongs[failed])
}

// Runs are killed at random moments. No file is half, no row torn, nothing is left.
func TestKillAtRandom(t *testing.T) {
	s := seed(t)
	all := tally{kills: map[string]int{}, wrongs: map[string]int{}}
	start := time.Now()
	t.Run("flows", func(t *testing.T) {
		for i, v := range victims {
			want := []int{40, 40, 25, 10}[i]
			if !long {
				want = []int{6, 6, 4, 0}[i]
			}
			if want == 0 {
				continue
			}
			t.Run(v.flow.name, func(t *testing.T) {
				t.Parallel()
				k := newKilling(t, v, s)
				t.Cleanup(func() { all.add(k) })
				k.times(want)
			})
		}
	})
	t.Logf("seed %d: kills: %v; %v", s, &all, time.Since(start).Round(time.Second))
}

// A run is killed just before each of its calls that change something.
func TestKillAtCalls(t *testing.T) {
	all := strikeAtCalls(t, "")
	if !long {
		return
	}
	for _, point := range []string{"fsync part", "fsync journal", "fsync folder", "fsync folder, renamed", "fsync target",
		"renameat part", "write target", "unlinkat journal", "unlinkat part", "ftruncate part"} {
		if all.kills[point] == 0 {
			t.Errorf("no run was killed at %s", point)
		}
	}
}

// One call of a run fails, as if the disk was broken there for a moment: whether the run
// says that it went well or not, it is true.
func TestErrorAtCalls(t *testing.T) { strikeAtCalls(t, "EIO") }

// strikeAtCalls strikes the flows whose calls can be counted, each at its calls. They are
// killed there, or the call fails.
func strikeAtCalls(t *testing.T, fails string) *tally {
	needStrace(t)
	s := seed(t)
	all := &tally{kills: map[string]int{}, wrongs: map[string]int{}}
	start := time.Now()
	t.Run("flows", func(t *testing.T) {
		for _, v := range victims[:3] {
			t.Run(v.flow.name, func(t *testing.T) {
				t.Parallel()
				v.beside = nil // it would only make the numbers of calls uncertain
				k := newKilling(t, v, s)
				t.Cleanup(func() { all.add(k) })
				k.atCalls(fails)
			})
		}
	})
	t.Logf("seed %d: struck%s: %v; %v", s, strings.TrimRight(" "+fails, " "), all, time.Since(start).Round(time.Second))
	return all
}

// atCalls counts the calls of a whole run, and then strikes one run at each. Which thread
// makes a call is up to the runtime, and strace counts those of each thread: so not every
// number is reached, and a run that ends well is tried once more.
func (k *killing) atCalls(fails string) {
	k.t.Helper()
	trace := filepath.Join(k.t.(*testing.T).TempDir(), "trace")
	number := k.begin(k.flow, k.rows)
	name, args := strace(trace, killedAt, nil, program, k.args(number)...)
	if e := finish(k.t, command(k.t, name, args...)); e.code != 0 {
		k.t.Fatal(e)
	}
	k.sure(number)
	calls, err := readTrace(trace)
	check(k.t, err)
	count := map[blow]int{}
	for _, c := range calls {
		w := blow{kind: atCall, call: c.name, fails: fails}
		switch {
		case len(c.paths) == 0 || !strings.HasPrefix(c.paths[0], k.dir):
			continue
		case c.name == "write" && kindOf(c.paths[0]) != "target":
			continue
		case kindOf(c.paths[0]) == "folder", kindOf(c.paths[0]) == "target", c.name == "unlinkat" && kindOf(c.paths[0]) == "part":
			w.path = c.paths[0]
		}
		count[w]++
	}
	order := slices.SortedFunc(maps.Keys(count), func(a, b blow) int { return strings.Compare(a.call+a.path, b.call+b.path) })
	if len(order) == 0 {
		k.t.Fatal("no call was seen")
	}
	for _, w := range order {
		numbers := someOf(count[w])
		if long && w.path == "" { // which file a number leads to is up to the threads
			numbers = append(numbers, numbers...)
		}
		for _, w.nth = range numbers {
			var again *blow
			if long && k.random.IntN(2) == 0 { // the run that completes it gets one as well
				next := order[k.random.IntN(len(order))]
				next.nth = 1 + k.random.IntN(count[next])
				again = &next
			}
			if !k.attempt(w, again) {
				k.attempt(w, again)
			}
		}
	}
}

// someOf gives the numbers up to count, or some of them: in the short form one.
func someOf(count int) []int {
	const most = 8
	if !long {
		return []int{(count + 1) / 2}
	}
	var all []int
	for i := range min(count, most) {
		all = append(all, 1+i*count/min(count, most))
	}
	return all
}
