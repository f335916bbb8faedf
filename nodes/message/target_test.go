package message_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/message"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// A targetKind has a setting that says where items go, and notes what becomes of it.
type targetKind struct {
	To  config.Text `yaml:"to,required" doc:"Where to."`
	got *targeted
}

type targeted struct {
	fixed string
	expr  *expr.Expr
}

func (k *targetKind) Infer(c *graph.Inference) {
	k.got.fixed, k.got.expr = message.Target(c, c.Record("in"), k.To, "to")
}

func (k *targetKind) Operator(*nodes.Env) (nodes.Operator, error) { return k, nil }

func (k *targetKind) Process(context.Context, nodes.Input, nodes.Out) error { return nil }

// A target is a text as it is, or an expression over the items, and whoever means the other one
// is told how to write it.
func TestTarget(t *testing.T) {
	const quoted = `a text that is the same for all items has quotes of its own: '"%s"'`
	for _, c := range []struct {
		to    string
		fixed string // "": it is an expression
		told  string // what is wrong; "": nothing is
		hint  bool   // that a text has quotes of its own
	}{
		{to: "orders", fixed: "orders"},
		{to: "orders.eu", fixed: "orders.eu"},
		{to: "sensors/kitchen", fixed: "sensors/kitchen"},
		{to: "/abs", fixed: "/abs"},
		{to: "device-1", fixed: "device-1"},
		{to: "urn:a:b", fixed: "urn:a:b"},
		{to: "Größe.ü", fixed: "Größe.ü"},
		{to: "42", fixed: "42"},
		{to: "topics", fixed: "topics"}, // topic is a field, and this is another word
		{to: "topic"},                   // a field
		{to: `"a/" + topic`},
		{to: `"fixed"`},
		{to: `n > 1 ? "many" : topic`},
		{to: "n", told: "to must be string, got int"},
		{to: "maybe", told: "to must be string, got string?"},
		{to: "topic/kitchen", told: `unknown field "kitchen"`, hint: true},
		{to: "topic-1", told: `cannot apply "-" to string and int`, hint: true},
		{to: "a b", told: "ends too early", hint: true},
		{to: "sensors/#", told: "ends too early", hint: true},
		{to: "sensors/+/x", told: "unexpected /", hint: true},
		{to: `"a" + nosuch`, told: `unknown field "nosuch"`},
	} {
		t.Run(c.to, func(t *testing.T) {
			var got targeted
			kit := nodetest.New(std.Nodes, []nodes.Decl{nodes.Kind("target", "Writes.", &targetKind{got: &got}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single))})
			_, list := kit.Load(t, fmt.Sprintf("flow: f\nnodes:\n  in: {use: file.read, with: {path: in.jsonl, as: '{topic: string, n: int, maybe: string?}'}}\n  out: {use: target, in: in, with: {to: '%s'}}\n", c.to), map[string]string{"in.jsonl": ""})
			printed, wrong := nodetest.Printed(list), c.told != ""
			if list.HasErrors() != wrong || !strings.Contains(printed, c.told) || strings.Contains(printed, fmt.Sprintf(quoted, c.to)) != c.hint {
				t.Errorf("it is told\n%s", printed)
			} else if !wrong && (got.fixed != c.fixed || (got.expr == nil) != (c.fixed != "")) {
				t.Errorf("it is the text %q, and the expression %v", got.fixed, got.expr)
			}
		})
	}
}

// Where items are wrong already, there is no second message about where they go, nor about
// what a raw message is made of.
func TestOneMistake(t *testing.T) {
	var got targeted
	kit := nodetest.New(std.Nodes, []nodes.Decl{
		nodes.Kind("target", "Writes.", &targetKind{got: &got}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single)),
		nodes.Kind("broker.write", "Writes.", &writeKind{Writing: message.Writing{Format: message.FormatJSON}}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single), nodes.Tries()),
	})
	for _, out := range []string{"use: target, with: {to: x}", "use: target, with: {to: '\"a\" + x'}", "use: broker.write, with: {format: raw}"} {
		_, list := kit.Load(t, "flow: f\nnodes:\n  g: {use: generate, with: {count: 1, set: {x: nosuch}}}\n  out: {in: g, "+out+"}\n", nil)
		if len(list) != 1 || !strings.Contains(list[0].Message, `unknown field "nosuch"`) {
			t.Errorf("%s:\n%s", out, nodetest.Printed(list))
		}
	}
}
