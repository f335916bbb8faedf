package control

import (
	"testing"
	"time"
)

// service is a node whose items take a while each, and which a limit keeps from doing more at
// once however many workers it has.
type service struct {
	scaler  Autoscaler
	now     time.Time
	workers int
	waiting float64
	every   time.Duration // between two items that come
	takes   time.Duration
	limit   int // at once, of whatever the workers wait for; 0: none
}

// run lets time pass and gives the most workers that there were.
func (s *service) run(d time.Duration) (most int) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(SampleEvery)
		s.waiting += SampleEvery.Seconds() / s.every.Seconds()
		useful := s.workers
		if s.limit > 0 {
			useful = min(useful, s.limit)
		}
		done := min(s.waiting, float64(useful)*SampleEvery.Seconds()/s.takes.Seconds())
		s.waiting -= done
		busy := time.Duration(done * s.takes.Seconds() * float64(time.Second))
		if s.limit > 0 && s.workers > s.limit && done > 0 { // they all wait for the same
			busy = time.Duration(s.workers) * SampleEvery
		}
		s.workers = s.scaler.Next(Sample{Now: s.now, Done: int64(done), Busy: busy, Inside: int64(s.waiting), Full: s.waiting > 900, Workers: s.workers})
		most = max(most, s.workers)
	}
	return most
}

// The number follows the load, within its bounds.
func TestAutoscalerFollowsTheLoad(t *testing.T) {
	s := &service{scaler: Autoscaler{Low: 2, High: 16}, now: time.Unix(0, 0), workers: 2, every: 10 * time.Millisecond, takes: 50 * time.Millisecond}
	s.run(20 * time.Second) // 100 a second of 50 ms: five at work, and some to spare
	if s.workers < 5 || s.workers > 8 {
		t.Errorf("%d workers for a load of five", s.workers)
	}
	s.every = 2 * time.Millisecond // of 25
	if s.run(20 * time.Second); s.workers != 16 {
		t.Errorf("%d workers for a load of 25, want the most there may be, 16", s.workers)
	}
	s.every, s.waiting = time.Second, 0
	if s.run(20 * time.Second); s.workers != 2 {
		t.Errorf("%d workers for hardly any load, want the fewest, 2", s.workers)
	}
}

// Growth that does not pay is taken back.
func TestAutoscalerTakesGrowthBack(t *testing.T) {
	s := &service{scaler: Autoscaler{Low: 1, High: 64}, now: time.Unix(0, 0), workers: 1, every: 5 * time.Millisecond, takes: 50 * time.Millisecond, limit: 4}
	most := s.run(30 * time.Second)
	if most <= 4 {
		t.Errorf("%d workers at most: more were never tried", most)
	}
	if s.workers > 8 {
		t.Errorf("%d workers, though more than four get nothing done", s.workers)
	}
}

// A node that waits for those downstream does not grow, nor does any while the cores are
// full.
func TestAutoscalerDoesNotGrowInVain(t *testing.T) {
	for name, held := range map[string]Sample{
		"blocked": {Blocked: SampleEvery / 2},
		"no core": {Cores: 0.99},
	} {
		a := Autoscaler{Low: 1, High: 8}
		workers, now := 1, time.Unix(0, 0)
		for range 100 {
			now = now.Add(SampleEvery)
			x := held
			x.Now, x.Done, x.Busy, x.Inside, x.Full, x.Workers = now, 10, SampleEvery, 1000, true, workers
			workers = a.Next(x)
		}
		if workers != 1 {
			t.Errorf("%s: %d workers", name, workers)
		}
	}
}
