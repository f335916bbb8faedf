package scheduler_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// Random flows are cut every virtual millisecond. At each cut, on each edge,
//
//	(a) sent = received + held + dropped, as the engine counts and as the logs do;
//	(b) what its reader has consumed is a prefix of what its sender has sent (where the
//	    order is kept: else a part of it), and what the sender has sent is exactly what the
//	    interpreter gives for what it had consumed at the same cut, a source for the
//	    position that it has saved;
//	(c) so, from the sources to the sinks, a sink has what the interpreter gives for the
//	    positions, but for what edges held or dropped on the way.
//
// FLOWRUN_CUT_SEEDS says how many flows, FLOWRUN_CUT_SEED that it is this one alone.
func TestCutsOfRandomFlows(t *testing.T) {
	if s := os.Getenv("FLOWRUN_CUT_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		virtual(t, func(t *testing.T) { cutAtRandom(t, seed, false).fail(t) })
		return
	}
	seeds := manySeeds(500)
	var all tally
	for seed := range uint64(seeds) {
		virtual(t, func(t *testing.T) {
			c := cutAtRandom(t, seed, false)
			c.fail(t)
			all.add(c.tally)
		})
		if t.Failed() {
			break
		}
	}
	t.Log(all)
	if all.looks < all.edges/2 || all.exact == 0 || all.held == 0 || all.dropped == 0 {
		t.Errorf("too little was looked at: %s", all)
	}
}

// manySeeds is how many flows a test makes.
func manySeeds(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("FLOWRUN_CUT_SEEDS")); err == nil {
		return n
	}
	if testing.Short() {
		return usual / 10
	}
	return usual
}

// Without alignment the test fails soon.
func TestMisalignedCutsAreNoticed(t *testing.T) {
	for seed := range uint64(1000) {
		found := false
		virtual(t, func(t *testing.T) { found = len(cutAtRandom(t, seed, true).wrong) > 0 })
		if found {
			t.Logf("noticed at seed %d", seed)
			return
		}
	}
	t.Error("no seed notices that nodes do not align")
}

// A tally is what a test has looked at.
type tally struct {
	flows, cuts, edges, looks, exact, held, dropped int
}

func (t *tally) add(o tally) {
	t.flows += o.flows
	t.cuts += o.cuts
	t.edges += o.edges
	t.looks += o.looks
	t.exact += o.exact
	t.held += o.held
	t.dropped += o.dropped
}

func (t tally) String() string {
	return fmt.Sprintf("%d flows, %d cuts, %d times an edge was cut, of which %d could be compared, %d of these exactly; %d times an edge held something, %d times it had dropped something",
		t.flows, t.cuts, t.edges, t.looks, t.exact, t.held, t.dropped)
}

// A randomCut is one random flow that was cut.
type randomCut struct {
	seed  uint64
	text  string
	wrong []string
	tally tally

	report metrics.Report
	flow   *graph.Flow
	logs   map[string]*cutLog
	edges  map[*graph.Edge]map[uint64]scheduler.SeenCut
	fed    map[*graph.Node]map[uint64]int64 // positions
}

func (c *randomCut) fail(t *testing.T) {
	t.Helper()
	if len(c.wrong) > 0 {
		t.Errorf("FLOWRUN_CUT_SEED=%d go test ./scheduler -run TestCutsOfRandomFlows\n%s\n%s", c.seed, strings.Join(c.wrong[:min(5, len(c.wrong))], "\n"), c.text)
	}
}

