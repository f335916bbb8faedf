package nats

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// Numbers of the stream that run ahead of those of the durable are messages that are missing.
func TestTrail(t *testing.T) {
	type step struct{ seq, handOut, delivered, missing uint64 }
	for name, steps := range map[string][]step{
		"one after the other":           {{1, 1, 1, 0}, {2, 2, 1, 0}, {3, 3, 1, 0}},
		"the first is anything":         {{100, 1, 1, 0}, {101, 2, 1, 0}},
		"others read too":               {{1, 1, 1, 0}, {5, 5, 1, 0}, {9, 9, 1, 0}},
		"ten are missing":               {{1, 1, 1, 0}, {12, 2, 1, 10}, {13, 3, 1, 0}},
		"ten are missing, others read":  {{1, 1, 1, 0}, {15, 5, 1, 10}},
		"one comes again":               {{1, 1, 1, 0}, {2, 2, 1, 0}, {1, 3, 2, 0}, {3, 4, 1, 0}},
		"one comes again, one is gone":  {{1, 1, 1, 0}, {2, 2, 1, 0}, {1, 3, 2, 0}, {4, 4, 1, 1}},
		"the durable is made anew":      {{7, 7, 1, 0}, {1, 1, 1, 0}, {2, 2, 1, 0}},
		"the durable was set back":      {{7, 7, 1, 0}, {3, 8, 1, 0}, {4, 9, 1, 0}},
		"hand-outs to others come late": {{1, 1, 1, 0}, {2, 5, 1, 0}},
	} {
		var r trail
		for i, s := range steps {
			if got := r.follow(token{seq: s.seq, handOut: s.handOut, delivered: s.delivered}); got != s.missing {
				t.Errorf("%s, step %d: %d are missing, want %d", name, i, got, s.missing)
			}
		}
	}
}

// A stream that throws away what its durable has not handed out is told, once, with the place; a
// durable that begins behind what is gone has lost nothing.
func TestStreamIsTrimmed(t *testing.T) {
	s := startServer(t, nil)
	nc, _ := s.stream("ORDERS", "orders.>", func(c *jetstream.StreamConfig) {
		c.MaxMsgs, c.Discard = 100, jetstream.DiscardOld
	})
	with := `url: "` + s.url() + `", stream: ORDERS`
	session := func(last int) nodetest.Result { // until an order has come
		came := make(chan struct{})
		return read(t, with, &till{each: func(_ int, o order) error {
			if o.ID == last {
				close(came)
			}
			return nil
		}}, nodetest.Setup{Begun: func(stop func()) {
			go func() { <-came; stop() }()
		}})
	}
	publish(t, nc, "orders.new", count(150)...)
	if r := session(149); strings.Contains(r.Log, "thrown away") {
		t.Errorf("nothing is missing for a durable that is new: %s", r.Log)
	}
	publish(t, nc, "orders.new", count(500)...)
	r := session(499)
	const want = `thrown away before the durable has handed them out","node":"in","stream":"ORDERS","durable":"reads-in","messages":`
	if strings.Count(r.Log, want) != 1 {
		t.Errorf("got %s\nwant %s", r.Log, want)
	}
	publish(t, nc, "orders.new", count(1)...)
	if r := session(0); strings.Contains(r.Log, "thrown away") {
		t.Errorf("it is told again: %s", r.Log)
	}
}

// What was acknowledged behind something that was not does not come again: whoever begins at
// such a durable waits for its ack_wait, and then what is open comes first.
func TestAcknowledgedOutOfOrder(t *testing.T) {
	const n = 20
	s := startServer(t, nil)
	nc, stream := s.stream("ORDERS", "orders.>", nil)
	publish(t, nc, "orders.new", count(n)...)
	c, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "reads-in", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ms, err := c.Fetch(10)
	if err != nil {
		t.Fatal(err)
	}
	for m := range ms.Messages() {
		if at, _ := m.Metadata(); at.Sequence.Stream > 5 {
			if err := m.DoubleAck(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	k := &till{}
	k.each = func(got int, _ order) error {
		if got == n-5 {
			return errEnough
		}
		return nil
	}
	r := read(t, `url: "`+s.url()+`", stream: ORDERS`, k, nodetest.Setup{})
	if want := append(numbers(5), numbers(n)[10:]...); !slices.Equal(k.ids(), want) {
		t.Errorf("got %v, want %v\n%s", k.ids(), want, r.Log)
	}
}

// A stream that is gone in mid-run may be made again; at the beginning it is a mistake.
func TestStreamComesBack(t *testing.T) {
	s := startServer(t, nil)
	nc, js := s.client()
	r := read(t, `url: "`+s.url()+`", stream: ORDERS`, &till{}, nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Told(), "there is no stream ORDERS") {
		t.Fatal(r.Told())
	}
	create := func() {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
			t.Error(err)
		}
		publish(t, nc, "orders.new", count(10)...)
	}
	create()
	p := startProxy(t, s.address())
	k := &till{}
	k.each = func(n int, _ order) error {
		switch n {
		case 10:
			if err := js.DeleteStream(t.Context(), "ORDERS"); err != nil {
				t.Error(err)
			}
			p.cut(false)
		case 20:
			return errEnough
		}
		return nil
	}
	log := &onText{text: "there is no stream ORDERS", do: create}
	if r := read(t, `url: "`+p.url()+`", stream: ORDERS`, k, nodetest.Setup{Log: log}); len(k.ids()) != 20 {
		t.Errorf("%d came: %s", len(k.ids()), r.Told())
	}
}

// An onText is a log that does something when it has a text for the first time.
type onText struct {
	text string
	do   func()
	once sync.Once
}

func (o *onText) Write(b []byte) (int, error) {
	if strings.Contains(string(b), o.text) {
		o.once.Do(o.do)
	}
	return len(b), nil
}
