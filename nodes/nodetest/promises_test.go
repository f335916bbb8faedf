package nodetest

import (
	"context"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// madeAcker is made whose settings say whether it acknowledges.
type madeAcker struct {
	made
	acks bool
}

func (k *madeAcker) Acks() bool { return k.acks }

// madeWithholder is made whose settings say whether it withholds what it has.
type madeWithholder struct {
	made
	withholds bool
}

func (k *madeWithholder) Withholds(func(string) string) (string, bool) { return "", k.withholds }

// A takenOp is a countOp that is told how far it was taken.
type takenOp struct{ seekingOp }

func (*takenOp) Taken(nodes.Position) error { return nil }

// A commitOp is a sink that commits.
type commitOp struct{ nodes.Operator }

func (commitOp) Seal(context.Context, uint64) error   { return nil }
func (commitOp) Commit(context.Context, uint64) error { return nil }
func (commitOp) Abort(context.Context) error          { return nil }

// A lastsOp may give what it has before that.
type lastsOp struct {
	commitOp
	lasts bool
}

func (o lastsOp) Lasts() bool { return o.lasts }

// An idleOp says that it lasts, and commits nothing.
type idleOp struct{ nodes.Operator }

func (idleOp) Lasts() bool { return true }

// A lateOp gives each item when the next one has come, or its input has ended; fault is
// what is wrong with what it says of that.
type lateOp struct {
	item  record.Data
	fault string
	ended bool
}

func (o *lateOp) Process(_ context.Context, in nodes.Input, out nodes.Out) error {
	for i := range in.Data.Len() {
		if err := o.give(out); err != nil {
			return err
		}
		o.item = in.Data.Slice(i, i+1)
	}
	return nil
}

func (o *lateOp) give(out nodes.Out) error {
	item := o.item
	if o.item = nil; item == nil {
		return nil
	}
	return out.Emit(0, item)
}

func (o *lateOp) End(_ context.Context, _ nodes.EndedEdge, out nodes.Out) error {
	o.ended = true
	return o.give(out)
}

func (o *lateOp) Close() error {
	if o.item != nil {
		o.item.Release()
	}
	return nil
}

func (o *lateOp) held() int {
	if o.item == nil {
		return 0
	}
	return 1
}

// A holderOp is one that tells what it holds.
type holderOp struct{ lateOp }

func (o *holderOp) Held() int {
	switch o.fault {
	case "nothing":
		return 0
	case "less than nothing":
		return o.held() - 2
	case "more than was given":
		return 100 * o.held()
	case "something at the end":
		return max(o.held(), map[bool]int{true: 1}[o.ended])
	}
	return o.held()
}

// A spreadHolderOp has a parallel part.
type spreadHolderOp struct{ nodes.Spread }

func (spreadHolderOp) Held() int { return 0 }

// What a declaration says of acknowledgement is what its operator does.
func TestKitComparesPromises(t *testing.T) {
	serial := func() nodes.Operator { return serially(pass) }
	drops := serially(func(context.Context, *record.Batch, nodes.Out) error { return nil })
	right := func(o *countOp, after int64) error { o.given = after; return nil }
	seeks := func() nodes.Operator { return &seekingOp{countOp{0, 9}, right} }
	taken := func() nodes.Operator { return &takenOp{seekingOp{countOp{0, 9}, right}} }
	op := func(op nodes.Operator) func() nodes.Operator { return func() nodes.Operator { return op } }
	holder := func(fault string) func() nodes.Operator {
		return func() nodes.Operator { return &holderOp{lateOp{fault: fault}} }
	}
	in := nodes.InPort(graph.Port{Name: "in", Doc: "In."})
	out := nodes.OutPort(graph.Port{Name: "out", Doc: "Out."})
	source, between, sink := []nodes.Option{out}, []nodes.Option{in, out}, []nodes.Option{in}
	acks, returns := nodes.Acknowledges(), nodes.Returns()
	for _, c := range []struct {
		name  string
		proto nodes.Maker
		ports []nodes.Option
		more  nodes.Option
		want  string // in the first problem; "": none is found
	}{
		{"acknowledges", &made{taken}, source, acks, ""},
		{"does not acknowledge", &made{seeks}, source, nil, ""},
		{"acknowledges and does not say so", &made{taken}, source, nil, "a method Taken, and the declaration does not say"},
		{"says so and does not acknowledge", &made{seeks}, source, acks, "says that it acknowledges, and its operator has no method Taken"},
		{"acknowledges by its settings", &madeAcker{made{taken}, true}, source, acks, ""},
		{"does not by its settings", &madeAcker{made{seeks}, false}, source, acks, ""},
		{"acknowledges against its settings", &madeAcker{made{taken}, false}, source, acks, "although its settings say that it does not"},
		{"does not acknowledge against its settings", &madeAcker{made{seeks}, true}, source, acks, "its operator has no method Taken"},
		{"has settings alone that say so", &madeAcker{made{taken}, true}, source, nil, "a method Acks, and the declaration says nothing of it"},
		{"acknowledges and is no source", &made{serial}, between, acks, "is no source"},

		{"is a sink", &madeWithholder{made{op(drops)}, false}, sink, nil, ""},
		{"withholds", &madeWithholder{made{op(commitOp{drops})}, true}, sink, nil, ""},
		{"withholds and can say that it does not", &madeWithholder{made{op(lastsOp{commitOp{drops}, false})}, true}, sink, nil, ""},
		{"lasts", &madeWithholder{made{op(lastsOp{commitOp{drops}, true})}, false}, sink, nil, ""},
		{"withholds and does not say so", &made{op(commitOp{drops})}, sink, nil, "no method Withholds that says so"},
		{"withholds and says that it does not", &madeWithholder{made{op(commitOp{drops})}, false}, sink, nil, "no method Withholds that says so"},
		{"does not last and says that it does", &madeWithholder{made{op(lastsOp{commitOp{drops}, false})}, false}, sink, nil, "no method Withholds that says so"},
		{"lasts and says that it withholds", &madeWithholder{made{op(lastsOp{commitOp{drops}, true})}, true}, sink, nil, "and its operator does not"},
		{"commits nothing and says that it withholds", &madeWithholder{made{op(drops)}, true}, sink, nil, "and its operator does not"},
		{"commits nothing and lasts", &made{op(idleOp{drops})}, sink, nil, "which is for one that commits"},

		{"holds", &made{holder("")}, between, returns, ""},
		{"holds and cannot tell", &made{func() nodes.Operator { return &lateOp{} }}, between, returns, "its operator has no method Held"},
		{"holds in parallel", &made{op(spreadHolderOp{})}, between, returns, "not for one with a parallel part"},
		{"holds nothing, it says", &made{holder("nothing")}, between, returns, "Held is 0, and this came later"},
		{"holds less than nothing", &made{holder("less than nothing")}, between, returns, "Held is -"},
		{"holds more than was given", &made{holder("more than was given")}, between, returns, "Held is 100, of 1 that were given"},
		{"holds something at the end", &made{holder("something at the end")}, between, returns, "Held is 1 after its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := append([]nodes.Option{nodes.Workers(graph.Single)}, c.ports...)
			if c.more != nil {
				opts = append(opts, c.more)
			}
			registry, err := nodes.NewRegistry(std.Nodes, []nodes.Decl{nodes.Kind("made", "Made by a test.", c.proto, opts...)})
			if err != nil {
				t.Fatal(err)
			}
			flow := "nodes:\n  a: {use: generate, with: {count: 9}}\n  it: {use: made, in: a}\n  out: {use: file.write, in: it, with: {path: '-', format: jsonl}}\n"
			switch {
			case &c.ports[0] == &source[0]:
				flow = strings.Replace("nodes:\n"+flow[strings.Index(flow, "  it:"):], ", in: a", "", 1)
				flow = strings.Replace(flow, "path: '-', format: jsonl", "path: out.jsonl, append: true", 1)
			case &c.ports[0] == &sink[0]:
				flow = flow[:strings.Index(flow, "  out:")]
			}
			kit := newConformance(t, registry, "made", graph.Example{Flow: flow, Want: map[string]string{Stdio: "some"}})
			got := kit.check(kit.loads, kit.goesOn)
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("found %q", got)
			case c.want != "" && (len(got) == 0 || !strings.Contains(got[0], c.want)):
				t.Errorf("found %.500q, want %q", got, c.want)
			}
		})
	}
}
