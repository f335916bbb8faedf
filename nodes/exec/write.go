package exec

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is the kind exec.write.

// writer is the kind exec.write.
type writer struct {
	command
	stream.Writing
	Timeout time.Duration `yaml:"timeout" min:"0s" doc:"How long the command may take to read what it is given, to confirm it, and to end when its input has ended. Then it is ended and has failed. 0s: as long as it likes."`
}

var writeDecl = nodes.Kind("exec.write", "Writes rows to the standard input of a command.",
	&writer{command: commandDefaults, Writing: stream.Writing{Format: stream.FormatJSONL, Header: true}, Timeout: 5 * time.Minute},
	nodes.InPort(graph.Port{Name: "in", Doc: "The rows."}),
	nodes.Workers(graph.Single),
	nodes.Untried("starts its command again by `restart`"),
	nodes.Idle(graph.SettingOnError|graph.SettingBreaker),
	nodes.Lines("never", "the command does not read, or does not confirm", "its input has ended and the command has too, or the command has ended with status 0 before",
		"the command cannot be started, fails and restart is never, is started again too often, or does nothing for longer than timeout"),
	nodes.Example(graph.Example{
		Title: "Rows for a program that counts them, and for a file",
		Flow: `flow: keep
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  count:  {use: exec.write, in: orders, with: {command: [wc, -l]}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.csv": "id,amount\n1,9.5\n2,20\n"},
		Want:  map[string]string{"-": `{"id":1,"amount":9.5}` + "\n" + `{"id":2,"amount":20}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	k.check(c)
	k.Check(c)
}

func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	e, err := k.Encoder(env.In("in"))
	if err != nil {
		return nil, err
	}
	o := &writeOp{k: k, env: env, encoder: e, tries: restarts{k: &k.command}}
	env.Unkept = o.unkept
	return o, nil
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.command.Examine(ctx, env)
}
