// Package webtest makes flows and runs to look at: what a page shows depends on what
// a run counts, and here a test decides what that is.
package webtest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Builder puts a flow together that no run could execute, but that can be drawn.
type Builder struct {
	Flow *graph.Flow
	text []string
}

// Build begins a flow.
func Build(name string) *Builder {
	return &Builder{Flow: &graph.Flow{Name: name}}
}

// Node adds a node; ins and outs are "name" or "name:Type", separated by spaces.
func (b *Builder) Node(id, kind, ins, outs string) *graph.Node {
	n := &graph.Node{ID: id, Kind: kind, Spec: &graph.Spec{Kind: kind, Summary: "Stands in for " + kind + "."}, Engine: graph.Engine{OnError: "fail", Workers: graph.FixedWorkers(1)}}
	for _, name := range strings.Fields(ins) {
		n.In = append(n.In, &graph.Input{Port: graph.Port{Name: name}})
	}
	for _, word := range strings.Fields(outs) {
		name, typ, _ := strings.Cut(word, ":")
		n.Out = append(n.Out, &graph.Output{Port: graph.Port{Name: name}, Carries: b.typ(typ)})
	}
	n.Out = append(n.Out, &graph.Output{Port: graph.Port{Name: graph.ErrorPort}, Carries: graph.ErrorItem})
	b.Flow.Nodes = append(b.Flow.Nodes, n)
	b.text = append(b.text, fmt.Sprintf("  %s:\n    use: %s\n    with: {password: hunter2, rows: %d}", id, kind, len(b.text)))
	return n
}

func (b *Builder) typ(name string) *types.Type {
	if name == "" {
		return types.String
	}
	if elem, ok := strings.CutPrefix(name, "["); ok {
		return types.List(b.typ(strings.TrimSuffix(elem, "]")))
	}
	return types.Record(types.Field{Name: "device", Type: types.String}, types.Field{Name: "mean", Type: types.Float}).Named(name)
}

// Edge joins two ports, each "node.port".
func (b *Builder) Edge(from, to string, capacity int) *graph.Edge {
	a, out, _ := strings.Cut(from, ".")
	z, in, _ := strings.Cut(to, ".")
	e := &graph.Edge{ID: len(b.Flow.Edges), From: b.Flow.Node(a), To: b.Flow.Node(z), Contract: graph.DefaultContract()}
	e.FromPort, e.ToPort = e.From.Output(out), e.To.Input(in)
	e.Type, e.Contract.Capacity = e.FromPort.Carries, capacity
	e.FromPort.Edges, e.ToPort.Edges = append(e.FromPort.Edges, e), append(e.ToPort.Edges, e)
	b.Flow.Edges = append(b.Flow.Edges, e)
	return e
}

// Done gives the flow, with a text that its nodes stand in.
func (b *Builder) Done() *graph.Flow {
	source := diag.NewSource(b.Flow.Name+".yaml", []byte("flow: "+b.Flow.Name+"\nnodes:\n"+strings.Join(b.text, "\n")+"\n"))
	b.Flow.At = diag.Span{Source: source, Line: 1, Col: 1}
	for i, n := range b.Flow.Nodes {
		n.At = diag.Span{Source: source, Line: 3 + 3*i, Col: 3, Width: len(n.ID)}
	}
	return b.Flow
}

// Sensors is a flow of fifteen nodes in which enrich is too slow.
func Sensors() *graph.Flow {
	b := Build("etl-iot")
	b.Flow.About = "From sensors to a warehouse"
	b.Node("mqtt_in", "mqtt.read", "", "out:Reading")
	b.Node("files", "file.read", "", "out:Line")
	b.Node("decode", "map", "in", "out:Reading").Engine.OnError = "dead"
	b.Node("clean", "filter", "in", "out:Reading")
	b.Node("avg_1m", "window", "in", "out:Stat")
	b.Node("bundle", "batch", "in", "out:[Stat]")
	b.Node("unbatch", "unbatch", "in", "out:Stat")
	b.Node("devices", "sql.read", "", "out:Device")
	b.Node("enrich", "lookup", "in table", "out:Enriched miss:Stat")
	b.Node("route", "route", "in", "alert:Enriched all:Enriched")
	b.Node("alert", "http.post", "in", "")
	b.Node("kpi", "group", "in", "out:KPI").Engine.Workers = graph.FixedWorkers(4)
	b.Node("dashboard", "redis.write", "in", "")
	b.Node("warehouse", "sql.write", "in", "")
	b.Node("dead_letter", "file.write", "in", "")
	for _, e := range []struct {
		from, to string
		capacity int
	}{
		{"mqtt_in.out", "clean.in", 256}, {"files.out", "decode.in", 64}, {"decode.out", "clean.in", 256}, {"clean.out", "avg_1m.in", 128},
		{"avg_1m.out", "bundle.in", 128}, {"bundle.out", "unbatch.in", 8}, {"unbatch.out", "enrich.in", 128}, {"devices.out", "enrich.table", 8192},
		{"enrich.out", "route.in", 64}, {"route.alert", "alert.in", 32}, {"route.all", "kpi.in", 512}, {"route.all", "warehouse.in", 512},
		{"kpi.out", "dashboard.in", 64}, {"decode.errors", "dead_letter.in", 16}, {"enrich.miss", "dead_letter.in", 16},
	} {
		b.Edge(e.from, e.to, e.capacity)
	}
	b.Flow.Edges[9].Contract.OnFull = "drop_oldest" // an alert that comes late is worth nothing
	return b.Done()
}

