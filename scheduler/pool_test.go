package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// turning is a Mapper that is fast up to an item and slow from there on.
type turning struct {
	From int64         `yaml:"from" doc:"The first slow item."`
	Wait time.Duration `yaml:"wait" doc:"How long a slow item takes."`
}

func (k *turning) Map(_ context.Context, x item) (item, error) {
	if x.N >= k.From {
		time.Sleep(k.Wait)
	}
	return x, nil
}

// Workers share what is slow, also when it comes behind what was fast and was taken in
// one piece because of that: 320 items of 10ms take 16 workers little more than 200ms, where
// a worker that kept its piece would take 3.2s. Who looks for work first at one moment is up
// to the machine: three rounds more than 20 come in one run of three hundred, and never four.
func TestNobodyIsIdleBesideSlowItems(t *testing.T) {
	for _, order := range []string{"strict", "none"} {
		for _, from := range []int{1000, 1023, 0, 100} {
			virtual(t, func(t *testing.T) {
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: %d}}
  work:   {use: turning, in: source, workers: 16, order: %s, with: {from: %d, wait: 10ms}}
  sink:   {use: keep, in: work}
`, from+320, order, from), scheduler.Options{}, nodes.Map("turning", "Turns slow.", &turning{}))
				start := time.Now()
				report := tr.succeed()
				if took, most := time.Since(start), 200*time.Millisecond*120/100; took > most {
					t.Errorf("order %s, slow from %d on: it took %s, want at most %s", order, from, took, most)
				}
				got := tr.store.numbers("sink")
				if order == "none" {
					slices.Sort(got)
				}
				equal(t, "the sink", got, upTo(from+320))
				if n := node(t, report, "work"); n.In != int64(from+320) || n.Used != n.In {
					t.Errorf("in %d, used %d", n.In, n.Used)
				}
			})
		}
	}
}

// calls counts those of a Mapper that fails on one item.
type calls struct {
	Fail int64 `yaml:"fail" doc:"The item that fails."`

	s *began
}

type began struct {
	mu     sync.Mutex
	failed bool
	later  int // calls that began after that
}

func (k *calls) Map(ctx context.Context, x item) (item, error) {
	k.s.mu.Lock()
	if k.s.failed {
		k.s.later++
	}
	k.s.mu.Unlock()
	select {
	case <-time.After(5 * time.Millisecond):
	case <-ctx.Done():
		return x, context.Cause(ctx)
	}
	if x.N == k.Fail {
		k.s.mu.Lock()
		k.s.failed = true
		k.s.mu.Unlock()
		return x, errBad
	}
	return x, nil
}

// After a failure no worker begins more than the item that it was about to.
func TestNothingBeginsAfterAFailure(t *testing.T) {
	for _, order := range []string{"strict", "none", "key, key: key"} {
		for _, fail := range []int64{5003, 0, 17} {
			virtual(t, func(t *testing.T) {
				s := &began{}
				tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 100000}}
  work:   {use: calls, in: source, workers: 4, order: %s, with: {fail: %d}}
  sink:   {use: keep, in: work}
`, order, fail), scheduler.Options{}, nodes.Map("calls", "Counts.", &calls{s: s}))
				start := time.Now()
				_, err := tr.execute(t.Context())
				if !errors.Is(err, errBad) {
					t.Errorf("order %s: %v", order, err)
				}
				if s.later > 4 {
					t.Errorf("order %s, item %d fails: %d calls began later", order, fail, s.later)
				}
				if took, most := time.Since(start), time.Duration(fail+50)*5*time.Millisecond; took > most {
					t.Errorf("it took %s", took)
				}
			})
		}
	}
}

