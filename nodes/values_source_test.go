package nodes

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// counting emits numbers until it is refused or has emitted n of them, 0: for ever.
func counting(n int) func(context.Context, func(int) error) error {
	return func(_ context.Context, emit func(int) error) error {
		for i := 0; n == 0 || i < n; i++ {
			if err := emit(i); err != nil {
				return err
			}
		}
		return nil
	}
}

func numbers(n int) (s []string) {
	for i := range n {
		s = append(s, fmt.Sprint(i))
	}
	return s
}

// What was emitted comes before the end, an error or a panic.
func TestSourceEnds(t *testing.T) {
	wrong := errors.New("wrong")
	for name, last := range map[string]func() error{
		"":             func() error { return nil },
		"wrong":        func() error { return wrong },
		"panic: wrong": func() error { panic(wrong) },
	} {
		op := sourceValues(newEnv(), func(ctx context.Context, emit func(int) error) error {
			if err := counting(3000)(ctx, emit); err != nil {
				return err
			}
			return last()
		}, lifetime{})
		out, _, err := pull(t, op, t.Context(), op.Next)
		same(t, name, out.ports[0], numbers(3000)...)
		if name == "" && !ended(err) || name != "" && err.Error() != name {
			t.Errorf("%q: %v", name, err)
		}
		if err := op.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A source that is stopped gives what it has taken, and nothing that it emits later.
func TestSourceStops(t *testing.T) {
	for _, tasks := range []int{0, 1, 5} {
		taken := 0
		op := sourceValues(newEnv(), func(ctx context.Context, emit func(int) error) error {
			for {
				if err := emit(taken); err != nil {
					if !errors.Is(err, context.Canceled) || ctx.Err() == nil {
						t.Errorf("emit gives %v", err)
					}
					return err
				}
				taken++
			}
		}, lifetime{})
		ctx, stop := context.WithCancel(t.Context())
		var out notes
		for range tasks {
			task, _, err := op.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := op.Process(ctx, Input{Made: task}, &out); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if _, _, err := op.Next(ctx); err == nil {
			t.Error("it goes on after a stop")
		}
		rest, _, err := pull(t, op, t.Context(), op.Drain)
		if !ended(err) {
			t.Error(err)
		}
		if err := op.Close(); err != nil {
			t.Error(err)
		}
		same(t, "out", append(out.ports[0], rest.ports[0]...), numbers(taken)...)
	}
}

// A source that nobody asks any more is ended by Close, wherever it waits.
func TestSourceCloses(t *testing.T) {
	before := record.Live()
	for name, read := range map[string]func(context.Context, func(int) error) error{
		"in emit": counting(0),
		"itself":  func(ctx context.Context, emit func(int) error) error { emit(1); <-ctx.Done(); return ctx.Err() },
	} {
		synctest.Test(t, func(t *testing.T) {
			op := sourceValues(newEnv(), read, lifetime{})
			task, _, err := op.Next(t.Context())
			if err != nil {
				t.Fatal(name, err)
			}
			task.(record.Data).Release()
			synctest.Wait()
			if err := op.Close(); err != nil {
				t.Error(name, err)
			}
		})
	}
	if live := record.Live() - before; live != 0 {
		t.Errorf("%d batches are left", live)
	}
}

// What a slow source emitted is there after a millisecond, however little it is.
func TestSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := sourceValues(newEnv(), func(_ context.Context, emit func(time.Time) error) error {
			for range 5 {
				time.Sleep(time.Second)
				if err := emit(time.Now()); err != nil {
					return err
				}
			}
			return nil
		}, lifetime{})
		defer op.Close()
		for range 5 {
			task, _, err := op.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if late := time.Since(task.(*record.Items[time.Time]).V[0]); late > idleFlush {
				t.Errorf("an item came %v late", late)
			}
		}
		if _, _, err := op.Next(t.Context()); !ended(err) {
			t.Error(err)
		}
	})
}

