package socket

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/stream"
)

// This file is the kind socket.write.

// writer is the kind socket.write.
type writer struct {
	endpoint
	stream.Writing
	Confirm bool          `yaml:"confirm" doc:"The peer says how many rows have arrived, as socket.read does with confirm: what it has not confirmed is sent again."`
	Timeout time.Duration `yaml:"timeout" min:"1ms" doc:"How long a peer may take to read what it is sent, or to confirm it. Then its connection is closed."`
	GiveUp  time.Duration `yaml:"give_up" min:"0s" doc:"How long to try to get a connection before the run fails. 0s: for ever."`
}

var writeDecl = nodes.Kind("socket.write", "Sends rows over a connection: TCP, UDP or a Unix socket.",
	&writer{endpoint: endpointDefaults, Writing: stream.Writing{Format: stream.FormatJSONL, Header: true}, Timeout: 30 * time.Second},
	nodes.InPort(graph.Port{Name: "in", Doc: "The rows."}),
	nodes.Workers(graph.Single),
	nodes.Untried("connects again by itself, and sends again what was not sent whole"),
	nodes.Idle(graph.SettingOnError|graph.SettingBreaker),
	nodes.Lines("never", "there is no connection, or the peer does not read or confirm", "its input has ended",
		"the address is taken, there is no connection for longer than give_up, or a peer that is to confirm does not"),
	nodes.Example(graph.Example{
		Title: "Rows for a program that listens",
		Flow: `flow: ship
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  ship:   {use: socket.write, in: orders, with: {connect: "tcp://127.0.0.1:9001"}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Peer:  "Somebody listens, and gets a line for each order: `nc -l 127.0.0.1 9001`.",
		Files: map[string]string{"orders.csv": "id,amount\n1,9.5\n2,20\n"},
		Want:  map[string]string{"-": `{"id":1,"amount":9.5}` + "\n" + `{"id":2,"amount":20}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *writer) Infer(c *graph.Inference) {
	ok := k.endpoint.check(c)
	if ok && k.listens && k.network == "udp" {
		c.List().Add(diag.Conflict, c.Node.At, "udp has nobody to send to at the address that one listens at").WithHint("write connect: udp://HOST:PORT")
	}
	if ok && k.Confirm && (k.listens || k.network == "udp") {
		c.List().Add(diag.Conflict, c.Node.At, "with confirm there is one peer, over a connection that it can answer").WithHint("write connect: tcp://HOST:PORT, or leave `confirm` out")
	}
	if k.Framing != framingSyslog {
		k.Writing.Check(c)
		if ok && k.Format == stream.FormatCSV && (k.Framing == framingLength || k.network == "udp" && k.Header) {
			c.List().Add(diag.Conflict, c.Node.At, "csv has a header, and rows that end with their lines").WithHint("write format: jsonl, or for udp header: false")
		}
		return
	}
	t := c.In("in")
	if t.Kind == types.KindError {
		return
	}
	if why := refusesSyslog(t); why != "" {
		c.List().Add(diag.TypeMismatch, c.Node.At, "%s cannot be sent as syslog: %s", t, why).
			WithHint("make facility, severity, time, host, app, pid, id and message with a map, or some of them")
	}
}

func (k *writer) Operator(env *nodes.Env) (nodes.Operator, error) {
	o := &writeOp{k: k, env: env}
	if k.Confirm {
		env.Unkept = func() (lost, unsure int64) { return 0, int64(o.sent - min(o.sent, o.done)) }
	}
	if k.Framing == framingSyslog {
		e := newSyslogEncoder(env.In("in"))
		o.row = e.appendRow
		return o, nil
	}
	e, err := k.Encoder(env.In("in"))
	if err != nil {
		return nil, err
	}
	o.row, o.head = e.AppendRow, e.Head
	return o, nil
}

// appendFramed writes a row as it stands in the stream; row is memory for it.
func (k *writer) appendFramed(dst, row []byte) []byte {
	switch {
	case k.network == "udp":
		return append(dst, row...)
	case k.Framing == framingLength:
		return stream.AppendLength(dst, row)
	case k.Framing == framingSyslog:
		dst = append(strconv.AppendInt(dst, int64(len(row)), 10), ' ')
		return append(dst, row...)
	}
	return append(append(dst, row...), '\n')
}

// encode gives the text of a batch, and where each of its rows ends.
func (o *writeOp) encode(b *record.Batch) (text []byte, ends []int) {
	text, ends = o.text[:0], o.ends[:0]
	for i := range b.Len() {
		o.one = o.row(o.one[:0], b, b.Row(i))
		if o.k.Framing == framingLines && o.k.Format == stream.FormatLines {
			o.one = bytes.ReplaceAll(o.one, []byte{'\n'}, []byte{' '}) // a row is a line
		}
		text = o.k.appendFramed(text, o.one)
		ends = append(ends, len(text))
	}
	o.text, o.ends = text, ends
	return text, ends
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.endpoint.Examine(ctx, env)
}