// Large is a flow of n nodes in columns, about 1.3 edges a node.
func Large(n int) *graph.Flow {
	const column = 12
	b := Build(fmt.Sprintf("large-%d", n))
	kinds := []string{"map", "filter", "group", "window", "unique"}
	for i := range n {
		if i < column {
			b.Node(fmt.Sprintf("node_%d", i), "file.read", "", "out:Row")
			continue
		}
		b.Node(fmt.Sprintf("node_%d", i), kinds[i%len(kinds)], "in", "out:Row")
		b.Edge(fmt.Sprintf("node_%d.out", i-column+(i*7%3-1+column)%column%3), fmt.Sprintf("node_%d.in", i), 1024)
		if i%3 == 0 && i > 2*column {
			b.Edge(fmt.Sprintf("node_%d.out", i-2*column+i%5), fmt.Sprintf("node_%d.in", i), 1024)
		}
	}
	return b.Done()
}

// A Load is what a node does each second.
type Load struct {
	In, Out       float64
	Busy, Blocked float64 // shares; the rest is starved
	P99           time.Duration
	Failing       float64 // items that fail a second
}

// A Run plays a run: everything grows evenly from Start by what Loads and Fills
// say. Its methods may be called from many goroutines.
type Run struct {
	flow  *graph.Flow
	start time.Time

	mu      sync.Mutex
	loads   map[string]Load
	fills   map[int]float64 // share of the capacity by edge
	drops   map[int]float64 // items dropped a second by edge
	held    map[string]bool // nodes that are paused
	paused  bool
	outcome string
	failure string
	took    time.Duration
	stopped int
	asked   int
	silent  bool              // no share is counted
	failed  map[string]int64  // items that failed on nodes that Fail was called for
	spent   map[string]effort // at the last Set
	cuts    *metrics.CutReport
	cutAt   time.Time         // when that was set
	epochs  map[string]uint64 // by node

	pieces map[string]*pieces
}

// pieces are those that a node has worked on.
type pieces struct {
	n    int
	took metrics.Histogram
}

// until adds those of a load until a later moment: twenty a second, one in forty as
// slow as P99 says, the others three times as fast.
func (p *pieces) until(at float64, l Load) metrics.Distribution {
	for ; l.P99 > 0 && p.n < int(20*at); p.n++ {
		if p.n%40 == 0 {
			p.took.Add(l.P99)
		} else {
			p.took.Add(l.P99 / 3)
		}
	}
	return p.took.Snapshot()
}

// An effort is the time that a node spent until a moment, all in seconds.
type effort struct{ at, busy, blocked float64 }

// until adds what a load spends until a later moment.
func (s effort) until(at float64, l Load) effort {
	return effort{at, s.busy + l.Busy*(at-s.at), s.blocked + l.Blocked*(at-s.at)}
}

// Play makes a run that began a minute ago. Nodes without a load are idle.
func Play(flow *graph.Flow, loads map[string]Load, fills map[int]float64) *Run {
	return &Run{flow: flow, start: time.Now().Add(-time.Minute), loads: loads, fills: fills, outcome: "running", spent: map[string]effort{}, pieces: map[string]*pieces{}}
}

