package scheduler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/scheduler"
)

// One test for each of the laws C1 to C7 of the package; TestCutsOfRandomFlows has all of
// them at once.

// cutText runs a flow with a cut each millisecond, which must go well.
func cutText(t *testing.T, text string) *randomCut {
	t.Helper()
	c := cutFlow(t, 1, func(uint64) string { return "flow: test\nnodes:\n" + text }, scheduler.Options{})
	c.fail(t)
	if c.report.Cuts.Complete < 5 {
		t.Errorf("%d cuts were complete", c.report.Cuts.Complete)
	}
	return c
}

// cutsIn gives the places of the cuts in the log of a node: how many items came before.
func (c *randomCut) cutsIn(id string) map[uint64]int {
	places, n := map[uint64]int{}, 0
	for _, e := range c.logs[id].events {
		switch e.what {
		case 'i':
			n++
		case 'c':
			if _, met := places[e.epoch]; !met { // else it is the last flush
				places[e.epoch] = n
			}
		}
	}
	return places
}

// edgeFrom gives the cuts of the edge that leaves a port.
func (c *randomCut) edgeFrom(id, port string) map[uint64]scheduler.SeenCut {
	for e, cuts := range c.edges {
		if e.From.ID == id && e.FromPort.Name == port {
			return cuts
		}
	}
	return nil
}

// A cut is no item: it is counted nowhere, and an edge that drops all it can drops none.
func TestCutLaw1(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := cutText(t, `
  feed: {use: feed, with: {mode: 0+60}}
  slow: {use: serial, with: {mode: same}, in: {from: feed, capacity: 1, on_full: drop_newest}}
  sink: {use: serial, with: {mode: none}, in: {from: slow, capacity: 1, delay: 2ms}}`)
		feed := edge(t, c.report, "feed.out", "slow.in")
		if feed.Sent != 60 || feed.Dropped == 0 || feed.Received+feed.Dropped != 60 {
			t.Errorf("%d were sent, %d received, %d dropped", feed.Sent, feed.Received, feed.Dropped)
		}
		if n := node(t, c.report, "slow"); n.In != feed.Received || n.Out != n.In {
			t.Errorf("%d went in, %d out", n.In, n.Out)
		}
		if got := len(c.edgeFrom("feed", "out")); int64(got) < c.report.Cuts.Complete/2 {
			t.Errorf("of %d cuts %d came over the edge that drops", c.report.Cuts.Complete, got)
		}
		balanced(t, c.report)
	})
}

// A node meets a cut in its turn: what workers took before, and took longer over, was
// delivered; what they took later was not.
func TestCutLaw2(t *testing.T) {
	for _, order := range []string{"strict", "none"} {
		virtual(t, func(t *testing.T) {
			c := cutText(t, `
  feed: {use: feed, with: {mode: 0+100}}
  crew: {use: crew, with: {mode: bad}, in: feed, workers: 5, order: `+order+`, on_error: dead}
  sink: {use: serial, with: {mode: none}, in: crew.out}
  dead: {use: serial, with: {mode: none}, in: crew.errors}`)
			in, sink, dead := c.edgeFrom("feed", "out"), c.edgeFrom("crew", "out"), c.edgeFrom("crew", "errors")
			looks := 0
			for epoch, place := range c.cutsIn("crew") {
				if seen, ok := in[epoch]; ok {
					looks++
					if int64(place) != seen.Sent {
						t.Errorf("%s: cut %d is met after %d items, %d were sent before it", order, epoch, place, seen.Sent)
					}
					if s, d := sink[epoch], dead[epoch]; s.Epoch == epoch && d.Epoch == epoch && s.Sent+d.Sent != int64(place) {
						t.Errorf("%s: cut %d: %d left by out and %d by errors of %d", order, epoch, s.Sent, d.Sent, place)
					}
				}
			}
			if looks < 5 {
				t.Errorf("%d cuts were looked at", looks)
			}
		})
	}
}

