package nodetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/nodes/std"
)

const counting = "flow: f\nnodes:\n  in: {use: generate, with: {set: {n: n}}}\n  out: {use: seen, in: in}\n"

// TestSeen has a sink that stops a run, one that ends it, and one that is looked at meanwhile.
func TestSeen(t *testing.T) {
	kit := New(std.Nodes)
	all := &Seen{}
	r := all.RunUntil(t, kit, counting, 100)
	if got := all.Lines(); r.Err != nil && !errors.Is(r.Err, ErrStopped) || len(got) < 100 || !slices.Equal(got, Numbers(0, len(got))) {
		t.Errorf("%d lines: %s", len(got), r.Told())
	}
	enough := errors.New("enough")
	few := &Seen{On: func(n int) error {
		if n == 5 {
			return enough
		}
		return nil
	}}
	if r := few.RunUntil(t, kit, counting, -1); !errors.Is(r.Err, enough) || !slices.Equal(few.Lines(), Numbers(0, 5)) {
		t.Errorf("%q: %s", few.Lines(), r.Told())
	}
	some, came := &Seen{}, make(chan struct{}, 1)
	some.On = func(n int) error {
		if n == 10 {
			came <- struct{}{}
		}
		return nil
	}
	stop, ended := some.In(kit).Start(t, counting, Setup{})
	<-came
	if len(some.Lines()) < 10 {
		t.Errorf("%d lines", len(some.Lines()))
	}
	stop()
	if r := <-ended; r.Err != nil && !errors.Is(r.Err, ErrStopped) {
		t.Error(r.Told())
	}
}

func TestMissing(t *testing.T) {
	lines := []string{`{"n":3}`, `{"n":0}`, `{"n":3}`, `{"n":1}`, `{"n":3}`, `{"n":9}`}
	if missing, twice := Missing(lines, 5); !slices.Equal(missing, []string{`{"n":2}`, `{"n":4}`}) || twice != 2 {
		t.Errorf("missing %s, %d twice", missing, twice)
	}
}
