package nodetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

var numbered = types.Record(types.Field{Name: "n", Type: types.Int})

func emitNumber(out nodes.Out, n int64) error {
	b := record.New(numbered)
	b.Fresh(0)
	b.Rows = 1
	b.Cols[0].Resize(1)
	b.Cols[0].Int[0] = n
	return out.Emit(0, b)
}

// made is a kind whose operator a test gives.
type made struct {
	operator func() nodes.Operator
}

func (k *made) Infer(c *graph.Inference) { c.Out("out", numbered) }

func (k *made) Operator(*nodes.Env) (nodes.Operator, error) { return k.operator(), nil }

// A countOp is a source of numbers, one in ten milliseconds.
type countOp struct{ given, count int64 }

func (o *countOp) Next(context.Context) (any, nodes.Position, error) {
	if o.given == o.count {
		return nil, nil, io.EOF
	}
	time.Sleep(10 * time.Millisecond)
	o.given++
	return o.given, strconv.AppendInt(nil, o.given, 10), nil
}

func (o *countOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	return emitNumber(out, in.Made.(int64))
}

// A forgetfulOp is a countOp that says only once that it has come to its end.
type forgetfulOp struct{ seekingOp }

func (o *forgetfulOp) Next(ctx context.Context) (any, nodes.Position, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return o.seekingOp.Next(ctx)
}

// A seekingOp is a countOp that goes on.
type seekingOp struct {
	countOp
	seek func(o *countOp, after int64) error
}

func (o *seekingOp) Seek(_ context.Context, after nodes.Position) error {
	at, err := strconv.ParseInt(string(after), 10, 64)
	if err != nil {
		return err
	}
	return o.seek(&o.countOp, at)
}

// A source must go on at each of its positions with what came after it.
func TestKitResumesSources(t *testing.T) {
	seeking := func(count int64, seek func(o *countOp, after int64) error) func() nodes.Operator {
		return func() nodes.Operator { return &seekingOp{countOp{0, count}, seek} }
	}
	right := func(o *countOp, after int64) error { o.given = after; return nil }
	for _, c := range []struct {
		name string
		make func() nodes.Operator
		want string // in the first problem; "": none is found
	}{
		{"goes on", seeking(9, right), ""},
		{"has more than is looked at", seeking(10*maxPulled, right), ""},
		{"repeats an item", seeking(9, func(o *countOp, after int64) error { o.given = after - 1; return nil }), `resumed after "1": item 1 is`},
		{"leaves out the last one", seeking(9, func(o *countOp, after int64) error { o.given, o.count = after, 8; return nil }), "the end\nwant\n0: {\"n\":9}"},
		{"refuses", seeking(9, func(o *countOp, after int64) error { return errors.New("not here") }), "not here"},
		{"says only once that it has ended", func() nodes.Operator { return &forgetfulOp{seekingOp{countOp{0, 9}, right}} }, "it said context canceled in place of io.EOF"},
		{"gives positions that it does not take", func() nodes.Operator { return &countOp{0, 9} }, "no method Seek"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkMade(t, c.make, c.want, graph.Example{Flow: "flow: counted\nnodes:\n  a: {use: made}\n  few: {use: limit, in: a, with: {count: 3}}\n  b: {use: file.write, in: few, with: {path: \"-\", format: jsonl}}\n",
				Want: map[string]string{Stdio: "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"}})
		})
	}
}

// checkMade checks whether the kind made goes on; where nothing is wrong with it, all of
// it.
func checkMade(t *testing.T, make func() nodes.Operator, want string, example graph.Example) {
	t.Helper()
	opts := []nodes.Option{nodes.OutPort(graph.Port{Name: "out", Doc: "Out."}), nodes.Workers(graph.Single)}
	if strings.Contains(example.Flow, "use: made, in") {
		opts = append(opts, nodes.InPort(graph.Port{Name: "in", Doc: "In."}))
	}
	registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.Kind("made", "Made by a test.", &made{make}, opts...)})
	if err != nil {
		t.Fatal(err)
	}
	if want == "" {
		for _, wrong := range checkExample(t, registry, "made", example, nil) {
			t.Error(wrong)
		}
		return
	}
	c := newConformance(t, registry, "made", example)
	if got := c.check(c.loads, c.goesOn); len(got) == 0 || !strings.Contains(got[0], want) {
		t.Errorf("found %.500q, want %q", got, want)
	}
}

// A sumOp gives the sum of the numbers so far for each, its negative when nothing has
// come for a while, and how many there were in the end.
type sumOp struct {
	sumState
	fault string
}

