package nodes

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
)

// adapters are those that work on one item at a time. f is told each item; what it
// returns is the error of the item.
var adapters = map[string]func(env *Env, f func(x int) error) any{
	"map": func(env *Env, f func(int) error) any {
		return MapValues(env, func(_ context.Context, x int) (int, error) { return x, f(x) })
	},
	"map to another type": func(env *Env, f func(int) error) any {
		return MapValues(env, func(_ context.Context, x int) (string, error) { return fmt.Sprint(x), f(x) })
	},
	"filter": func(env *Env, f func(int) error) any {
		return FilterValues(env, func(x int) bool {
			if err := f(x); err != nil {
				panic(err)
			}
			return true
		})
	},
	"expand": func(env *Env, f func(int) error) any {
		return ExpandValues(env, func(_ context.Context, x int, emit func(int)) error { emit(x); return f(x) })
	},
	"fork": func(env *Env, f func(int) error) any {
		return ForkValues(env, func(_ context.Context, x int, first func(int), second func(string)) error {
			first(x)
			second(fmt.Sprint(x))
			return f(x)
		})
	},
	"each": func(env *Env, f func(int) error) any {
		return EachValue(env, func(_ context.Context, x int) error { return f(x) })
	},
	"serial": func(env *Env, f func(int) error) any {
		return SerialValues(env, func(_ context.Context, x int, emit func(int)) error { emit(x); return f(x) }, nil)
	},
	"fold": func(env *Env, f func(int) error) any {
		return FoldValues(env, FoldFuncs[int, int, int, int]{
			Key:  func(x int) int { return x },
			Fold: func(_ context.Context, _ *int, x int, emit func(int)) error { emit(x); return f(x) },
		})
	},
	"connect": func(env *Env, f func(int) error) any {
		side := func(_ context.Context, x int, emit func(int)) error { emit(x); return f(x) }
		return ConnectValues(env, ConnectFuncs[int, int, int]{Left: side, Right: side})
	},
	"join": func(env *Env, f func(int) error) any {
		return JoinValues(env, JoinFuncs[int, int, int, int]{
			LeftKey: func(x int) int { return x },
			Mode:    LeftJoin,
			Pair: func(x *int, _ *int) int {
				if err := f(*x); err != nil {
					panic(err)
				}
				return *x
			},
		})
	},
}

// An item that fails is reported, leaves nothing behind and takes nobody along.
func TestFailedItems(t *testing.T) {
	for name, adapter := range adapters {
		t.Run(name, func(t *testing.T) {
			var out notes
			op := adapter(newEnv(), func(x int) error {
				if x%2 == 1 {
					return errOdd
				}
				return nil
			})
			if err := work(t, op, Input{Data: pooled(1, 2, 3, 4, 5)}, &out); err != nil {
				t.Fatal(err)
			}
			if name != "each" {
				same(t, "out", out.ports[0], "2", "4")
			}
			if len(out.bad) != 3 || out.bad[1] != "3: odd" && out.bad[1] != "3: panic: odd" {
				t.Error(out.bad)
			}
		})
	}
}

// A call that is interrupted does so many items as it is told: the others belong to
// somebody else, who may be reading them in the same memory.
func TestYield(t *testing.T) {
	for name, adapter := range adapters {
		for _, tries := range []int{1, 2} {
			t.Run(fmt.Sprint(name, tries), func(t *testing.T) {
				env, done := newEnv(), 0
				env.Node.Engine.Retry.Attempts = tries
				data := pooled(1, 2, 3, 4, 5, 6)
				c := &cut{before: 2, upTo: 4, data: data}
				op := adapter(env, func(x int) error { c.seen(done); done++; return nil })
				var out notes
				if err := work(t, op, NewInput(Input{Data: data}, &c.flag, c), &out); err != nil {
					t.Fatal(err)
				}
				if done != 4 || fmt.Sprint(c.asked) != "[2]" {
					t.Errorf("%d items are done; it yielded at %v", done, c.asked)
				}
				if name != "each" {
					same(t, "out", out.ports[0], "1", "2", "3", "4")
				}
				if got := fmt.Sprint(c.rest.(*record.Items[int]).V); got != "[5 6]" {
					t.Errorf("the items that were given away are %s", got)
				}
				c.rest.Release()
			})
		}
	}
}

// No item begins once Yield says that the run is over.
func TestYieldEnds(t *testing.T) {
	over := errors.New("over")
	for name, adapter := range adapters {
		done := 0
		c := &cut{before: 2, upTo: 6, err: over}
		op := adapter(newEnv(), func(int) error { c.seen(done); done++; return nil })
		var out notes
		if err := work(t, op, NewInput(Input{Data: pooled(1, 2, 3)}, &c.flag, c), &out); err != over || done != 2 {
			t.Errorf("%s: %v after %d items", name, err, done)
		}
	}
}

// The memory of items is used again only by whoever has them alone.
func TestMemory(t *testing.T) {
	neg := func(_ context.Context, x int) (int, error) { return -x, nil }
	for _, c := range []struct {
		name  string
		env   *Env
		held  int
		again bool
	}{
		{"alone", newEnv(), 0, true},
		{"shared", newEnv(), 1, false},
		{"with dead letters", &Env{Node: newEnv().Node, DeadLetters: func([]BadItem) record.Data { return nil }}, 0, false},
	} {
		data := pooled(1, 2, 3)
		for range c.held {
			data.Retain()
		}
		var out notes
		if err := work(t, MapValues(c.env, neg), Input{Data: data}, &out); err != nil {
			t.Fatal(err)
		}
		same(t, c.name, out.ports[0], "-1", "-2", "-3")
		if again := out.last == any(data); again != c.again {
			t.Errorf("%s: the memory is used again: %v", c.name, again)
		}
	}
}

// Records that do not fit are bad items; those that do keep their order, and the call
// keeps them all.
func TestRecordsThatDoNotFit(t *testing.T) {
	b := pooled(1, 300, 2, 400, 3).ToBatch(intType, nil)
	c := &cut{before: 1, upTo: 1}
	var out lines
	op := MapValues(newEnv(), func(_ context.Context, x int8) (int8, error) { c.seen(0); return x, nil })
	if err := work(t, op, NewInput(Input{Data: b}, &c.flag, c), &out); err != nil {
		t.Fatal(err)
	}
	same(t, "out", out.ports[0], "1", "2", "3")
	same(t, "bad", out.bad, "1: 300 does not fit int8", "3: 400 does not fit int8")
}

func TestSplitAndCount(t *testing.T) {
	var out notes
	op := FilterValues(newEnv(), func(x any) bool { return x != nil })
	if err := work(t, op, Input{Data: pooled[any](nil, 1, nil, "a")}, &out); err != nil || out.filtered != 2 {
		t.Error(err, out.filtered)
	}
	same(t, "not nil", out.ports[0], "1", "a")
}
