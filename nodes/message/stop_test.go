package message_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// A belt is a session that has messages lying ready, and what was acknowledged of them. Run by
// the engine one call at a time, which the tests wait for, it needs no lock.
type belt struct {
	left, given, acked int
	most               int // that were given and not acknowledged
}

func (s *belt) Receive(context.Context) ([]message.Message[int], error) {
	var ms []message.Message[int]
	for ; s.left > 0 && len(ms) < 10; s.left-- {
		ms = append(ms, message.Message[int]{Token: s.given, Content: message.Content{Body: fmt.Appendf(nil, `{"n":%d}`, s.given)}})
		s.given++
	}
	s.most = max(s.most, s.given-s.acked)
	if ms == nil {
		return nil, context.Canceled
	}
	return ms, nil
}

func (s *belt) Ack(_ context.Context, tokens []int) error { s.acked += len(tokens); return nil }

func (s *belt) Close() {}

// A beltKind reads from a belt.
type beltKind struct {
	message.Reading
	belt     *belt
	keeps    bool
	prefetch int64
	shape    message.Shape
}

func (k *beltKind) Infer(c *graph.Inference) {
	k.shape = k.Reading.Infer(c, nil)
	c.Out("out", k.shape.Out)
}

func (k *beltKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := k.NewDecoder(k.shape, env.Needed("out"))
	s := &message.Source[int]{
		Env: env, What: "the belt", Decoder: d, Keeps: k.keeps, Prefetch: k.prefetch, Place: func(n int) string { return fmt.Sprint(n) },
		Connect: func(context.Context) (message.Receiver[int], error) { return k.belt, nil },
	}
	return s.Operator(), err
}

type slowItem struct {
	N int `flow:"n"`
}

// A slowKind takes a second for an item.
type slowKind struct{ kept *int }

func (k *slowKind) Write(ctx context.Context, items []slowItem) error {
	for range items {
		if err := nodes.Sleep(ctx, time.Second); err != nil {
			return err
		}
		*k.kept++
	}
	return nil
}

// stopped runs a slow flow behind a belt, and stops it after three seconds.
func stopped(t *testing.T, b *belt, keeps bool, prefetch int64) (kept int, took time.Duration, r nodetest.Result) {
	t.Helper()
	options := []nodes.Option{nodes.OutPort(graph.Port{Name: "out"}), nodes.Workers(graph.Single), nodes.Interleaves()}
	if keeps {
		options = append(options, nodes.Acknowledges())
	}
	kit := nodetest.New(std.Nodes, []nodes.Decl{
		nodes.Kind("belt.read", "Reads.", &beltKind{Reading: message.Reading{Format: message.FormatJSON}, belt: b, keeps: keeps, prefetch: prefetch}, options...),
		nodes.Write("slow", "Keeps.", &slowKind{&kept}, nodes.Doc("Keeps.")),
	})
	var at time.Time
	r = kit.Run(t, "flow: f\nnodes:\n  in: {use: belt.read, with: {as: '{n: int}'}}\n  out: {use: slow, in: in}\n", nil, nodetest.Setup{Batch: 1, Capacity: 1, Begun: func(stop func()) {
		go func() {
			time.Sleep(3 * time.Second)
			at = time.Now()
			stop()
		}()
	}})
	return kept, time.Since(at), r
}

// What the broker keeps is left to it when the flow is stopped, so that a slow flow ends soon. What
// was done is acknowledged, and nothing else.
func TestStopLeavesWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &belt{left: 1000}
		kept, took, r := stopped(t, b, true, 0)
		if kept == 0 || b.acked != kept || took > 25*time.Second {
			t.Errorf("of %d that have come %d were kept and %d acknowledged, in %s: %s", b.given, kept, b.acked, took, r.Told())
		}
	})
}

// What nobody keeps goes through when the flow is stopped: what waits for the flow, what did not
// find a place there, and what the session still has.
func TestStopTakesWhatNobodyKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &belt{left: 120}
		kept, _, r := stopped(t, b, false, 0)
		if kept != 120 || b.left != 0 {
			t.Errorf("%d of 120 were kept, and the session has %d: %s", kept, b.left, r.Told())
		}
	})
}

// With so many messages as Prefetch says and not acknowledged, no others are received until some
// are: here a session gives ten at once.
func TestPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &belt{left: 1000}
		kept, _, r := stopped(t, b, true, 20)
		if kept == 0 || b.acked != kept || b.most < 10 || b.most > 29 {
			t.Errorf("%d were kept and %d acknowledged, at most %d at once were not: %s", kept, b.acked, b.most, r.Told())
		}
	})
}
