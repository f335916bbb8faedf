package nodes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
)

// sums folds the numbers of a letter: "a3" adds 3 to a, "a!" closes a, "a?" fails after
// it has emitted something.
func sums(closing bool) FoldFuncs[string, string, int, string] {
	f := FoldFuncs[string, string, int, string]{
		Key: func(x string) string { return x[:1] },
		Fold: func(_ context.Context, state *int, x string, emit func(string)) error {
			switch x[1:] {
			case "!":
				return fmt.Errorf("complete: %w", CloseKey)
			case "?":
				emit("nonsense")
				return errOdd
			case "panic":
				panic("odd")
			}
			*state += int(x[1] - '0')
			return nil
		},
	}
	if closing {
		f.Close = func(_ context.Context, key string, state *int, emit func(string)) error {
			emit(fmt.Sprint(key, "=", *state))
			if *state == 7 {
				return errors.New("seven")
			}
			return nil
		}
	}
	return f
}

func TestFoldKeys(t *testing.T) {
	for _, c := range []struct {
		in      string
		out     string // what is emitted for the items
		bad     string
		rest    string // what is emitted at the end, or its error
		closing bool
	}{
		{in: "a1 b2 a3", rest: "a=4 b=2", closing: true},
		{in: "a1 b2 a3"},
		{in: "a? b1", bad: "a?: odd", rest: "b=1", closing: true},
		{in: "apanic b1", bad: "apanic: panic: odd", rest: "b=1", closing: true},
		{in: "a1 a? a2", bad: "a?: odd", rest: "a=3", closing: true},
		{in: "a1 b1 c1 b! a2 c2", out: "b=1", rest: "a=3 c=3", closing: true},
		{in: "a1 b1 c1 a! c! b!", out: "a=1 c=1 b=1", closing: true},
		{in: "a1 b1 a! a2 b2", out: "a=1", rest: "b=3 a=2", closing: true},
		{in: "a!", out: "a=0", closing: true},
		{in: "a1 a! a2"},
		{in: "a7 a! a1", bad: "a!: seven", rest: "a=8", closing: true},
		{in: "a1 b7", rest: "seven", closing: true},
	} {
		op := foldValues(newEnv(), sums(c.closing))
		var out, rest notes
		if err := work(t, op, Input{Data: pooled(strings.Fields(c.in)...)}, &out); err != nil {
			t.Fatal(c.in, err)
		}
		same(t, c.in, out.ports[0], strings.Fields(c.out)...)
		if got := strings.Join(out.bad, ", "); got != c.bad {
			t.Errorf("%s: bad items %q, want %q", c.in, got, c.bad)
		}
		if err := op.End(t.Context(), EndedEdge{Last: true}, &rest); err != nil {
			rest.ports[0] = []string{err.Error()}
		}
		same(t, c.in, rest.ports[0], strings.Fields(c.rest)...)
	}
}

// Keys that were closed leave nothing behind.
func TestClosedKeysAreForgotten(t *testing.T) {
	s := &states[int, int, int, int]{byKey: map[int]*state[int, int]{}, FoldFuncs: FoldFuncs[int, int, int, int]{
		Key: func(x int) int { return x / 2 },
		Fold: func(_ context.Context, _ *int, x int, _ func(int)) error {
			if x%2 == 1 {
				return CloseKey
			}
			return nil
		},
	}}
	for x := range 1000 {
		if err := s.item(t.Context(), x, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.byKey) > 0 || s.first != nil || s.last != nil {
		t.Errorf("%d keys are left", len(s.byKey))
	}
}

// No key begins to close once the run is over.
func TestFoldIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	over, closed := errors.New("over"), 0
	f := sums(true)
	f.Close = func(context.Context, string, *int, func(string)) error { closed++; cancel(over); return nil }
	op := foldValues(newEnv(), f)
	var out notes
	if err := work(t, op, Input{Data: pooled("a1", "b1", "c1")}, &out); err != nil {
		t.Fatal(err)
	}
	if err := op.End(ctx, EndedEdge{Last: true}, &out); err != over || closed != 1 {
		t.Errorf("%d keys were closed: %v", closed, err)
	}
	n := 0
	op2 := SerialValues(newEnv(), func(context.Context, int, func(int)) error { n++; return nil }, nil)
	if err := op2.Process(ctx, Input{Data: pooled(1, 2, 3)}, &out); err != over || n != 1 {
		t.Errorf("%d items were worked on: %v", n, err)
	}
}

func TestConnect(t *testing.T) {
	last := "none"
	op := ConnectValues(newEnv(), ConnectFuncs[int, string, string]{
		Left:  func(_ context.Context, x int, emit func(string)) error { emit(fmt.Sprint(x, last)); return nil },
		Right: func(_ context.Context, x string, emit func(string)) error { last = x; return nil },
		End:   func(_ context.Context, emit func(string) error) error { return emit("end") },
	})
	var out notes
	steps := []func() error{
		func() error { return work(t, op, Input{Data: pooled(1)}, &out) },
		func() error { return work(t, op, Input{Port: 1, Data: pooled("a", "b")}, &out) },
		func() error { return op.(Ender).End(t.Context(), EndedEdge{Port: 1, Last: true}, &out) },
		func() error { return work(t, op, Input{Data: pooled(2, 3)}, &out) },
		func() error { return op.(Ender).End(t.Context(), EndedEdge{Last: true}, &out) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "out", out.ports[0], "1none", "2b", "3b", "end")
}

// A zip wants a side that has nothing left, and ends with the side that ends first.
func TestZip(t *testing.T) {
	before := record.Live()
	op := ZipValues(newEnv(), func(a int, b string) string {
		if a == 2 {
			panic("two")
		}
		return fmt.Sprint(a, b)
	}).(*zipOp[int, string, string])
	var out notes
	wants := func(left, right bool) {
		t.Helper()
		if op.Wants(0, 0) != left || op.Wants(1, 0) != right {
			t.Errorf("it wants %v %v", op.Wants(0, 0), op.Wants(1, 0))
		}
	}
	wants(true, true)
	step := func(err, want error) {
		t.Helper()
		if err != want {
			t.Fatal(err)
		}
	}
	step(work(t, op, Input{Data: pooled(1, 2, 3)}, &out), nil)
	wants(false, true)
	step(work(t, op, Input{Port: 1, Data: pooled("a", "b")}, &out), nil)
	wants(false, true)
	step(op.End(t.Context(), EndedEdge{Last: true}, &out), nil)
	wants(false, true)
	step(work(t, op, Input{Port: 1, Data: pooled("c", "d")}, &out), ErrDone)
	same(t, "out", out.ports[0], "1a", "3c")
	same(t, "bad", out.bad, "2: panic: two")
	if err := op.Close(); err != nil || record.Live() != before {
		t.Error(err, record.Live()-before)
	}
}
