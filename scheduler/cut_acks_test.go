package scheduler_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// An acker is a source that acknowledges: it gives pieces of items, after waits, and tells
// what it hears.
type acker struct {
	opKind
	Count int           `yaml:"count" doc:"How many items; 0 is no end."`
	Piece int           `yaml:"piece" doc:"How many at once."`
	Every time.Duration `yaml:"every" doc:"The wait before each piece."`
	Waits bool          `yaml:"waits" doc:"Ends only when all is acknowledged."`
	hear  func(id string, at int64) error
}

func (k *acker) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &ackerOp{k: k, env: env}, nil
}

type ackerOp struct {
	k      *acker
	env    *nodes.Env
	at     int
	taken  atomic.Int64
	closed bool
}

func (o *ackerOp) Next(ctx context.Context) (any, nodes.Position, error) {
	if o.k.Count > 0 && o.at >= o.k.Count {
		for o.k.Waits && o.taken.Load() < int64(o.at) {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		}
		return nil, nil, io.EOF
	}
	select {
	case <-time.After(o.k.Every):
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	from := o.at
	o.at += max(1, o.k.Piece)
	if o.k.Count > 0 {
		o.at = min(o.at, o.k.Count)
	}
	return numbered(from, o.at), nodes.Position(strconv.Itoa(o.at)), nil
}

func (o *ackerOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return out.Emit(0, batchOf(in.Made.([]item)...))
}

func (o *ackerOp) Taken(after nodes.Position) error {
	if o.closed {
		return fmt.Errorf("told of %s after it was closed", after)
	}
	at, err := strconv.ParseInt(string(after), 10, 64)
	if err != nil {
		return err
	}
	o.taken.Store(at)
	return o.k.hear(o.env.Node.ID, at)
}

func (o *ackerOp) Endless() bool { return o.k.Count == 0 }
func (o *ackerOp) Close() error  { o.closed = true; return nil }

// ackKinds declares acker, which tells hear; got, a sink that keeps items and has them only
// when it was flushed; and withheld, one that has them when the run has ended.
func ackKinds(hear func(id string, at int64) error, keep func(id string, n int64)) []nodes.Decl {
	gotten := func(_ *opKind, env *nodes.Env) *gotOp { return &gotOp{id: env.Node.ID, keep: keep} }
	return []nodes.Decl{
		nodes.Kind("acker", "Acknowledges.", &acker{hear: hear}, nodes.OutPort(graph.Port{Name: "out", Any: true}),
			nodes.Workers(graph.Single), nodes.Acknowledges()),
		nodes.Kind("got", "Keeps items.", &gotKind{make: gotten}, nodes.InPort(graph.Port{Name: "in", Any: true, Arity: graph.Many}), nodes.Workers(graph.Single)),
		nodes.Kind("withheld", "Keeps items for the end.", &gotKind{make: gotten, withholds: true}, nodes.InPort(portIn), nodes.Workers(graph.Single)),
	}
}

type gotKind struct {
	opKind
	make      func(*opKind, *nodes.Env) *gotOp
	withholds bool
}

func (k *gotKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	o := k.make(&k.opKind, env)
	if k.withholds {
		return &withheldOp{*o}, nil
	}
	return o, nil
}

type gotOp struct {
	id   string
	keep func(id string, n int64)
	held []int64
}

func (o *gotOp) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	for _, x := range values(in.Data) {
		o.held = append(o.held, x.N)
	}
	return nil
}

func (o *gotOp) Flush(context.Context) error {
	for _, n := range o.held {
		o.keep(o.id, n)
	}
	o.held = nil
	return nil
}

type withheldOp struct{ gotOp }

func (o *withheldOp) Seal(context.Context, uint64) error   { return nil }
func (o *withheldOp) Commit(context.Context, uint64) error { return nil }
func (o *withheldOp) Abort(context.Context) error          { return nil }