// PlaySensors plays Sensors with enrich as its bottleneck.
func PlaySensors(flow *graph.Flow) *Run {
	ms := time.Millisecond
	r := Play(flow, map[string]Load{
		"mqtt_in": {Out: 4200, Busy: .32, P99: 2300 * time.Microsecond}, "files": {Out: 919, Busy: .3, P99: 4600 * time.Microsecond},
		"decode": {In: 950, Out: 945, Busy: .34, P99: 4500 * time.Microsecond, Failing: 2}, "clean": {In: 5200, Out: 5150, Busy: .35, P99: 2600 * time.Microsecond},
		"avg_1m": {In: 4400, Out: 850, Busy: .5, P99: 2400 * time.Microsecond}, "bundle": {In: 809, Out: 8, Busy: .08, Blocked: .9, P99: 2500 * time.Microsecond},
		"unbatch": {In: 8, Out: 850, Busy: .08, Blocked: .91, P99: 2400 * time.Microsecond}, "devices": {Out: 12, Busy: .28, P99: 3300 * time.Microsecond},
		"enrich": {In: 771, Out: 771, Busy: .97, P99: 40 * ms}, "route": {In: 867, Out: 867, Busy: .4, P99: 3700 * time.Microsecond},
		"alert": {In: 2.9, Busy: .3, P99: 4800 * time.Microsecond}, "kpi": {In: 770, Out: 1, Busy: .2, P99: ms}, "warehouse": {In: 770, Busy: .33, P99: 4100 * time.Microsecond},
		"dead_letter": {In: 4.1, Busy: .3, P99: 3500 * time.Microsecond},
	}, map[int]float64{0: .2, 1: .11, 2: .18, 3: .41, 4: .78, 5: 1, 6: 1, 8: .08, 9: 1, 10: .96, 13: .19, 14: .07})
	r.drops = map[int]float64{9: .4}
	return r
}

// PlayCut plays Sensors while a cut waits for enrich.
func PlayCut(flow *graph.Flow) *Run {
	r := PlaySensors(flow)
	met := map[string]uint64{}
	for _, id := range strings.Fields("mqtt_in files decode clean avg_1m bundle unbatch devices") {
		met[id] = 1843
	}
	r.Cut(metrics.CutReport{
		Epoch: 1842, Age: 8 * time.Second, Complete: 1840, GivenUp: 2, Last: &metrics.CutHolder{Node: "warehouse", Input: "in"},
		Flight: 1843, For: 7 * time.Second, Waits: &metrics.CutHolder{Node: "enrich", Input: "in"},
	}, met)
	return r
}

// PlayErrors plays Sensors without a bottleneck, but with items that fail.
func PlayErrors(flow *graph.Flow) *Run {
	r := PlaySensors(flow)
	r.fills, r.drops = map[int]float64{0: .2, 1: .11, 2: .18, 3: .23, 13: .3, 14: .07}, nil
	for _, l := range []struct {
		id   string
		load Load
	}{
		{"decode", Load{In: 950, Out: 880, Busy: .61, P99: 4500 * time.Microsecond, Failing: 70}},
		{"bundle", Load{In: 809, Out: 8, Busy: .12, P99: 2500 * time.Microsecond}}, {"unbatch", Load{In: 8, Out: 809, Busy: .1, P99: 2400 * time.Microsecond}},
		{"enrich", Load{In: 809, Out: 805, Busy: .44, P99: 8 * time.Millisecond}}, {"dead_letter", Load{In: 70, Busy: .1, P99: 3500 * time.Microsecond}},
	} {
		r.loads[l.id] = l.load
	}
	return r
}

// PlayLarge plays a flow of any size, each node a little different.
func PlayLarge(flow *graph.Flow) *Run {
	loads, fills := map[string]Load{}, map[int]float64{}
	for i, n := range flow.Nodes {
		rate := float64(1000 + i*37%900)
		loads[n.ID] = Load{In: rate, Out: rate, Busy: .3 + float64(i*13%40)/100, P99: time.Duration(1+i%5) * time.Millisecond}
	}
	for i := range flow.Edges {
		fills[i] = float64(i*29%60) / 100
	}
	if n := len(flow.Nodes); n > 500 {
		slow := flow.Nodes[n/2]
		loads[slow.ID] = Load{In: 300, Out: 300, Busy: .96, P99: 55 * time.Millisecond}
		for _, in := range slow.In {
			for _, e := range in.Edges {
				fills[e.ID] = 1
				loads[e.From.ID] = Load{In: 310, Out: 310, Busy: .1, Blocked: .85, P99: time.Millisecond}
			}
		}
	}
	return Play(flow, loads, fills)
}

// Set changes what a node does from the next look on.
func (r *Run) Set(id string, l Load) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spent[id] = r.spent[id].until(time.Since(r.start).Seconds(), r.loads[id])
	r.loads[id] = l
}

// Drop makes an edge drop items.
func (r *Run) Drop(edge int, perSecond float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drops = map[int]float64{edge: perSecond}
}

// Pause says that the sources take nothing more; nothing else changes.
func (r *Run) Pause() { r.setPaused(true) }

// Resume takes that back.
func (r *Run) Resume() { r.setPaused(false) }

func (r *Run) setPaused(paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = paused
}

// Tap fails, for there are no items.
func (r *Run) Tap(int, scheduler.TapOptions) (*scheduler.Tap, error) {
	return nil, errors.New("a run that is played has no items")
}