// A source asks before each item whether it may take it, and waits if the run is paused.
func TestSourceAwaits(t *testing.T) {
	for _, paused := range []bool{true, false} {
		env, asked, want := newEnv(), 0, 0
		env.Await, env.Paused = func(context.Context) { asked++ }, new(atomic.Bool)
		if env.Paused.Store(paused); paused {
			want = 7
		}
		op := sourceValues(env, counting(7), lifetime{})
		if _, _, err := pull(t, op, t.Context(), op.Next); !ended(err) || asked != want {
			t.Errorf("paused %v: it waited %d times, want %d: %v", paused, asked, want, err)
		}
		if err := op.Close(); err != nil {
			t.Error(err)
		}
	}
}

// rows is a source of transactions of ten rows: only between these it knows where it is.
type rows struct {
	n     int
	taken []string
}

func (r *rows) ReadFrom(_ context.Context, after Position, emit func(int, Position) error) error {
	begin := 0
	if after != nil {
		fmt.Sscan(string(after), &begin)
	}
	for i := begin; i < r.n; i++ {
		var after Position
		if i%10 == 9 {
			after = fmt.Append(nil, i+1)
		}
		if err := emit(i, after); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) Taken(after Position) error {
	r.taken = append(r.taken, string(after))
	return nil
}

// A source that has positions goes on after one of them, and batches end at them.
func TestResumableSource(t *testing.T) {
	r := &rows{n: 3005}
	op := ResumableOperator(newEnv(), ResumableSource[int](r))
	out, positions, err := pull(t, op, t.Context(), op.(Puller).Next)
	same(t, "out", out.ports[0], numbers(3005)...)
	if !ended(err) || len(positions) < 3 {
		t.Error(positions, err)
	}
	op.(Closer).Close()
	for _, after := range positions {
		if after == "" {
			continue
		}
		again := ResumableOperator(newEnv(), ResumableSource[int](r))
		if err := again.(Seeker).Seek(t.Context(), Position(after)); err != nil {
			t.Fatal(err)
		}
		out, _, _ := pull(t, again, t.Context(), again.(Puller).Next)
		again.(Closer).Close()
		var at int
		fmt.Sscan(after, &at)
		same(t, "after "+after, out.ports[0], numbers(3005)[at:]...)
	}
	if err := op.(Acknowledger).Taken(Position("20")); err != nil || fmt.Sprint(r.taken) != "[20]" {
		t.Error(err, r.taken)
	}
}

func TestSliceSeek(t *testing.T) {
	items := make([]int, 2500)
	for i := range items {
		items[i] = i
	}
	for after, want := range map[string]int{"0": 2500, "1024": 1476, "2500": 0, "2501": -1, "-1": -1, "x": -1} {
		op := SliceValues(items)
		err := op.(Seeker).Seek(t.Context(), Position(after))
		if (err != nil) != (want < 0) {
			t.Errorf("%s: %v", after, err)
		}
		if want < 0 {
			continue
		}
		out, positions, _ := pull(t, op, t.Context(), op.(Puller).Next)
		same(t, after, out.ports[0], numbers(2500)[2500-want:]...)
		if want > 0 && positions[len(positions)-1] != "2500" {
			t.Error(positions)
		}
	}
}

func TestSubmittedValues(t *testing.T) {
	ch := make(chan int, 10)
	over := 0
	op := SubmittedValues(func() (<-chan int, func()) {
		return ch, func() {
			if over++; over == 1 {
				close(ch)
			}
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	if err := op.(Starter).Open(ctx); err != nil {
		t.Fatal(err)
	}
	ch <- 0
	if task, _, err := op.(Puller).Next(ctx); err != nil || task.(record.Data).Len() != 1 {
		t.Fatal(err)
	}
	stop()
	ch <- 1
	ch <- 2
	out, _, err := pull(t, op, t.Context(), op.(Drainer).Drain)
	same(t, "drained", out.ports[0], "1", "2")
	if !ended(err) {
		t.Error(err)
	}
	if err := op.(Closer).Close(); err != nil || over == 0 {
		t.Error(err, over)
	}
}
