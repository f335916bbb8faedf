package http

import (
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file is the kind http.reply.

// replyField is the field by which a request is answered.
const replyField = "reply"

var replyDecl = nodes.Kind("http.reply", "Answers the requests that http.listen has taken.", &reply{},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items that carry a reply, or a list of them."}),
	nodes.Idle(graph.SettingTimeout|graph.SettingRetry),
	nodes.Lines("never", "never: a request waits for its answer, not the answer for it", "its input has ended",
		"a part of an answer cannot be computed for an item, a status is not one from 200 to 599, or a header has a line end in its value, and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Prices for whoever asks",
		Flow: `flow: prices
nodes:
  ask:    {use: http.listen, with: {address: "127.0.0.1:8080", path: /price, as: "{qty: int}", respond: reply}}
  price:  {use: map, in: ask, with: {set: {total: qty * 4.5}}}
  answer: {use: http.reply, in: price, with: {body: {qty: qty, total: total}}}
  record: {use: map, in: price, with: {drop: reply}}
  out:    {use: file.write, in: record, with: {path: "-", format: jsonl}}
`,
		Peer: "Somebody asks: `curl -d '{\"qty\": 2}' http://127.0.0.1:8080/price`, and the answer is `{\"qty\":2,\"total\":9}`. Then the flow is stopped.",
		Want: map[string]string{"-": `{"qty":2,"total":9}` + "\n"},
	}))

// reply is the kind http.reply.
type reply struct {
	To      config.Text   `yaml:"to" doc:"The reply, an expression: a field that http.listen has made, or a list of them, which all get this answer."`
	Status  config.Text   `yaml:"status" doc:"The status, an expression, such as 404 or found ? 200 : 404. Without it, 200."`
	Headers headerSetting `yaml:"headers" doc:"Headers of the answer, with an expression each that gives a text, such as {X-Id: string(id)}; null leaves one out. A text has quotes of its own, but for one such as text/html."`
	Body    bodySetting   `yaml:"body" doc:"What the answer says: an expression (a string as it is, anything else as JSON), or fields with an expression each, which are a JSON object. Without it, nothing."`

	to      *types.Type // of the reply
	head    *columns.Columns
	status  int              // the column of head; -1: 200
	fixed   nethttp.Header   // the same for all items
	own     []computedHeader // of each
	headers []int            // the columns of head that own has
	body    *bodyPlan
	reads   graph.Fields
}

// Infer implements graph.Inferer.
func (k *reply) Infer(c *graph.Inference) {
	in := c.Record("in")
	k.head, k.status, k.to = columns.New(), -1, types.Error
	k.inferTo(c, in)
	if k.Status.YAML != nil {
		e := c.Expr(k.Status, in)
		e.Want(types.Int, "status", c.List())
		if n, err := strconv.ParseInt(strings.TrimSpace(k.Status.Value), 10, 64); err == nil && checkStatus(n) != nil {
			c.List().Add(diag.WrongValue, k.Status.YAML.Span, "%s", checkStatus(n)).WithHint("leave status out for 200")
		}
		k.status = len(k.head.Type.Fields)
		k.compute("status", e, in)
	}
	k.inferHeaders(c, in)
	if k.Body.given {
		k.body = k.Body.plan(c, in)
	}
	k.reads = k.head.Needs()
	if k.body != nil {
		k.reads = k.reads.Union(k.body.reads)
	}
}

// inferHeaders divides the headers into those of all answers and those of each.
func (k *reply) inferHeaders(c *graph.Inference, in *types.Type) {
	check := func(key, value string, at diag.Span) {
		if !validHeader(key, value) || slices.Contains(serverHeaders, nethttp.CanonicalHeaderKey(key)) {
			c.List().Add(diag.WrongValue, at, "%q is no header that an answer can be given", key)
		}
	}
	fixed, own := k.Headers.plan(c, in)
	k.fixed, k.own = nethttp.Header{}, own
	for _, h := range fixed {
		check(h.Key, h.Value.Reveal(), h.At)
		k.fixed.Set(h.Key, h.Value.Reveal())
	}
	for _, h := range own {
		check(h.key, "", h.at)
	}
	k.headers = headerColumns(own, k.head, in)
}

// serverHeaders are those that the server writes.
var serverHeaders = []string{"Connection", "Content-Length", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"}

// inferTo finds the reply, which becomes the first column.
func (k *reply) inferTo(c *graph.Inference, in *types.Type) {
	if in == nil {
		return
	}
	at, to := c.Node.At, k.To
	if to.YAML == nil {
		if in.Index(replyField) < 0 {
			c.List().Add(diag.UnknownField, at, "%s: its items have no field %s", c.Node.ID, replyField).
				WithHint("a http.listen with `respond: reply` gives its items one; say by `to` where it is now, if it has another name")
			return
		}
		to = config.Text{Value: replyField}
	} else {
		at = to.YAML.Span
	}
	e := c.Expr(to, in)
	switch t := e.Type(); {
	case t.Kind == types.KindError:
		return
	case !t.IsReply():
		c.List().Add(diag.WrongType, at, "%s: `to` must be a reply, got %s", c.Node.ID, t).
			WithHint("a http.listen with `respond: reply` gives its items one, in the field %s", replyField)
		return
	}
	k.to = e.Type()
	k.compute("to", e, in)
}

func (k *reply) compute(name string, e *expr.Expr, in *types.Type) {
	if e.Type().Kind != types.KindError {
		k.head.Compute(types.Field{Name: name, Type: e.Type()}, e, in)
	}
}

// Answers implements graph.Answerer.
func (k *reply) Answers() *types.Type { return k.to }

// Needs implements graph.Needer.
func (k *reply) Needs(c *graph.Needs) { c.In("in", k.reads) }

// Operator answers on all workers.
func (k *reply) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &replyOp{k: k, env: env}, nil
}
