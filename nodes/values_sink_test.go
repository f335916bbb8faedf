package nodes

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// plainSink writes; the others are more.
type plainSink struct {
	said   []string
	closed int
}

func (s *plainSink) Write(_ context.Context, in []int) error {
	s.said = append(s.said, fmt.Sprint(in))
	switch in[0] {
	case 0:
		return ErrDone
	case 1:
		return errOdd
	}
	return nil
}

func (s *plainSink) Close() error { s.closed++; return nil }

type flushSink struct{ plainSink }

func (s *flushSink) Flush(context.Context) error { s.said = append(s.said, "flush"); return nil }

type manySink struct{ flushSink }

func (s *manySink) MaxInFlight() int { return 3 }

func TestSinks(t *testing.T) {
	decls := map[string]Decl{
		"plain": Write("plain", "Writes.", &plainSink{}),
		"flush": Write("flush", "Writes.", &flushSink{}),
		"many":  Write("many", "Writes.", &manySink{}),
	}
	for name, d := range decls {
		settings := d.New()
		op, err := d.Operator(settings, newEnv())
		if err != nil {
			t.Fatal(err)
		}
		parts, err := PartsOf(op)
		if err != nil {
			t.Fatal(err)
		}
		if many := parts.InFlighter != nil; many != (name == "many") || many != (parts.Parallel != nil) || many == (d.Spec.Workers != 0) {
			t.Errorf("%s: %T with workers %v", name, op, d.Spec.Workers)
		}
		var out notes
		if err := work(t, op, Input{Data: pooled(2, 3)}, &out); err != nil {
			t.Error(err)
		}
		if err := work(t, op, Input{Data: pooled(1, 5)}, &out); err != nil {
			t.Error(err)
		}
		same(t, name, out.bad, "1: odd", "5: odd")
		if err := work(t, op, Input{Data: pooled(0)}, &out); !errors.Is(err, ErrDone) {
			t.Error(err)
		}
		if err := parts.Flusher.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if err := parts.Closer.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Each worker of a parallel shape has its own copy, which is opened before and closed
// when the worker leaves.
type perCopy struct {
	Log *[]string `yaml:"-"`
	n   int
}

func (p *perCopy) Open(context.Context, *Env) error { *p.Log = append(*p.Log, "open"); return nil }
func (p *perCopy) Close() error                     { *p.Log = append(*p.Log, fmt.Sprint("close ", p.n)); return nil }

func (p *perCopy) Split(_ context.Context, in int, first func(int), second func(string)) error {
	p.n++
	if in == 3 {
		second("lost")
		return errOdd
	}
	first(in)
	second(fmt.Sprint(in, in))
	return nil
}

func TestCopiesOfWorkers(t *testing.T) {
	var log []string
	d := Split("split", "Splits.", &perCopy{Log: &log})
	if d.err != nil || len(d.Spec.Out) != 2 || d.Spec.Out[1].Name != "second" {
		t.Fatal(d.err, d.Spec.Out)
	}
	op, err := d.Operator(d.New(), newEnv())
	if err != nil {
		t.Fatal(err)
	}
	var out notes
	for k := range 2 {
		w, err := op.(Parallel).NewWorker(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range k + 1 {
			if _, err := w.Work(t.Context(), Input{Data: pooled(k, 3)}, &out); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.(Closer).Close(); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "log", log, "open", "close 2", "open", "close 4")
	same(t, "first", out.ports[0], "0", "1", "1")
	same(t, "second", out.ports[1], "0 0", "1 1", "1 1")
	same(t, "bad", out.bad, "3: odd", "3: odd", "3: odd")
}
