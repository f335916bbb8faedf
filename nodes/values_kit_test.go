package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// newEnv is what an operator gets whose node has no settings.
func newEnv() *Env {
	return &Env{Node: &graph.Node{ID: "n", Engine: graph.Engine{Retry: graph.Retry{Attempts: 1}}}}
}

// notes is an Out that keeps what it is given, as text.
type notes struct {
	ports    [3][]string
	bad      []string
	filtered int
	last     any // what was emitted last
}

func (n *notes) Emit(port int, d record.Data) error {
	defer d.Release()
	n.last = d
	items := d.(record.GoItems)
	for i := range items.Len() {
		n.ports[port] = append(n.ports[port], fmt.Sprint(items.At(i)))
	}
	return nil
}

func (n *notes) Bad(item BadItem) error {
	n.bad = append(n.bad, fmt.Sprintf("%v: %v", item.Data.(record.GoItems).At(item.Row), item.Err))
	return nil
}

func (n *notes) Filtered(k int) { n.filtered += k }

// pooled makes items that nobody else has, as a node before would.
func pooled[T any](xs ...T) *record.Items[T] {
	items := new(record.Pool[T]).Get(len(xs))
	items.V = append(items.V, xs...)
	return items
}

// work calls a worker, or an operator that has none, as the engine does.
func work(t *testing.T, op any, in Input, out Out) error {
	t.Helper()
	defer in.Data.Release()
	if p, ok := op.(Parallel); ok {
		w, err := p.NewWorker(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		op = w
	}
	if w, ok := op.(Worker); ok {
		_, err := w.Work(t.Context(), in, out)
		return err
	}
	return op.(Operator).Process(t.Context(), in, out)
}

// A cut interrupts a call before an item and leaves it so many items: the others are the
// rest.
type cut struct {
	flag   atomic.Bool
	data   record.Data // may be nil
	before int
	upTo   int
	err    error
	asked  []int
	rest   record.Data
}

func (c *cut) Yield(done int) (int, error) {
	c.asked = append(c.asked, done)
	c.flag.Store(false)
	if c.data != nil {
		c.rest = c.data.Slice(c.upTo, c.data.Len())
	}
	return c.upTo, c.err
}

// seen is called by the function of an item, with its number.
func (c *cut) seen(i int) {
	if i == c.before-1 {
		c.flag.Store(true)
	}
}

// pull calls Next until it gives an error.
func pull(t *testing.T, op any, ctx context.Context, next func(context.Context) (any, Position, error)) (out notes, positions []string, err error) {
	t.Helper()
	for {
		task, after, err := next(ctx)
		if err != nil {
			return out, positions, err
		}
		positions = append(positions, string(after))
		if err := op.(Operator).Process(t.Context(), Input{Made: task}, &out); err != nil {
			t.Fatal(err)
		}
	}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

var errOdd = errors.New("odd")

func ended(err error) bool { return errors.Is(err, io.EOF) }

var intType = types.Int

// lines is notes for bad items that are rows of records: it notes their numbers.
type lines struct{ notes }

func (l *lines) Bad(item BadItem) error {
	l.bad = append(l.bad, fmt.Sprintf("%d: %v", item.Row, item.Err))
	return nil
}

// TestMain makes memory unreadable once it was released, and counts what is not.
func TestMain(m *testing.M) {
	record.Poison(true)
	os.Exit(m.Run())
}
