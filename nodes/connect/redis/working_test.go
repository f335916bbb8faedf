package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes/message"
)

// listInlet gives what makes sessions of the list orders.
func listInlet(t *testing.T, consumer string) *inlet {
	return inletOf(t, &reader{
		Mode: modeList, Key: "orders", Consumer: consumer, Claim: 300 * time.Millisecond,
		Reading: message.Reading{Format: message.FormatJSON},
	}, "shop")
}

func begun(t *testing.T, i *inlet) *listSession {
	t.Helper()
	s, err := i.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.(*listSession)
}

// pause stops the heart of a session, as if its process were stopped. When it goes on it does not
// look for others who were paused, as the machine of the test may do to them.
func (s *listSession) pause() {
	s.stop()
	<-s.beats
	s.claim = time.Now().Add(time.Hour)
}

// push adds elements with some ids.
func (c *conn) push(from, to int) (bodies []string) {
	for id := from; id < to; id++ {
		bodies = append(bodies, fmt.Sprintf(`{"id":%d}`, id))
		c.LPush(context.Background(), "orders", bodies[len(bodies)-1])
	}
	return bodies
}

// A process that was paused so long that others have what it had taken acknowledges nothing
// any more, and what it took since then comes again.
func TestPausedProcess(t *testing.T) {
	_, c := told(t)
	i := listInlet(t, "a")
	a := begun(t, i)
	old := c.push(0, 10)
	_, tokens := receive(t, a, 10)
	a.pause()

	b := begun(t, listInlet(t, "b"))
	got, its := receive(t, b, 10)
	if !slices.Equal(got, old) {
		t.Errorf("the other one gets %v", got)
	}
	if err := b.Ack(t.Context(), its); err != nil {
		t.Fatal(err)
	}

	late := c.push(10, 20)
	if got, _ := receive(t, a, 10); !slices.Equal(got, late) {
		t.Errorf("it gets %v", got)
	}
	if err := a.Ack(t.Context(), tokens); err == nil {
		t.Error("it acknowledges what others have")
	}
	a.Close()
	if got, _ := receive(t, begun(t, i), 10); !slices.Equal(got, late) {
		t.Errorf("%v come again, want %v", got, late)
	}
}

// A process that was paused notices that its working list was taken from it.
func TestPausedProcessBeginsAnew(t *testing.T) {
	_, c := told(t)
	i := listInlet(t, "a")
	a := begun(t, i)
	c.push(0, 10)
	receive(t, a, 10)
	a.pause()
	b := begun(t, listInlet(t, "b"))
	receive(t, b, 10)

	a.alive(t.Context())
	if ms, err := a.Receive(t.Context()); !errors.Is(err, message.ErrAnew) || len(ms) > 0 {
		t.Errorf("it gets %d, %v", len(ms), err)
	}
	a.Close()
	anew := begun(t, i)
	b.Close()
	receive(t, anew, 10) // as a consumer like the others
}

// What a process moves into a working list that was taken from it comes again, also if the
// process ends before it notices.
func TestMovedTooLate(t *testing.T) {
	_, c := told(t)
	a := begun(t, listInlet(t, "a"))
	c.push(0, 10)
	receive(t, a, 10)
	a.pause()
	b := begun(t, listInlet(t, "b"))
	_, its := receive(t, b, 10)
	if err := b.Ack(t.Context(), its); err != nil {
		t.Fatal(err)
	}

	late := c.push(10, 11)
	receive(t, a, 1)
	a.Close()
	if got, _ := receive(t, b, 1); !slices.Equal(got, late) {
		t.Errorf("%v come again, want %v", got, late)
	}
}

// An acknowledgement that Redis sees only when the next session has begun takes nothing out of
// what that one has, also where all elements are equal.
func TestAcknowledgedTooLate(t *testing.T) {
	_, c := told(t)
	i := listInlet(t, "a")
	first := begun(t, i)
	for range 10 {
		c.LPush(t.Context(), "orders", `{"id":7}`)
	}
	_, tokens := receive(t, first, 10)
	second := begun(t, i)
	_, its := receive(t, second, 10)
	if err := first.Ack(t.Context(), tokens[:5]); err == nil {
		t.Error("the first session still acknowledges")
	}
	if err := second.Ack(t.Context(), its[:3]); err != nil {
		t.Fatal(err)
	}
	if again, _ := receive(t, begun(t, i), 7); len(again) != 7 {
		t.Errorf("%d come again, want 7", len(again))
	}
}

// A process that was paused while nobody else was there still has what it had taken.
func TestPausedAlone(t *testing.T) {
	_, c := told(t)
	a := begun(t, listInlet(t, "a"))
	c.push(0, 10)
	_, tokens := receive(t, a, 10)
	a.pause()
	c.ZAdd(t.Context(), a.consumers(), client.Z{Score: 1, Member: a.working}) // it counts as alive until 1970
	if err := a.reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.alive(t.Context())
	if err := a.Ack(t.Context(), tokens); err != nil || a.taken.Load() || c.LLen(t.Context(), "orders").Val() != 0 {
		t.Errorf("%v, taken %v, %d put back", err, a.taken.Load(), c.LLen(t.Context(), "orders").Val())
	}
}

// An element that comes as a flow is stopped is taken or left, and not lost on the way.
func TestStoppedPop(t *testing.T) {
	_, c := told(t)
	i := listInlet(t, "")
	i.k.Unsafe = true
	const n = 200
	taken := 0
	for range n {
		s, err := i.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan int)
		go func() {
			ms, _ := s.Receive(ctx)
			ended <- len(ms)
		}()
		for !strings.Contains(c.Info(t.Context(), "clients").Val(), "blocked_clients:1") {
			time.Sleep(time.Millisecond)
		}
		go stop()
		c.push(0, 1)
		taken += <-ended
		taken += len(c.RPopCount(t.Context(), "orders", 10).Val())
		stop()
		s.Close()
	}
	if taken != n {
		t.Errorf("%d of %d elements are lost", n-taken, n)
	}
}

// A user who may not do that stops all the same.
func TestStoppedPopWithoutRights(t *testing.T) {
	for _, rule := range []string{"-client|id", "-client|unblock"} {
		_, c := told(t)
		i := listInlet(t, "")
		i.k.Unsafe, i.k.URL = true, config.NewURL(c.user(t, "blind", "~*", "+@all", rule))
		s, err := i.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := s.Receive(ctx)
			ended <- err
		}()
		for !strings.Contains(c.Info(t.Context(), "clients").Val(), "blocked_clients:1") {
			time.Sleep(time.Millisecond)
		}
		stop()
		if err := <-ended; err == nil {
			t.Errorf("%s: it ends as if it had waited", rule)
		}
		s.Close()
	}
}

// A working list is not taken at once where nobody can say whether another process has the
// name of the consumer.
func TestUncertainNamesake(t *testing.T) {
	_, c := told(t)
	url := c.user(t, "blind", "~*", "+@all", "-client|list", "-client|kill")
	as := func() *inlet {
		i := listInlet(t, "a")
		i.k.URL, i.k.Claim = config.NewURL(url), time.Minute
		return i
	}
	first := begun(t, as())
	c.push(0, 10)
	_, tokens := receive(t, first, 10)
	second := begun(t, as())
	if len(second.own) > 0 {
		t.Errorf("the second one has %d elements of the first", len(second.own))
	}
	if err := first.Ack(t.Context(), tokens); err != nil {
		t.Error(err)
	}
}
