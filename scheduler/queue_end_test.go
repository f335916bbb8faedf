package scheduler

import (
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/scheduler/queue"
	"github.com/flowrun/flowrun/scheduler/tap"
)

// loneEdge gives an edge with a contract that nobody but the test uses.
func loneEdge(t *testing.T, change func(*graph.Contract)) *edge {
	t.Helper()
	contract := graph.DefaultContract()
	change(&contract)
	life := &lifetime{ctx: t.Context(), sources: t.Context()}
	e := newEdge(life, &graph.Edge{Contract: contract}, nil, t.TempDir(), &tap.Set{})
	e.bell = newBell()
	t.Cleanup(e.queue.Close)
	return e
}

// contracts make edges of every queue.
var contracts = map[string]func(*graph.Contract){
	"channel": func(*graph.Contract) {},
	"spill":   func(c *graph.Contract) { c.OnFull = "spill" },
	"list":    func(c *graph.Contract) { c.OnFull = "drop_oldest" },
	"heap":    func(c *graph.Contract) { c.DelayFor = 1 },
}

// A reader that found an edge empty just before it ended must see the end: it says
// that it sleeps, looks once more, and only then waits.
func TestEndOfAnEmptyEdgeIsSeen(t *testing.T) {
	for name, change := range contracts {
		e := loneEdge(t, change)
		bell := e.bell
		if _, what, err := e.take(1); what != foundNothing || err != nil {
			t.Fatalf("%s: an empty edge gives something, or has ended: %v, %v", name, what, err)
		}
		e.end() // nobody sleeps yet, so no bell rings
		bell.asleep.Store(true)
		if _, what, err := e.take(1); what != foundEnd || err != nil {
			t.Errorf("%s: the end is not seen: %v, %v", name, what, err)
		}
	}
}

// One that sleeps already is woken by the end, and by what comes.
func TestSleepingReaderIsWoken(t *testing.T) {
	for name, change := range contracts {
		for _, ends := range []bool{false, true} {
			e := loneEdge(t, change)
			e.bell.asleep.Store(true)
			if ends {
				e.end()
			} else {
				e.send(t.Context(), oneItem(), nil)
			}
			select {
			case <-e.bell.c:
			default:
				t.Errorf("%s, at the end %v: nobody rings", name, ends)
			}
		}
	}
}

// What was sent before the end is taken before it.
func TestEndComesAfterItems(t *testing.T) {
	for name, change := range contracts {
		e := loneEdge(t, change)
		for range 2 {
			if err := e.send(t.Context(), oneItem(), nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		e.end()
		for i := range 2 {
			env, what, err := e.take(1)
			if what != foundItems || err != nil {
				t.Fatalf("%s: item %d: %v, %v", name, i, what, err)
			}
			env.Data.Release()
		}
		if _, what, err := e.take(1); what != foundEnd || err != nil {
			t.Errorf("%s: after the last item: %v, %v", name, what, err)
		}
	}
}

// oneItem is an envelope that any queue takes, and gives at once.
func oneItem() queue.Envelope {
	b := record.New(types.Record(types.Field{Name: "n", Type: types.Int}))
	b.Rows = 1
	b.Cols[0].Resize(1)
	return queue.Envelope{Data: b, Items: 1, Bytes: 8, Order: &[]queue.Rank{{}}}
}
