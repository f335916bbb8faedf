package exec

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is the kind exec.read.

// reader is the kind exec.read.
type reader struct {
	command
	stream.Reading
	Endless bool `yaml:"endless" doc:"The command goes on until it is stopped, such as tail -F: a stop of the flow is its end, and not an early one. So is one with restart: always."`

	out *types.Type
}

var readDecl = nodes.Kind("exec.read", "Reads rows from the standard output of a command.",
	&reader{command: commandDefaults, Reading: stream.Reading{Format: stream.FormatJSONL, Header: true, MaxRecord: stream.MaxRecord}},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The rows."}),
	nodes.Workers(graph.Single),
	nodes.Acknowledges(),
	nodes.Lines("the command has printed a row", "its output is full, or the command has printed nothing", "the command has ended and is not started again",
		"the command cannot be started, or ends with another status than 0 and restart is never, or is started again too often; or a row cannot be read and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "What a command prints",
		Flow: `flow: orders
nodes:
  orders: {use: exec.read, with: {command: [sort, -k2, orders.txt], format: lines}}
  out:    {use: file.write, in: orders, with: {path: "-", format: lines}}
`,
		Files: map[string]string{"orders.txt": "ann 3\nbob 1\ncyd 2\n"},
		Want:  map[string]string{"-": "bob 1\ncyd 2\nann 3\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	k.check(c)
	k.out = k.Type(c)
	c.Out("out", k.out)
}

// Acks implements graph.Acker.
func (k *reader) Acks() bool { return k.Confirm }

func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	s, err := k.NewScanner(k.out, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	o := &readOp{k: k, env: env, scanner: s, endless: k.Endless || k.Restart == restartAlways, queue: nodes.NewHandover[part](queued)}
	switch {
	case k.Confirm && o.endless:
		return &confirmedEndlessOp{confirmedOp{o}}, nil
	case k.Confirm:
		return &confirmedOp{o}, nil
	case o.endless:
		return &endlessOp{o}, nil
	}
	return o, nil
}

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.command.Examine(ctx, env)
}
