package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// all reads a tap to its end.
func all(t *testing.T, tap *scheduler.Tap) (got []scheduler.Sample) {
	t.Helper()
	for {
		s, err := tap.Next(context.Background())
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
}

func open(t *testing.T, tr *trial, from, to string, o scheduler.TapOptions) *scheduler.Tap {
	t.Helper()
	tap, err := tr.run.TapBetween(from, to, o)
	if err != nil {
		t.Fatal(err)
	}
	return tap
}

// A tap shows items of either form, in the order of the edge, ten a second at most,
// and ends with the edge. The flow gives what it gives without one.
func TestTap(t *testing.T) {
	for name, source := range map[string]string{"values": "emit, with: {every: 10ms, count: 1000}", "records": "many"} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf("\n  source: {use: %s}\n  sink:   {use: collect, in: source}\n", source), scheduler.Options{Serial: serial}, many)
				var got []scheduler.Sample
				tap := open(t, tr, "source.out", "sink.in", scheduler.TapOptions{})
				done := make(chan struct{})
				go func() { defer close(done); got = all(t, tap) }()
				tr.succeed()
				<-done
				tap.Close()
				if n := len(tr.store.numbers("sink")); n != 1000 {
					t.Errorf("%s, serial %v: %d items arrived", name, serial, n)
				}
				if len(got) < 100 || len(got) > 111 { // ten at once, and then 10 s
					t.Errorf("%s, serial %v: %d samples", name, serial, len(got))
				}
				for i, s := range got {
					var x struct {
						N   int64
						Key string
					}
					if err := json.Unmarshal([]byte(s.Item), &x); err != nil || s.Passed != x.N+1 || s.Lost != 0 || s.Cut || x.Key != string(rune('a'+x.N%3)) {
						t.Errorf("%s, serial %v: sample %d is %+v: %v", name, serial, i, s, err)
					}
					if i > 0 && !s.Time.After(got[i-1].Time) && s.Passed <= got[i-1].Passed {
						t.Errorf("%s, serial %v: sample %d comes before the one before it", name, serial, i)
					}
				}
			})
		}
	}
}

// many gives a thousand records in ten batches, one a second.
var many = kind("many", func(*opKind, *nodes.Env) *op {
	return &op{next: numbering(10), process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
		time.Sleep(time.Second)
		from := 100 * in.Made.(int)
		return out.Emit(0, batchOf(numbered(from, from+100)...))
	}}
})

// A reader that does not read costs the flow nothing, and is told what it lost. It
// keeps what it was given, even when the flow has ended.
func TestSlowTap(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, "\n  source: {use: emit, with: {every: 10ms, count: 1000}}\n  sink:   {use: keep, in: source}\n", scheduler.Options{})
		tap := open(t, tr, "source.out", "sink.in", scheduler.TapOptions{PerSecond: 20})
		if report := tr.succeed(); report.Took != 10*time.Second {
			t.Errorf("with a tap it took %s", report.Took)
		}
		got := all(t, tap)
		if len(got) != 32 || got[31].Lost < 180 || got[31].Lost > 192 {
			t.Errorf("%d samples, %d lost", len(got), got[len(got)-1].Lost)
		}
		unread := open(t, tr, "source.out", "sink.in", scheduler.TapOptions{})
		if got := all(t, unread); len(got) != 0 {
			t.Errorf("an edge that has ended gives %d samples", len(got))
		}
	})
}

// Taps are few, opened and closed at any time, and each has its own pace.
func TestTapsComeAndGo(t *testing.T) {
	virtual(t, func(t *testing.T) {
		tr := try(t, "\n  source: {use: emit, with: {every: 1ms}}\n  sink:   {use: keep, in: source}\n", scheduler.Options{})
		over := make(chan struct{})
		go func() { defer close(over); tr.execute(context.Background()) }()
		var taps []*scheduler.Tap
		for i := range 8 {
			tap, err := tr.run.Tap(0, scheduler.TapOptions{PerSecond: 1 + i})
			if err != nil {
				t.Fatal(err)
			}
			taps = append(taps, tap)
		}
		if _, err := tr.run.Tap(0, scheduler.TapOptions{}); err == nil || !strings.Contains(err.Error(), "close one of them first") {
			t.Errorf("a ninth tap: %v", err)
		}
		time.Sleep(3500 * time.Millisecond)
		taps[7].Close()
		taps[7].Close()
		if _, err := taps[7].Next(t.Context()); err != io.EOF {
			t.Errorf("a tap that was closed gives %v", err)
		}
		for i, tap := range taps[:7] {
			n := 0
			for ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond); ; n++ {
				if _, err := tap.Next(ctx); errors.Is(err, context.DeadlineExceeded) {
					cancel()
					break
				}
			}
			if want := (1 + i) * 9 / 2; n < want-1 || n > want+1 {
				t.Errorf("%d a second: %d samples in 3.5 s, want %d", 1+i, n, want)
			}
		}
		again, err := tr.run.Tap(0, scheduler.TapOptions{})
		if err != nil {
			t.Error(err)
		}
		tr.run.Stop()
		<-over
		again.Close()
		for _, tap := range taps {
			tap.Close()
		}
	})
}

func TestTapsThatCannotBe(t *testing.T) {
	tr := try(t, "\n  source: {use: emit, with: {count: 1}}\n  sink:   {use: keep, in: source}\n", scheduler.Options{})
	for _, edge := range []int{-1, 1} {
		if _, err := tr.run.Tap(edge, scheduler.TapOptions{}); err == nil {
			t.Errorf("there is a tap on edge %d", edge)
		}
	}
	for _, rate := range []int{-1, 101} {
		if _, err := tr.run.Tap(0, scheduler.TapOptions{PerSecond: rate}); err == nil || !strings.Contains(err.Error(), "want 1 to 100") {
			t.Errorf("%d a second: %v", rate, err)
		}
	}
	if _, err := tr.run.TapBetween("sink.out", "source.in", scheduler.TapOptions{}); err == nil {
		t.Error("there is a tap on an edge that the flow does not have")
	}
}

// A run that fails, before it begins or in its middle, ends its taps.
func TestTapOfARunThatFails(t *testing.T) {
	broken := kind("broken", func(*opKind, *nodes.Env) *op { return &op{open: func() error { return errBad }} }, portIn)
	for _, sink := range []string{"broken", "keep, with: {fail: [3]}"} {
		for _, serial := range []bool{false, true} {
			virtual(t, func(t *testing.T) {
				tr := try(t, "\n  source: {use: emit, with: {every: 1s}}\n  sink:   {in: source, use: "+sink+"}\n", scheduler.Options{Serial: serial}, broken)
				tap := open(t, tr, "source.out", "sink.in", scheduler.TapOptions{})
				if _, err := tr.execute(t.Context()); !errors.Is(err, errBad) {
					t.Errorf("%s: %v", sink, err)
				}
				all(t, tap)
				synctest.Wait()
			})
		}
	}
}
