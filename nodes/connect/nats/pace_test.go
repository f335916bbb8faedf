package nats

import (
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// What lies ahead of a flow follows how fast that is, within bounds.
func TestPace(t *testing.T) {
	now := time.Unix(0, 0)
	p := pace{within: 500 * time.Millisecond, since: now}
	for _, step := range []struct {
		took  int
		after time.Duration
		ahead int
	}{
		{10_000, 50 * time.Millisecond, leastAhead}, // it counts for longer
		{10_000, 50 * time.Millisecond, 100_000},
		{1000, 100 * time.Millisecond, 5000},
		{100, time.Second, leastAhead},
		{1_000_000, 10 * time.Second, 50_000},
		{0, 100 * time.Millisecond, leastAhead},
	} {
		now = now.Add(step.after)
		p.took(step.took, now)
		if got := p.ahead(); got != step.ahead || p.atOnce() != got/shares {
			t.Errorf("after %d in %s there may be %d, %d at once, want %d", step.took, step.after, got, p.atOnce(), step.ahead)
		}
	}
}

// A process whose flow stands still leaves to others what it has no use for.
func TestSlowProcessHoardsNothing(t *testing.T) {
	const n = 60_000
	s := startServer(t, nil)
	nc, stream := s.stream("ORDERS", "orders.>", nil)
	publish(t, nc, "orders.new", count(n)...)
	if _, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "both", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxAckPending: n}); err != nil {
		t.Fatal(err)
	}
	with := `url: "` + s.url() + `", stream: ORDERS, durable: both`
	stuck, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var both sync.WaitGroup
	both.Go(func() { // its first message is all that it does
		read(t, with, &till{each: func(int, order) error {
			once.Do(func() { close(stuck) })
			<-done
			return errEnough
		}}, nodetest.Setup{})
	})
	<-stuck
	quick := &till{}
	quick.each = func(got int, _ order) error {
		if got == n/2 { // the rest but for what the other has, which is a quarter of a second of its work
			close(done)
			return errEnough
		}
		return nil
	}
	read(t, with, quick, nodetest.Setup{})
	both.Wait()
	if got := len(quick.ids()); got != n/2 {
		t.Errorf("%d of %d were left to the other process", got, n)
	}
}