// Hold pauses nodes.
func (r *Run) Hold(ids ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = map[string]bool{}
	for _, id := range ids {
		r.held[id] = true
	}
}

// Fail changes how many items fail a second from now on; those that failed stay.
func (r *Run) Fail(id string, perSecond float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.loads[id]
	r.failed = map[string]int64{id: int64(l.Failing * time.Since(r.start).Seconds())}
	l.Failing = perSecond
	r.loads[id] = l
}

// Cut says how the cuts of the run are at this moment, and which one nodes have met last;
// nodes that are not named have met the last complete one. From then on only time passes.
func (r *Run) Cut(now metrics.CutReport, epochs map[string]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cuts, r.cutAt, r.epochs = &now, time.Now(), epochs
}

// cutsNow gives the cuts of now, and the epoch of every node.
func (r *Run) cutsNow(nodes []metrics.NodeReport) *metrics.CutReport {
	if r.cuts == nil {
		return nil
	}
	now := *r.cuts
	now.Age += time.Since(r.cutAt)
	if now.Flight > 0 {
		now.For += time.Since(r.cutAt)
	}
	for i := range nodes {
		n := &nodes[i]
		n.Epoch = max(now.Epoch, r.epochs[n.ID])
	}
	return &now
}

// Uncounted makes every wait and every task one that has not ended yet.
func (r *Run) Uncounted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = true
}

// Asked is how often Stats was called.
func (r *Run) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Finish ends the run: "done", "stopped", or "failed" with an error.
func (r *Run) Finish(outcome, failure string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome, r.failure, r.took = outcome, failure, time.Since(r.start)
}

// Stop counts, and ends the run as stopped.
func (r *Run) Stop() {
	r.Finish("stopped", "")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped++
}

// Stopped is how often Stop was called.
func (r *Run) Stopped() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// Stats gives the counters of now.
func (r *Run) Stats() metrics.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	took := r.took
	if r.outcome == "running" {
		took = time.Since(r.start)
	}
	rep := metrics.Report{Flow: r.flow.Name, Outcome: r.outcome, Error: r.failure, Started: r.start, Took: took}
	// What has come by now at a rate that swings a little around its mean.
	grown := func(rate float64, phase int) int64 {
		t := took.Seconds()
		return int64(rate * (t + .12*math.Sin(.7*t+float64(phase)) + .03*math.Sin(3.1*t)))
	}
	for i, n := range r.flow.Nodes {
		l := r.loads[n.ID]
		s := r.spent[n.ID].until(took.Seconds(), l)
		busy, blocked := s.busy/took.Seconds(), s.blocked/took.Seconds()
		if r.pieces[n.ID] == nil {
			r.pieces[n.ID] = &pieces{}
		}
		node := metrics.NodeReport{
			Latency: r.pieces[n.ID].until(took.Seconds(), l),
			ID:      n.ID, Kind: n.Kind, State: "running", Workers: max(1, n.Engine.Workers.Min), In: grown(l.In, i), Out: grown(l.Out, i),
			Dead: r.failed[n.ID] + int64(l.Failing*took.Seconds()), Busy: busy, Blocked: blocked, Starved: 1 - busy - blocked, P50: l.P99 / 3, P99: l.P99, Source: len(n.In) == 0,
		}
		if r.silent {
			node.Busy, node.Starved = 0, 0
		}
		if r.held[n.ID] || r.paused && node.Source {
			node.State = "paused"
		}
		if r.outcome != "running" {
			node.State = "done"
		}
		rep.Nodes = append(rep.Nodes, node)
	}
	rep.Paused = r.paused
	rep.Cuts = r.cutsNow(rep.Nodes)
	for i, e := range r.flow.Edges {
		rate, items := r.loads[e.From.ID].Out, r.fills[i]*float64(e.Contract.Capacity)
		onFull := e.Contract.OnFull
		if onFull == "block" {
			onFull = ""
		}
		rep.Edges = append(rep.Edges, metrics.EdgeReport{
			OnFull: onFull,
			From:   e.From.ID + "." + e.FromPort.Name, To: e.To.ID + "." + e.ToPort.Name, Capacity: e.Contract.Capacity,
			Items: int64(items), Bytes: int64(items * 60), Sent: grown(rate, i), Received: grown(rate, i),
			Dropped: grown(r.drops[i], i), Oldest: time.Duration(items / max(rate, 1) * float64(time.Second)),
		})
	}
	return rep
}

// RecentErrors gives one error for every node that fails on items.
func (r *Run) RecentErrors(id string) []scheduler.ItemError {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loads[id].Failing == 0 {
		return nil
	}
	return []scheduler.ItemError{{Time: r.start, Error: "wrong field count: 3, want 4", Item: `{"line":"d-0417;<b>21.43</b>"}`}}
}