// A source hears of what it gave when every sink has flushed it and nothing of it waits on
// an edge, in a batcher or in a batch any more; and soon.
func TestAcknowledgement(t *testing.T) {
	const hour = time.Hour
	for _, c := range []struct {
		name, behind string
		want         map[time.Duration]int64 // up to when it has heard of how many; negative: at least
	}{
		{"at once", "sink: {use: got, in: source}", map[time.Duration]int64{time.Second + 200*time.Millisecond: 3, 5*time.Second + 200*time.Millisecond: 15}},
		{"two sinks", "sink: {use: got, in: source}\n  other: {use: got, in: source}", map[time.Duration]int64{5*time.Second + 200*time.Millisecond: 15}},
		{"a delay", "sink: {use: got, in: {from: source, delay: 1h}}", map[time.Duration]int64{hour: 0, hour + 2*time.Second + 200*time.Millisecond: 6, hour + 10*time.Second + 200*time.Millisecond: 30}},
		{"a delay on one of two ways", "sink: {use: got, in: source}\n  other: {use: got, in: {from: source, delay: 1h}}", map[time.Duration]int64{hour: 0, hour + 10*time.Second + 200*time.Millisecond: 30}},
		{"two delays", "mid: {use: step, in: {from: source, delay: 1h}}\n  sink: {use: got, in: {from: mid, delay: 1h}}", map[time.Duration]int64{2 * hour: 0, 2*hour + 2*time.Second + 200*time.Millisecond: 6, 2*hour + 10*time.Second + 200*time.Millisecond: 30}},
		{"a batch that waits", "sink: {use: got, in: source, batch: {count: 1000, period: 1m}}", map[time.Duration]int64{time.Minute: 0, time.Minute + 1200*time.Millisecond: -180}},
		{"a batch that is never full", "sink: {use: got, in: source, batch: {count: 7}}", map[time.Duration]int64{2*time.Second + 200*time.Millisecond: 0, 3*time.Second + 200*time.Millisecond: 6, 4*time.Second + 200*time.Millisecond: 6, 10*time.Second + 200*time.Millisecond: 27}},
		{"a filter that drops all", "none: {use: copies, in: source, with: {times: 0}}\n  sink: {use: got, in: none}", map[time.Duration]int64{5*time.Second + 200*time.Millisecond: 15}},
		{"slow workers", "mid: {use: step, in: source, workers: 3, with: {delays: [7s]}}\n  sink: {use: got, in: mid}", map[time.Duration]int64{7 * time.Second: 0, 8*time.Second + 300*time.Millisecond: 3, hour: -1500}},
		{"slow workers in any order", "mid: {use: step, in: source, workers: 3, order: none, with: {delays: [7s]}}\n  sink: {use: got, in: mid}", map[time.Duration]int64{7 * time.Second: 0, 8*time.Second + 300*time.Millisecond: 3, hour: -1500}},
		{"a slow node behind a queue that spills", "mid: {use: step, in: {from: source, on_full: spill, capacity: 2}, with: {delays: [7s]}}\n  sink: {use: got, in: mid}", map[time.Duration]int64{20 * time.Second: 0, 22*time.Second + 300*time.Millisecond: 3, hour: -500}},
		{"a slow node behind a queue that drops", "mid: {use: step, in: {from: source, on_full: drop_newest, capacity: 2}, with: {delays: [7s]}}\n  sink: {use: got, in: mid}", map[time.Duration]int64{7 * time.Second: 0, 14 * time.Second: 0, 22*time.Second + 300*time.Millisecond: -3, hour: -10000}},
		{"a slow node behind a queue with priorities", "mid: {use: step, in: {from: source, priority: n % 3, aging: 1s}, with: {delays: [7s]}}\n  sink: {use: got, in: mid}", map[time.Duration]int64{20 * time.Second: 0, hour: -100}},
		{"a batch that is given at a rate", "mid: {use: step, in: source, rate: 1/10s, with: {add: 0}}\n  sink: {use: got, in: mid}", map[time.Duration]int64{19 * time.Second: 0, hour: -100}},
		{"items that fail", "mid: {use: step, in: source, with: {fail: [1, 4]}, on_error: dead}\n  sink: {use: got, in: mid}\n  dead: {use: got, in: {from: mid.errors, delay: 1h}}", map[time.Duration]int64{hour: 0, hour + 1200*time.Millisecond: 3}},
		{"a limit that is reached", "few: {use: first, in: source, with: {count: 7}}\n  sink: {use: got, in: few}", map[time.Duration]int64{hour: 6}},
		{"a limit beside", "few: {use: first, in: source, with: {count: 7}}\n  sink: {use: got, in: few}\n  rest: {use: got, in: source}", map[time.Duration]int64{10*time.Second + 200*time.Millisecond: 30}},
		{"a sink that keeps all to the end", "sink: {use: withheld, in: source}", map[time.Duration]int64{hour: 0}},
	} {
		for _, serial := range []bool{false, true} {
			if serial && (strings.Contains(c.name, "batch") || strings.Contains(c.name, "slow") || strings.Contains(c.behind, "delay") || strings.Contains(c.behind, "rate")) {
				continue // a serial run puts nothing together, waits for each item and for no edge
			}
			t.Run(fmt.Sprintf("%s, serial %v", c.name, serial), func(t *testing.T) {
				virtual(t, func(t *testing.T) { hears(t, c.behind, serial, c.want) })
			})
		}
	}
}

// hears runs a source of three items a second with something behind it.
func hears(t *testing.T, behind string, serial bool, want map[time.Duration]int64) {
	var mu sync.Mutex
	var heard int64
	hear := func(_ string, at int64) error {
		mu.Lock()
		defer mu.Unlock()
		if at <= heard {
			t.Errorf("it hears of %d after %d", at, heard)
		}
		heard = at
		return nil
	}
	// Other sources keep the run alive, so that the end does not tell anything.
	tr := try(t, `
  source: {use: acker, with: {count: 30000, piece: 3, every: 1s}}
  alive:  {use: emit, with: {every: 1000h}}
  there:  {use: keep, in: alive}
  `+behind, scheduler.Options{Serial: serial}, ackKinds(hear, func(string, int64) {})...)
	ctx, kill := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		tr.execute(ctx)
	}()
	start := time.Now()
	for _, d := range slices.Sorted(func(yield func(time.Duration) bool) {
		for d := range want {
			if !yield(d) {
				return
			}
		}
	}) {
		time.Sleep(time.Until(start.Add(d)))
		mu.Lock()
		if n := want[d]; n >= 0 && heard != n || heard < -n {
			t.Errorf("after %s it has heard of %d items, want %d", d, heard, want[d])
		}
		mu.Unlock()
	}
	kill()
	<-over
}

