package socket

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is the kind socket.read.

// reader is the kind socket.read.
type reader struct {
	endpoint
	stream.Reading
	Reconnect     bool          `yaml:"reconnect" doc:"Of connect: connect again when the peer ends the connection. Without it that is the end of the source."`
	IdleTimeout   time.Duration `yaml:"idle_timeout" min:"0s" doc:"How long a connection may send nothing before it is closed. 0s: as long as it likes."`
	ReceiveBuffer config.Size   `yaml:"receive_buffer" min:"1B" max:"1GiB" doc:"Of udp: how many bytes of datagrams the system keeps until the flow takes them; it throws away what does not fit. Without it, as many as the system allows, up to 8MiB."`
	Confirm       bool          `yaml:"confirm" doc:"Tell the sender how many rows have arrived: see below."`

	out *types.Type
}

var readDecl = nodes.Kind("socket.read", "Receives rows over a connection: TCP, UDP or a Unix socket.",
	&reader{endpoint: endpointDefaults, Reading: stream.Reading{Format: stream.FormatJSONL, Header: true, MaxRecord: stream.MaxRecord}, Reconnect: true},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The rows, or messages of syslog."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Acknowledges(),
	nodes.Lines("a row has come", "its output is full, or no row has come", "the flow is stopped; with connect and without reconnect, when the peer ends the connection",
		"the address is taken, or a row cannot be read and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Measurements, a line each",
		Flow: `flow: measures
nodes:
  measures: {use: socket.read, with: {listen: "tcp://127.0.0.1:9000", as: "{sensor: string, value: float}"}}
  out:      {use: file.write, in: measures, with: {path: "-", format: jsonl}}
`,
		Peer: "Somebody connects and sends two lines: `printf '{\"sensor\": \"a\", \"value\": 1.5}\\n{\"sensor\": \"b\", \"value\": 2}\\n' | nc 127.0.0.1 9000`. Then the flow is stopped.",
		Want: map[string]string{"-": `{"sensor":"a","value":1.5}` + "\n" + `{"sensor":"b","value":2}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *reader) Infer(c *graph.Inference) {
	ok := k.endpoint.check(c)
	k.out = k.typeOf(c)
	c.Out("out", k.out)
	if ok && k.ReceiveBuffer > 0 && !(k.listens && k.network == "udp") {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: receive_buffer is for those who listen to udp", c.Node.ID).WithHint("leave receive_buffer out")
	}
	if ok && k.Confirm && k.network == "udp" {
		c.List().Add(diag.Conflict, c.Node.At, "confirm is for connections, and udp has none").WithHint("leave confirm out, or write tcp://")
	}
	if ok && k.Format == stream.FormatCSV && k.Framing != framingSyslog && k.out.Kind != types.KindError {
		switch {
		case k.Framing == framingLength:
			c.List().Add(diag.Conflict, c.Node.At, "csv has no framing length: its rows end with their lines").WithHint("write framing: lines, or format: jsonl")
		case k.network == "udp" && k.Header:
			c.List().Add(diag.Conflict, c.Node.At, "datagrams of csv have no header").WithHint("write header: false")
		}
	}
}

func (k *reader) typeOf(c *graph.Inference) *types.Type {
	if k.Framing != framingSyslog {
		return k.Reading.Type(c)
	}
	if as := c.Type(k.As); as != nil {
		c.List().Add(diag.Conflict, c.Node.At, "messages of syslog have a type of their own").WithHint("leave `as` out")
	}
	return syslogType(func(how string) types.Origin { return c.Origin(how, c.Node.At) })
}

func (k *reader) endless() bool { return k.listens || k.Reconnect }

func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) {
	reading := k.Reading
	if k.Framing == framingSyslog {
		reading.Format = stream.FormatLines
	}
	s, err := reading.NewScanner(k.out, env.Needed("out"))
	if err != nil {
		return nil, err
	}
	if k.Framing == framingSyslog {
		s.Frame = func(frame []byte, b *record.Batch, row int) error { return readSyslog(frame, time.Now(), b, row) }
	}
	o := &readOp{k: k, reading: &reading, env: env, scanner: s, queue: nodes.NewHandover[part](queued)}
	if k.listens && k.network == "udp" {
		env.Notes = o.lost.notes
	}
	switch {
	case k.Confirm && k.endless():
		return &confirmedEndlessOp{endlessOp{o}}, nil
	case k.Confirm:
		return &confirmedOp{o}, nil
	case k.endless():
		return &endlessOp{o}, nil
	}
	return o, nil
}

// Acks implements graph.Acker.
func (k *reader) Acks() bool { return k.Confirm }

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.endpoint.Examine(ctx, env)
}
