package message_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// A broker is one in memory, whose sessions break as chance has it. It checks the laws of the
// package.
type broker struct {
	t    *testing.T
	mu   sync.Mutex
	rand *rand.Rand
	n    int // messages that it has

	breaks   bool
	early    bool // messages are acknowledged before they are kept
	acked    []bool
	given    int // of the session: how far it has given
	sessions int
	received [][]byte        // what was sent to it
	stored   map[string]bool // the same
	dead     map[string]bool // what has come to the dead letters
	again    int             // messages that were given again
}

func newBroker(t *testing.T, seed uint64, n int) *broker {
	return &broker{t: t, rand: rand.New(rand.NewPCG(seed, 7)), n: n, acked: make([]bool, n), stored: map[string]bool{}, dead: map[string]bool{}}
}

// body is that of a message: some cannot be read.
func body(n int) []byte {
	switch n % 50 {
	case 9:
		return []byte(fmt.Sprintf(`{"n": "no number %d"`, n))
	case 21:
		return nil
	case 30:
		return []byte(fmt.Sprintf("{\n  \"n\": %d,\r\n \"text\": \"a\\nb\"\n}\n", n))
	}
	return []byte(fmt.Sprintf(`{"n":%d,"text":"text %d"}`, n, n))
}

func poison(n int) bool  { return n%50 == 9 || n%50 == 21 }
func refused(n int) bool { return !poison(n) && n%7 == 3 && n%50 != 30 }

var errBreak = errors.New("the session breaks")

// session is one of the broker, in either direction.
type session struct {
	b      *broker
	number int
	left   int // calls until it breaks; negative: never
}

func (b *broker) begin() *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions++
	s := &session{b: b, number: b.sessions, left: -1}
	if b.breaks {
		s.left = b.rand.IntN(25)
	}
	return s
}

// broken counts a call, and reports whether it is the one that breaks.
func (s *session) broken() bool {
	s.left--
	return s.left == -1
}

// A receiver gives what is not acknowledged, in order.
type receiver struct {
	*session
	next int
	ends bool // behind the last
}

func (s *receiver) Receive(ctx context.Context) ([]message.Message[int], error) {
	if nodes.Sleep(ctx, 3*time.Millisecond) != nil {
		return nil, context.Cause(ctx)
	}
	b := s.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.broken() {
		return nil, errBreak
	}
	var ms []message.Message[int]
	for ; s.next < b.n && len(ms) < 1+b.rand.IntN(40); s.next++ {
		if b.acked[s.next] {
			continue
		}
		if s.next < b.given {
			b.again++
		}
		b.given = max(b.given, s.next+1)
		ms = append(ms, message.Message[int]{Token: s.next, Content: message.Content{Body: body(s.next), Props: []message.Value{{Int: int64(s.next)}, {Text: fmt.Sprint("k", s.next%3), Null: s.next%3 == 0}}}})
	}
	if len(ms) == 0 && s.ends {
		return nil, message.ErrEnd
	}
	return ms, nil
}

func (s *receiver) Ack(_ context.Context, tokens []int) error {
	b := s.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.broken() {
		return errBreak
	}
	for _, n := range tokens {
		switch text := fmt.Sprintf("text %d", n); {
		case b.early:
		case poison(n) && !b.dead[string(body(n))], refused(n) && !b.dead[text]:
			b.t.Errorf("%d is acknowledged, and its dead letter is not there", n)
		case !poison(n) && !refused(n) && n%50 != 30 && !b.stored[fmt.Sprintf(`{"n":%d,"text":"%s","at":%d,"k":%s}`, n, text, n, key(n))]:
			b.t.Errorf("%d is acknowledged, and was not sent", n)
		}
		b.acked[n] = true
	}
	return nil
}

func key(n int) string {
	if n%3 == 0 {
		return "null"
	}
	return fmt.Sprintf(`"k%d"`, n%3)
}

func (s *receiver) Close() {}

// A sender keeps what it is sent, or a part of it when it breaks.
type sender struct{ *session }