// Random flows behind sources that acknowledge: whenever one hears of items, all that the
// interpreter makes of these has come to the sinks, and was flushed; in the end, all is
// acknowledged.
func TestAcknowledgementInRandomFlows(t *testing.T) {
	seeds := manySeeds(300)
	told := 0
	for seed := range uint64(seeds) {
		virtual(t, func(t *testing.T) { told += ackAtRandom(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d flows, %d acknowledgements", seeds, told)
}

func ackAtRandom(t *testing.T, seed uint64) (told int) {
	var mu sync.Mutex
	got := map[string]map[int64]int{}
	heard := map[string]int64{}
	logs := &cutKinds{logs: map[string]*cutLog{}, seed: seed, flight: func() uint64 { return 0 }}
	var flow *graph.Flow
	text := ""
	hear := func(id string, at int64) error {
		mu.Lock()
		defer mu.Unlock()
		told++
		heard[id] = at
		if wrong := missing(flow, id, at, got); wrong != "" {
			t.Errorf("seed %d: %s hears of %d items, but %s\n%s", seed, id, at, wrong, text)
		}
		return nil
	}
	kinds := ackKinds(hear, func(id string, n int64) {
		mu.Lock()
		defer mu.Unlock()
		if got[id] == nil {
			got[id] = map[int64]int{}
		}
		got[id][n]++
	})
	reg, err := nodes.NewRegistry(logs.kinds(), kinds)
	if err != nil {
		t.Fatal(err)
	}
	for try := uint64(0); ; try++ {
		text = ackedFlow(rand.New(rand.NewPCG(seed, try)))
		var list diag.List
		if flow, list = graph.Load(diag.NewSource("test.yaml", []byte(text)), reg, graph.Options{}); !list.HasErrors() {
			break
		} else if try > 100 {
			t.Fatal(list.Err(), text)
		}
	}
	run, err := scheduler.New(flow, reg, scheduler.Options{SpillDir: t.TempDir(), Serial: seed%10 == 9, Cuts: scheduler.Cuts{Every: 3 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Run(context.Background()); err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, text)
	}
	for _, n := range flow.Nodes {
		if k, ok := n.Config.(*acker); ok && heard[n.ID] != int64(k.Count) {
			t.Errorf("seed %d: %s has heard of %d items in the end\n%s", seed, n.ID, heard[n.ID], text)
		}
	}
	return told
}

// ackedFlow is a random flow without what drops items or makes something else of them.
func ackedFlow(r *rand.Rand) string {
	w := &flowWriter{Rand: r, lossless: true}
	w.text.WriteString("flow: test\nnodes:\n")
	for i := range 1 + r.IntN(2) {
		id := fmt.Sprintf("feed%d", i)
		fmt.Fprintf(&w.text, "  %s: {use: acker, with: {count: %d, piece: %d, every: %dus}}\n", id, 20+r.IntN(100), 1+r.IntN(9), 200+r.IntN(3000))
		w.unread, w.ports = append(w.unread, id+".out"), append(w.ports, id+".out")
	}
	for i := range 1 + r.IntN(5) {
		w.middle(fmt.Sprintf("n%d", i))
	}
	for i := 0; len(w.unread) > 0; i++ {
		port := w.unread[0]
		w.read(port)
		w.node(fmt.Sprintf("sink%d", i), "got", "none", w.edge(port), w.batch())
	}
	return w.text.String()
}

// missing says what of the first items of a source has not come to where it should be.
func missing(flow *graph.Flow, source string, at int64, got map[string]map[int64]int) string {
	came := map[*graph.Node][]int64{}
	for _, n := range flow.Nodes {
		if n.ID == source {
			for i := range at {
				came[n] = append(came[n], i)
			}
		}
		var events []logged
		for _, x := range came[n] {
			events = append(events, logged{what: 'i', n: x})
		}
		s := sent{came[n]}
		if k, ok := n.Config.(*opKind); ok {
			s = interpret(k.Mode, events)
		}
		if _, sink := n.Config.(*gotKind); sink {
			count := map[int64]int{}
			for _, x := range came[n] {
				if count[x]++; count[x] > got[n.ID][x] {
					return fmt.Sprintf("%s has item %d only %d times", n.ID, x, got[n.ID][x])
				}
			}
		}
		for i, out := range n.Out {
			for _, e := range out.Edges {
				if out.Name != graph.ErrorPort {
					came[e.To] = append(came[e.To], s[i]...)
				}
			}
		}
	}
	return ""
}
