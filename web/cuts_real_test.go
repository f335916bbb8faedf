package web_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
	"github.com/flowrun/flowrun/web"
)

// An orderSource gives one order an hour, and acknowledges.
type orderSource struct{}

func (*orderSource) ReadFrom(ctx context.Context, _ nodes.Position, emit func(int, nodes.Position) error) error {
	for n := 0; ; n++ {
		if err := emit(n, nodes.Position("x")); err != nil {
			return err
		}
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
			return nil
		}
	}
}

func (*orderSource) Taken(nodes.Position) error { return nil }

// A postSink takes half a minute for an order.
type postSink struct{}

func (*postSink) Write(ctx context.Context, _ []int) error {
	select {
	case <-time.After(30 * time.Second):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// The page of a real run tells of a cut that waits, and forgets it once it is complete.
func TestCutOfARealRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry, err := nodes.NewRegistry([]nodes.Decl{nodes.ReadFrom("orders", "Gives orders.", &orderSource{}), nodes.Write("post", "Posts.", &postSink{})})
		if err != nil {
			t.Fatal(err)
		}
		flow, list := graph.Load(diag.NewSource("orders.yaml", []byte("nodes:\n  orders: {use: orders}\n  post: {use: post, in: orders}\n")), registry, graph.Options{})
		if list.HasErrors() {
			t.Fatal(list)
		}
		run, err := scheduler.New(flow, registry, scheduler.Options{})
		if err != nil {
			t.Fatal(err)
		}
		page, err := web.New(flow, run, web.Options{})
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() { defer close(over); run.Run(t.Context()) }()
		reader := onWire(t, page)
		t.Cleanup(func() { run.Stop(); <-over })

		type answer struct {
			Cuts    metrics.CutReport
			Verdict struct{ Node, Head string }
			Nodes   []struct{ Total metrics.NodeReport }
		}
		at := func(since time.Duration) (a answer) {
			time.Sleep(since)
			reader.json("/api/v1/state", &a)
			return a
		}
		a := at(20 * time.Second)
		if c := a.Cuts; c.Epoch != 0 || c.Flight != 1 || c.Waits == nil || c.Waits.String() != "post.in" || c.For < 15*time.Second {
			t.Errorf("while the sink is at work: %+v", c)
		}
		if a.Nodes[0].Total.Epoch != 1 || a.Nodes[1].Total.Epoch != 0 {
			t.Errorf("the nodes have met cuts %d and %d, want 1 and 0", a.Nodes[0].Total.Epoch, a.Nodes[1].Total.Epoch)
		}
		if a.Verdict.Head != "A cut waits for post.in" || a.Verdict.Node != "post" {
			t.Errorf("the verdict is %+v", a.Verdict)
		}
		if c := slowOf(t, reader); c == nil || c.Node != 1 || c.Input != "in" || len(c.Left) != 1 {
			t.Errorf("a page is told of %+v", c)
		}
		a = at(20 * time.Second)
		if c := a.Cuts; c.Epoch != 1 || c.Complete != 1 || c.Waits != nil || a.Verdict.Head != "Waiting for items" {
			t.Errorf("when it is done: %+v, %+v", c, a.Verdict)
		}
		if c := slowOf(t, reader); c != nil {
			t.Errorf("a page is still told of %+v", c)
		}
	})
}

type slow struct {
	Node  int
	Input string
	Left  []int
}

// slowOf gives what the first tick of a stream says of a cut that takes long.
func slowOf(t *testing.T, c caller) *slow {
	t.Helper()
	res := c.do("GET", "/api/v1/stream")
	defer res.Body.Close()
	for e := range events(res.Body) {
		if e.name != "tick" {
			continue
		}
		var tick struct{ C *struct{ Slow *slow } }
		if err := json.Unmarshal([]byte(e.data), &tick); err != nil || tick.C == nil {
			t.Fatalf("%v: the tick has no cuts: %s", err, e.data)
		}
		return tick.C.Slow
	}
	t.Fatal("no tick")
	return nil
}