func (s *sender) Send(ctx context.Context, ms []*message.Outgoing) error {
	if nodes.Sleep(ctx, time.Millisecond) != nil {
		return context.Cause(ctx)
	}
	b := s.b
	b.mu.Lock()
	defer b.mu.Unlock()
	breaks, upTo := s.broken(), len(ms)
	if breaks {
		upTo = b.rand.IntN(len(ms) + 1)
	}
	told := b.rand.IntN(upTo + 1)
	for i, m := range ms[:upTo] {
		var n int
		fmt.Sscanf(string(m.Body), `{"n":%d`, &n)
		if refused(n) {
			if !breaks || i < told {
				m.Err = errors.New("refused")
			}
			continue
		}
		b.received, b.stored[string(m.Body)] = append(b.received, slices.Clone(m.Body)), true
		m.Kept = breaks && i < told
	}
	if breaks {
		return errBreak
	}
	return nil
}

func (s *sender) Close() {}

// The kinds of the broker.
type readKind struct {
	message.Reading
	Ends  bool `yaml:"ends" doc:"It ends behind the last message."`
	b     *broker
	shape message.Shape
}

var properties = []message.Property{{Name: "at", Type: types.Int}, {Name: "key", Type: types.String.Opt()}}

func (k *readKind) Infer(c *graph.Inference) {
	k.shape = k.Reading.Infer(c, properties)
	c.Out("out", k.shape.Out)
}

func (k *readKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	s := &message.Source[int]{
		Env: env, What: "the broker", Decoder: d, Keeps: true, Ends: k.Ends, Place: func(n int) string { return fmt.Sprint("broker@", n) },
		Connect: func(context.Context) (message.Receiver[int], error) {
			return &receiver{session: k.b.begin(), ends: k.Ends}, nil
		},
	}
	return s.Operator(), err
}

type writeKind struct {
	message.Writing
	b *broker
}

func (k *writeKind) Infer(c *graph.Inference) { k.Writing.Infer(c) }

func (k *writeKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	e, err := k.NewEncoder(env.In("in"), nil, nil)
	if err != nil {
		return nil, err
	}
	s := &message.Sink{Env: env, What: "the broker", Encoder: e,
		Connect: func(context.Context) (message.Sender, error) { return &sender{k.b.begin()}, nil },
	}
	return s.Operator(), nil
}

// deadKind keeps what has failed.
type deadKind struct{ b *broker }

func (k *deadKind) Infer(c *graph.Inference) { c.Record("in") }

func (k *deadKind) Operator(*nodes.Env) (nodes.Operator, error) { return k, nil }

func (k *deadKind) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	b := in.Data.(*record.Batch)
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	for i := range b.Len() {
		k.b.dead[strings.Clone(b.Col("t").Str[b.Row(i)])] = true
	}
	return nil
}

func (b *broker) kit() nodetest.Kit {
	return nodetest.New(std.Nodes, []nodes.Decl{
		nodes.Kind("broker.read", "Reads.", &readKind{Reading: message.Reading{Format: message.FormatJSON}, b: b}, nodes.OutPort(graph.Port{Name: "out"}), nodes.Workers(graph.Single), nodes.Interleaves(), nodes.Acknowledges()),
		nodes.Kind("broker.write", "Writes.", &writeKind{Writing: message.Writing{Format: message.FormatJSON}, b: b}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single), nodes.Tries()),
		nodes.Kind("dead", "Keeps.", &deadKind{b: b}, nodes.InPort(graph.Port{Name: "in", Arity: graph.Many}), nodes.Workers(graph.Single)),
	})
}

const flow = `flow: f
nodes:
  in:  {use: broker.read, on_error: dead, with: {as: '{n: int, text: string}', meta: {at: at, k: key}}}
  out: {use: broker.write, in: in, on_error: dead}
  a:   {use: map, in: in.errors, with: {set: {t: string(item)}, select: [t]}}
  b:   {use: map, in: out.errors, with: {set: {t: string(item.text)}, select: [t]}}
  dead: {use: dead, in: [a, b]}
`