type sumState struct {
	Sum, Count int64
	At         time.Time // when nothing has come for a while
}

func (o *sumOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	b := in.Data.(*record.Batch)
	for i := range b.Len() {
		o.Sum += b.Cols[0].Int[b.Row(i)]
		o.Count++
		o.At = time.Now().Add(10 * time.Millisecond)
		if err := emitNumber(out, o.Sum); err != nil {
			return err
		}
	}
	return nil
}

func (o *sumOp) Due() time.Time { return o.At }

func (o *sumOp) OnTime(_ context.Context, _ time.Time, out nodes.Out) error {
	o.At = time.Time{}
	return emitNumber(out, -o.Sum)
}

func (o *sumOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	return emitNumber(out, o.Count)
}

func (o *sumOp) Save() (func(io.Writer) error, error) {
	now := o.sumState
	return func(w io.Writer) error {
		if o.fault == "writes what it is later" {
			now = o.sumState
		}
		return json.NewEncoder(w).Encode(now)
	}, nil
}

func (o *sumOp) Load(r io.Reader) error {
	if o.fault == "cannot load" {
		return errors.New("no state of mine")
	}
	if err := json.NewDecoder(r).Decode(&o.sumState); err != nil {
		return err
	}
	switch o.fault {
	case "forgets the time":
		o.At = time.Time{}
	case "forgets a field":
		o.Count = 0
	}
	return nil
}

// What was saved and loaded must go on as if nothing had happened.
func TestKitRestoresState(t *testing.T) {
	var lines strings.Builder
	sum := 0
	for n := range 15 {
		sum += n
		fmt.Fprintf(&lines, "{\"n\":%d}\n", sum)
		if n < 14 {
			fmt.Fprintf(&lines, "{\"n\":%d}\n", -sum)
		}
	}
	fmt.Fprintf(&lines, "{\"n\":15}\n{\"n\":%d}\n", -sum) // all have ended when it is due for the last time
	for _, c := range []struct{ fault, want string }{
		{"", ""},
		{"writes what it is later", "when it was loaded"},
		{"cannot load", "no state of mine"},
		{"forgets the time", "when it was loaded it is due at"},
		{"forgets a field", "when it was loaded, item"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			checkMade(t, func() nodes.Operator { return &sumOp{fault: c.fault} }, c.want, graph.Example{
				Flow: "flow: sums\nnodes:\n  a: {use: generate, with: {count: 15, rate: 50}}\n  sums: {use: made, in: a}\n  b: {use: file.write, in: sums, with: {path: \"-\", format: jsonl}}\n",
				Want: map[string]string{Stdio: lines.String()}})
		})
	}
}

// A staffedOp counts its workers.
type staffedOp struct {
	nodes.Operator
	opened, closed *atomic.Int64
}

func (o staffedOp) NewWorker(context.Context) (nodes.Worker, error) {
	o.opened.Add(1)
	return staffedWorker(o), nil
}

type staffedWorker staffedOp

func (w staffedWorker) Work(_ context.Context, in nodes.Input, out nodes.Out) (any, error) {
	return nil, out.Emit(0, in.Data.Retain())
}

func (w staffedWorker) Close() error {
	w.closed.Add(1)
	return nil
}

// Every worker that was opened is closed, however a run ends.
func TestWorkersAreClosed(t *testing.T) {
	var opened, closed atomic.Int64
	make := func() nodes.Operator { return staffedOp{serially(pass), &opened, &closed} }
	opts := []nodes.Option{nodes.InPort(graph.Port{Name: "in", Doc: "In."}), nodes.OutPort(graph.Port{Name: "out", Doc: "Out."})}
	registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.Kind("made", "Made by a test.", &made{make}, opts...)})
	if err != nil {
		t.Fatal(err)
	}
	flow := "flow: staffed\nnodes:\n  a: {use: generate, with: {count: 15}}\n  c: {use: made, in: a}\n  b: {use: file.write, in: c, with: {path: \"-\", format: jsonl}}\n"
	var lines strings.Builder
	for n := range 15 {
		fmt.Fprintf(&lines, "{\"n\":%d}\n", n)
	}
	for _, wrong := range checkExample(t, registry, "made", graph.Example{Flow: flow, Want: map[string]string{Stdio: lines.String()}}, nil) {
		t.Error(wrong)
	}
	if opened.Load() < 100 || closed.Load() != opened.Load() {
		t.Errorf("%d workers were opened and %d closed", opened.Load(), closed.Load())
	}
}
