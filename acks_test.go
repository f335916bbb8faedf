package flowrun_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/std"
)

// keepers are the functions that keep something in memory that a crash loses.
var keepers = []string{"AntiJoin", "Collect", "Connect", "Fold", "Join", "OuterJoin", "Reduce", "Scan", "SemiJoin", "Zip"}

// Behind a source that acknowledges, Check refuses what keeps something that a crash
// loses, and nothing else; and not if the source acknowledges early.
func TestBehindAcknowledgement(t *testing.T) {
	for name, build := range functions {
		for _, early := range []bool{false, true} {
			g := flowrun.New("acks", std.Nodes)
			d := &doer{}
			var opts []flowrun.Option
			if early {
				opts = append(opts, flowrun.AckEarly())
			}
			end(build(g, flowrun.ReadFrom(g, "source", steady{d}, opts...), d))
			want := 0
			if slices.Contains(keepers, name) && !early {
				want = 1
			}
			list := slices.DeleteFunc(g.Check(), func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
			if len(list) != want || want > 0 && list[0].Code != diag.LostByCrash {
				t.Errorf("%s, early %v: %v", name, early, list)
			}
		}
	}
}

// What Check says has the places of the source and of the node, and the words of a Go
// program.
func TestBehindAcknowledgementHasAPlace(t *testing.T) {
	g := flowrun.New("acks", std.Nodes)
	in := flowrun.ReadFrom(g, "in", steady{&doer{}})
	flowrun.Collect(in, "all")
	rows := flowrun.Apply(in, "rows", func(x int) small { return small{int8(x)} })
	g.Use("out", "file.write", "path: out.jsonl", rows)
	want := `
acks_test.go:#:29: in would acknowledge items that a crash can still lose: all (go.collect) keeps all items, in memory only [E207]
    # | in := flowrun.ReadFrom(g, "in", steady{&doer{}})
      |                            ^^
  all is behind in (acks_test.go:#:23)
    # | flowrun.Collect(in, "all")
      |                      ^^^
  hint: give the option AckEarly to in if they may be lost: it then acknowledges items as soon as it has given them
acks_test.go:#:29: in would acknowledge items that a crash can still lose: what out (file.write) writes is not there before the run has ended [E207]
    # | in := flowrun.ReadFrom(g, "in", steady{&doer{}})
      |                            ^^
  out is behind in (acks_test.go:#:9)
    # | g.Use("out", "file.write", "path: out.jsonl", rows)
      |        ^^^
  hint: add ` + "`append: true`" + ` to the settings of out, so that what it writes is there before it is acknowledged; or give the option AckEarly to in if items may be lost
`
	if got := "\n" + printed(t, g.Check()); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

// Before a Batch a source is acknowledged when the batch has arrived: never before, and in
// the end all of it.
func TestBatchIsAcknowledgedWhenItHasArrived(t *testing.T) {
	for _, options := range []flowrun.Options{{Workers: 3}, {Serial: true}} {
		synctest.Test(t, func(t *testing.T) {
			g := flowrun.New("acks")
			from := &acked{}
			batches := flowrun.Batch(flowrun.ReadFrom(g, "in", from), "batches", 7)
			flowrun.Each(batches, "out", func(_ context.Context, xs []int) error {
				from.mu.Lock()
				defer from.mu.Unlock()
				from.arrived = xs[len(xs)-1]
				return nil
			})
			if _, err := g.RunWith(t.Context(), options); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range from.wrong {
				t.Error(wrong)
			}
			if from.taken != ackedItems-1 || from.times < 5 {
				t.Errorf("acknowledged up to %d, in %d steps", from.taken, from.times)
			}
		})
	}
}

const ackedItems = 100

// An acked source knows what has arrived when it is acknowledged.
type acked struct {
	mu      sync.Mutex
	arrived int
	taken   int
	times   int
	wrong   []string
}

func (*acked) ReadFrom(_ context.Context, _ flowrun.Position, emit func(int, flowrun.Position) error) error {
	for i := range ackedItems {
		time.Sleep(13 * time.Millisecond)
		if err := emit(i, flowrun.Position(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

func (a *acked) Taken(after flowrun.Position) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := strconv.Atoi(string(after))
	if n > a.arrived {
		a.wrong = append(a.wrong, "acknowledged "+string(after)+" when "+strconv.Itoa(a.arrived)+" had arrived")
	}
	a.taken, a.times = n, a.times+1
	return err
}