// A node sends a cut by all of its ports at once, so that none of two ways that meet again
// waits for the other.
func TestCutLaw3(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := cutText(t, `
  feed: {use: feed, with: {mode: 0+80}}
  fork: {use: serial, with: {mode: fork}, in: feed}
  even: {use: serial, with: {mode: same}, in: {from: fork.out, capacity: 1}}
  odd:  {use: serial, with: {mode: twice}, in: {from: fork.other, capacity: 1}}
  sink: {use: serial, with: {mode: none}, in: [{from: even, capacity: 1}, {from: odd, capacity: 1}]}`)
		out, other := c.edgeFrom("fork", "out"), c.edgeFrom("fork", "other")
		for epoch, place := range c.cutsIn("fork") {
			if a, b := out[epoch], other[epoch]; a.Epoch == epoch && b.Epoch == epoch && a.Sent+b.Sent != int64(place) {
				t.Errorf("cut %d was met after %d items, and left after %d and %d", epoch, place, a.Sent, b.Sent)
			}
		}
		if c.report.Cuts.GivenUp > 0 {
			t.Errorf("%d cuts were given up", c.report.Cuts.GivenUp)
		}
	})
}

// A node takes nothing behind the cut of one input until the others have come to theirs:
// where it does not wait, this is noticed.
func TestCutLaw4(t *testing.T) {
	text := `
  feed:  {use: feed, with: {mode: 0+100}}
  other: {use: feed, with: {mode: 1000+100}}
  slow:  {use: serial, with: {mode: same}, in: {from: other}}
  sink:  {use: serial, with: {mode: none}, in: [feed, slow]}`
	virtual(t, func(t *testing.T) { cutText(t, text) })
	virtual(t, func(t *testing.T) {
		var opts scheduler.Options
		opts.BreakAlignment()
		if c := cutFlow(t, 1, func(uint64) string { return "flow: test\nnodes:\n" + text }, opts); len(c.wrong) == 0 {
			t.Error("nobody notices that the node does not wait")
		}
	})
}

// What waits on an edge belongs to it: the cut passes by.
func TestCutLaw5(t *testing.T) {
	for name, in := range map[string]string{
		"delay": "{from: feed, delay: 40ms}", "priority": "{from: feed, priority: n % 3}", "spill": "{from: feed, on_full: spill, capacity: 1}",
		"drop": "{from: feed, on_full: drop_oldest, capacity: 9}",
	} {
		virtual(t, func(t *testing.T) {
			c := cutText(t, `
  feed: {use: feed, with: {mode: 0+60}}
  slow: {use: serial, with: {mode: same}, in: `+in+`}
  sink: {use: serial, with: {mode: none}, in: slow}`)
			held := int64(0)
			for _, seen := range c.edgeFrom("feed", "out") {
				held = max(held, seen.Held)
			}
			if held == 0 || c.report.Cuts.GivenUp > 0 {
				t.Errorf("%s: at most %d were held at a cut, %d cuts were given up", name, held, c.report.Cuts.GivenUp)
			}
		})
	}
}

// An input that has ended has come to every cut, also while what it gave still waits.
func TestCutLaw6(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := cutText(t, `
  short: {use: feed, with: {mode: 0+20}}
  long:  {use: feed, with: {mode: 1000+200}}
  sink:  {use: serial, with: {mode: none}, in: [short, long]}
  later: {use: serial, with: {mode: none}, in: [{from: short, delay: 1s}, long]}`)
		late := 0
		for epoch, seen := range c.edgeFrom("long", "out") {
			if seen.Sent == 200 || c.fed[seen.Edge.From][epoch] > 100 {
				late++
			}
		}
		if late == 0 || c.report.Cuts.GivenUp > 0 {
			t.Errorf("%d cuts came after the short input had ended, %d were given up", late, c.report.Cuts.GivenUp)
		}
	})
}

// Where the books of an edge do not balance at a cut, the run fails there.
func TestCutLaw7(t *testing.T) {
	virtual(t, func(t *testing.T) {
		opts := scheduler.Options{Cuts: scheduler.Cuts{Every: 10 * time.Millisecond}}
		tr := try(t, `
  source: {use: emit, with: {every: 1ms}}
  sink:   {use: keep, in: source}`, opts)
		go func() {
			time.Sleep(105 * time.Millisecond)
			tr.run.Lose(tr.flow.Edges[0])
		}()
		report, err := tr.execute(t.Context())
		if err == nil || !strings.Contains(err.Error(), "the books do not balance at cut") || !strings.Contains(err.Error(), "source.out -> sink.in") {
			t.Errorf("%v", err)
		}
		if report.Took > 200*time.Millisecond {
			t.Errorf("it was noticed after %s", report.Took)
		}
	})
}