func (c *randomCut) say(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// cutAtRandom runs a random flow and looks at all of its cuts.
func cutAtRandom(t *testing.T, seed uint64, misaligned bool) *randomCut {
	opts := scheduler.Options{Serial: seed%10 == 9}
	if misaligned {
		opts.BreakAlignment()
	}
	return cutFlow(t, seed, func(try uint64) string { return randomFlow(rand.New(rand.NewPCG(seed, try))) }, opts)
}

// cutFlow runs a flow with a cut each millisecond and looks at all of them. Of a text that
// could block for good, or has settings that exclude each other, it takes the next.
func cutFlow(t *testing.T, seed uint64, text func(try uint64) string, opts scheduler.Options) *randomCut {
	t.Helper()
	c := &randomCut{seed: seed, logs: map[string]*cutLog{}, edges: map[*graph.Edge]map[uint64]scheduler.SeenCut{}, fed: map[*graph.Node]map[uint64]int64{}}
	var run *scheduler.Run
	kinds := &cutKinds{logs: c.logs, seed: seed, flight: func() uint64 { return run.Flight() }}
	reg, err := nodes.NewRegistry(kinds.kinds())
	if err != nil {
		t.Fatal(err)
	}
	for try := uint64(0); ; try++ {
		c.text = text(try)
		flow, list := graph.Load(diag.NewSource("test.yaml", []byte(c.text)), reg, graph.Options{})
		if c.flow = flow; !list.HasErrors() {
			break
		}
		if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.Deadlock || d.Code == diag.Conflict }) || try > 100 {
			var b strings.Builder
			diag.Print(&b, list, diag.Style{})
			t.Fatalf("%s\n%s", b.String(), c.text)
		}
	}
	opts.Cuts, opts.SpillDir = scheduler.Cuts{Every: time.Millisecond, Timeout: 20 * time.Millisecond}, t.TempDir()
	var mu sync.Mutex
	opts.SeeCuts(func(s scheduler.SeenCut) {
		mu.Lock()
		defer mu.Unlock()
		if s.Source != nil {
			at, _ := strconv.ParseInt(string(s.Position), 10, 64)
			if c.fed[s.Source] == nil {
				c.fed[s.Source] = map[uint64]int64{}
			}
			c.fed[s.Source][s.Epoch] = at
			return
		}
		if c.edges[s.Edge] == nil {
			c.edges[s.Edge] = map[uint64]scheduler.SeenCut{}
		}
		c.edges[s.Edge][s.Epoch] = s
	})
	if run, err = scheduler.New(c.flow, reg, opts); err != nil {
		t.Fatal(err)
	}
	report, err := run.Run(context.Background())
	c.report = report
	if err != nil {
		c.say("%v", err)
		return c
	}
	for id, l := range c.logs { // the last flush of one that was done early is no cut
		if last := len(l.events) - 1; last >= 0 && run.DoneEarly(id) && l.events[last].what == 'c' {
			l.events = l.events[:last]
		}
	}
	if report.Cuts.Complete == 0 && report.Took > 50*time.Millisecond {
		c.say("no cut was complete in %s: %+v", report.Took, report.Cuts)
	}
	c.tally.flows, c.tally.cuts = 1, int(report.Cuts.Complete)
	for _, e := range c.flow.Edges {
		for epoch, seen := range c.edges[e] {
			c.tally.edges++
			c.look(e, epoch, seen)
		}
	}
	return c
}

// emitted is what a node had sent to a port before it met a cut. known is false if it has
// not met it, and had not ended.
func (c *randomCut) emitted(n *graph.Node, port string, epoch uint64) (all []int64, known bool) {
	if len(n.In) == 0 {
		at, known := c.fed[n][epoch]
		var from, many int64
		fmt.Sscanf(n.Config.(*opKind).Mode, "%d+%d", &from, &many)
		if !known { // it had ended, or will never be cut at this epoch
			last := slices.Max(append(slices.Collect(keys(c.fed[n])), 0))
			return nil, last >= epoch
		}
		for i := range at {
			all = append(all, from+i)
		}
		return all, true
	}
	events, met := c.logs[n.ID].upTo(epoch)
	if !met {
		return nil, false
	}
	s := interpret(n.Config.(*opKind).Mode, events)
	return s[map[string]int{"out": 0, "other": 1, "errors": 2}[port]], true
}

func keys(m map[uint64]int64) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// look compares what an edge has carried at a cut with the logs of its two nodes.
func (c *randomCut) look(e *graph.Edge, epoch uint64, seen scheduler.SeenCut) {
	events, met := c.logs[e.To.ID].upTo(epoch)
	sent, known := c.emitted(e.From, e.FromPort.Name, epoch)
	if !met || !known {
		return // it was given up, or one of the two had ended before
	}
	c.tally.looks++
	var got []int64
	for _, ev := range events {
		if ev.what == 'i' && e.To.In[ev.port].Edges[ev.edge] == e {
			got = append(got, ev.n)
		}
	}
	errors := e.FromPort.Name == "errors"
	where := fmt.Sprintf("cut %d: %s: sent %d, received %d, held %d, dropped %d", epoch, e, seen.Sent, seen.Received, seen.Held, seen.Dropped)
	if int64(len(sent)) != seen.Sent {
		c.say("%s; the interpreter sends %d: %v", where, len(sent), sent)
		return
	}
	if seen.Held > 0 {
		c.tally.held++
	}
	if seen.Dropped > 0 {
		c.tally.dropped++
	}
	gathers := e.To.Engine.Batch.Given() || e.To.Kind == "right"
	if n := int64(len(got)); n > seen.Received || n < seen.Received && !gathers {
		c.say("%s; its reader has consumed %d", where, n)
	}
	if errors {
		return // their items have no numbers
	}
	whole := len(got) == len(sent)
	if whole {
		c.tally.exact++
	}
	ordered := !e.Contract.Reorders() && e.To.Engine.Order == "strict" && e.From.Engine.Order == "strict" && seen.Dropped == 0
	if ordered && !slices.Equal(got, sent[:min(len(got), len(sent))]) {
		c.say("%s; its reader has consumed\n\t%v\nwhich is no prefix of\n\t%v", where, got, sent)
		return
	}
	if extra := without(got, sent); len(extra) > 0 {
		c.say("%s; its reader has consumed %v, which was sent later or never", where, extra)
	}
}

// without gives the numbers of some that are not among others, each as often as it is too
// many.
func without(some, others []int64) (left []int64) {
	count := map[int64]int{}
	for _, n := range others {
		count[n]++
	}
	for _, n := range some {
		if count[n]--; count[n] < 0 {
			left = append(left, n)
		}
	}
	return left
}