// After a cancel no further item begins either.
func TestNothingBeginsAfterACancel(t *testing.T) {
	for _, workers := range []int{1, 4} {
		virtual(t, func(t *testing.T) {
			s := &began{}
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 100000}}
  work:   {use: calls, in: source, workers: %d, with: {fail: -1}}
  sink:   {use: keep, in: work}
`, workers), scheduler.Options{}, nodes.Map("calls", "Counts.", &calls{s: s}))
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() {
				s.mu.Lock()
				s.failed = true
				s.mu.Unlock()
				cancel(errBad)
			})
			start := time.Now()
			if _, err := tr.execute(ctx); !errors.Is(err, errBad) {
				t.Errorf("%v", err)
			}
			if s.later > workers || time.Since(start) > 1100*time.Millisecond {
				t.Errorf("%d workers: %d calls began later, it took %s", workers, s.later, time.Since(start))
			}
		})
	}
}

// connected is a Mapper with something that is opened and closed.
type connected struct {
	Slow time.Duration `yaml:"slow" doc:"How long it takes to open."`

	open, most, all *atomic.Int64
}

func (k *connected) Open(context.Context, *nodes.Env) error {
	time.Sleep(k.Slow)
	k.all.Add(1)
	k.most.Store(max(k.most.Load(), k.open.Add(1)))
	return nil
}

func (k *connected) Close() error { k.open.Add(-1); return nil }

func (k *connected) Map(_ context.Context, x item) (item, error) {
	time.Sleep(20 * time.Millisecond)
	return x, nil
}

func newConnected() *connected {
	return &connected{open: new(atomic.Int64), most: new(atomic.Int64), all: new(atomic.Int64)}
}

// bursts emits twenty items each second, then nothing for a second.
type bursts struct {
	Seconds int `yaml:"seconds" doc:"How long."`
}

func (k *bursts) Read(ctx context.Context, emit func(item) error) error {
	for second := range k.Seconds {
		every := 4 * time.Millisecond
		if second%4 >= 2 {
			every = 250 * time.Millisecond
		}
		for range time.Second / every {
			time.Sleep(every)
			if err := emit(item{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// What a worker opened is closed when it leaves: there is never more open than there
// are workers.
func TestElasticWorkersClose(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newConnected()
		tr := try(t, `
  source: {use: bursts, with: {seconds: 400}}
  work:   {use: connected, in: source, workers: {min: 1, max: 8}}
  sink:   {use: keep, in: work}
`, scheduler.Options{}, nodes.Map("connected", "Connects.", c), nodes.Read("bursts", "Bursts.", &bursts{}))
		workers := func() int64 { return int64(node(t, tr.run.Stats(), "work").Workers) }
		stop := every(10*time.Millisecond, func() {
			before, open := workers(), c.open.Load()
			if most := max(before, workers()); open > most { // some may come or leave meanwhile
				t.Errorf("%d are open for %d workers", open, most)
			}
		})
		report := tr.succeed()
		stop()
		if c.open.Load() != 0 || c.most.Load() > 8 {
			t.Errorf("%d are open at the end, there were %d at once", c.open.Load(), c.most.Load())
		}
		if n := node(t, report, "work"); c.all.Load() < 20 || n.Resized < 20 {
			t.Errorf("%d were opened in %d changes: nothing was tested", c.all.Load(), n.Resized)
		}
	})
}

// No lock is held while a kind opens: whoever asks how the run is gets an answer.
func TestStatsWhileWorkersOpen(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newConnected()
		tr := try(t, `
  source: {use: bursts, with: {seconds: 20}}
  work:   {use: connected, in: source, workers: {min: 1, max: 8}, with: {slow: 2s}}
  sink:   {use: keep, in: work}
`, scheduler.Options{}, nodes.Map("connected", "Connects.", c), nodes.Read("bursts", "Bursts.", &bursts{}))
		stop := every(100*time.Millisecond, func() {
			start := time.Now()
			tr.run.Stats()
			tr.run.RecentErrors("work")
			if took := time.Since(start); took > 0 {
				t.Errorf("it took %s to answer", took)
			}
		})
		tr.succeed()
		stop()
		if c.all.Load() < 2 {
			t.Error("nobody was hired")
		}
	})
}