// played stops a run when all messages are acknowledged, or will not be.
func (b *broker) played() nodetest.Setup {
	return nodetest.Setup{Begun: func(stop func()) {
		go func() {
			defer stop()
			for range 60_000 {
				time.Sleep(10 * time.Millisecond)
				b.mu.Lock()
				done := !slices.Contains(b.acked, false)
				b.mu.Unlock()
				if done {
					return
				}
			}
		}()
	}}
}

// Whatever breaks when, the laws of the package hold: nothing is acknowledged before it is
// kept, all is in the end, and what is sent comes in order.
func TestLaws(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	again, twice, missed := 0, 0, int64(0)
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			const n = 400
			b := newBroker(t, seed, n)
			b.breaks = seed > 0
			r := b.kit().Run(t, flow, nil, b.played())
			if r.Err != nil {
				t.Fatalf("%v\n%.2000s", r.Err, r.Log)
			}
			if slices.Contains(b.acked, false) {
				t.Errorf("seed %d: %d is not acknowledged", seed, slices.Index(b.acked, false))
			}
			inOrder(t, b)
			again += b.again
			twice += len(b.received) - len(b.stored)
			for _, node := range r.Report.Nodes {
				if node.ID == "in" {
					missed += node.Standing.Missed
				}
			}
			if !b.breaks && (b.again > 0 || len(b.received) != len(b.stored)) {
				t.Errorf("nothing breaks, and %d messages were given again, %d sent twice", b.again, len(b.received)-len(b.stored))
			}
		})
	}
	if again == 0 || twice == 0 || missed == 0 {
		t.Errorf("%d messages were given again, %d of them because they could not be acknowledged, %d sent twice: nothing was tried", again, missed, twice)
	}
	t.Logf("%d messages were given again, %d of them because they could not be acknowledged, %d sent twice", again, missed, twice)
}

// Under ack: early messages are acknowledged as they are taken, each once, and go through the
// flow all the same.
func TestEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t, 1, 400)
		b.early = true
		early := strings.Replace(flow, "broker.read,", "broker.read, ack: early,", 1)
		if r := b.kit().Run(t, early, nil, b.played()); r.Err != nil {
			t.Fatalf("%v\n%.2000s", r.Err, r.Log)
		}
		if slices.Contains(b.acked, false) {
			t.Errorf("%d is not acknowledged", slices.Index(b.acked, false))
		}
		inOrder(t, b)
	})
}

// A source that has an end comes to it by itself, and all that there was has been sent by then,
// whatever breaks when; without breaks all is acknowledged, too.
func TestEnds(t *testing.T) {
	seeds := uint64(30)
	if testing.Short() {
		seeds = 5
	}
	again := 0
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			b := newBroker(t, seed, 400)
			b.breaks = seed > 0
			slow := strings.NewReplacer("{as:", "{ends: true, as:", "broker.write, in: in", "broker.write, in: slow").Replace(flow) +
				"  slow: {use: limit, in: in, rate: 1000/s, with: {count: 1000000}}\n"
			r := b.kit().Run(t, slow, nil, nodetest.Setup{Batch: 10, Capacity: 10})
			if r.Err != nil {
				t.Fatalf("%v\n%.2000s", r.Err, r.Log)
			}
			inOrder(t, b)
			again += b.again
			if !b.breaks && slices.Contains(b.acked, false) {
				t.Errorf("%d is not acknowledged", slices.Index(b.acked, false))
			}
		})
	}
	if again == 0 {
		t.Error("no session has broken in between: nothing was tried")
	}
}

// inOrder looks whether the first copies of messages came in order and none is missing.
func inOrder(t *testing.T, b *broker) {
	t.Helper()
	last, seen := -1, map[int]bool{}
	for _, m := range b.received {
		var n int
		fmt.Sscanf(string(m), `{"n":%d`, &n)
		if seen[n] {
			continue
		}
		seen[n] = true
		if n < last {
			t.Errorf("%d came first after %d", n, last)
		}
		last = n
	}
	for n := range b.n {
		if want := !poison(n) && !refused(n); seen[n] != want {
			t.Errorf("message %d was sent: %v, want %v", n, seen[n], want)
		}
	}
}
