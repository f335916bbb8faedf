package http

import (
	"context"
	"fmt"
	"net"
	nethttp "net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is the kind http.listen: its settings, and the type of its items.

// When a request is answered.
const (
	respondAccepted = "accepted"
	respondTaken    = "taken"
	respondReply    = "reply"
)

// listen is the kind http.listen.
type listen struct {
	Address string             `yaml:"address,required" doc:"Where to listen, such as 127.0.0.1:8080. :8080 is every network that this machine is in."`
	Path    string             `yaml:"path" doc:"The path that takes items. Another one is not found (404)."`
	Method  []string           `yaml:"method" lone:"true" doc:"The methods that are taken. Another one is refused (405)."`
	As      graph.TypeRef      `yaml:"as" doc:"The type of the items: a declared one, or written out. raw needs none; of cloudevents it is the type of data."`
	Format  string             `yaml:"format" enum:"json|lines|csv|raw|cloudevents" doc:"What a body is: one JSON object, lines of them, csv with a header, bytes as they are, or CloudEvents."`
	Respond string             `yaml:"respond" enum:"accepted|taken|reply" doc:"How a request is answered: accepted at once (202); taken, once the sinks have what came of it (200); or reply, by the http.reply that its item comes to, by its field reply."`
	MaxBody config.Size        `yaml:"max_body" min:"1B" doc:"How long a body may be, unpacked. A longer one is refused (413)."`
	Timeout time.Duration      `yaml:"timeout" min:"1ms" doc:"How long a request may take, to be sent and to be answered (504)."`
	Pending int                `yaml:"pending" min:"1" max:"1000000" doc:"How many requests may wait for the flow. More are refused (429)."`
	Buffer  config.Size        `yaml:"buffer" min:"1B" doc:"How many bytes of bodies may be in memory before the flow takes them. More are refused (429)."`
	Headers config.Map[string] `yaml:"headers" doc:"Fields of type string? that are taken from headers: {field: Header-Name}."`
	Query   config.Map[string] `yaml:"query" doc:"Fields of type string? that are taken from the query of the URL: {field: parameter}."`
	Token   config.Secret      `yaml:"token" doc:"What a request must send as Authorization: Bearer TOKEN (401)."`
	HMAC    *signature         `yaml:"hmac" doc:"How requests are signed. One without a good signature is refused (401)."`
	Else    *lastAnswer        `yaml:"else" doc:"With respond: reply, the answer to a request whose item comes to no http.reply. Without it, the check finds out where that could be."`
	TLS     *peer.TLS          `yaml:"tls" doc:"The certificate to listen with."`

	body, out *types.Type
}

// A lastAnswer is the answer to requests that get no other.
type lastAnswer struct {
	Status int    `yaml:"status" min:"200" max:"599" doc:"The status."`
	Body   string `yaml:"body" doc:"What it says."`
}

var listenDecl = nodes.Kind("http.listen", "Takes items by HTTP.",
	&listen{Path: "/", Method: []string{nethttp.MethodPost}, Format: formatJSON, Respond: respondTaken,
		MaxBody: 1e6, Timeout: 30 * time.Second, Pending: 1000, Buffer: 64e6},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items of the bodies."}),
	nodes.Workers(graph.Single),
	nodes.Interleaves(),
	nodes.Acknowledges(),
	nodes.Idle(graph.SettingOnError), // what is wrong is refused
	nodes.Lines("a request has come", "its output is full, or no request has come", "the flow is stopped",
		"the address is taken. What is wrong with a request is told to who sent it, and makes no item"),
	nodes.Example(graph.Example{
		Title: "Orders that a shop sends",
		Flow: `flow: orders
nodes:
  orders: {use: http.listen, with: {address: "127.0.0.1:8080", path: /orders, as: "{id: int, amount: float}"}}
  out:    {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Peer: "Two orders come: `curl -d '{\"id\": 1, \"amount\": 9.5}' http://127.0.0.1:8080/orders`, and the same with 2 and 20. Each is answered 200 once it is written. Then the flow is stopped.",
		Want: map[string]string{"-": `{"id":1,"amount":9.5}` + "\n" + `{"id":2,"amount":20}` + "\n"},
	}),
)

// Infer implements graph.Inferer.
func (k *listen) Infer(c *graph.Inference) {
	if _, port, err := net.SplitHostPort(k.Address); err != nil || port == "" {
		c.List().Add(diag.WrongValue, c.Node.At, "%q is no address to listen at", k.Address).WithHint("write HOST:PORT, such as 127.0.0.1:8080")
	}
	if !strings.HasPrefix(k.Path, "/") || strings.ContainsAny(k.Path, "?#{} ") {
		c.List().Add(diag.WrongValue, c.Node.At, "%q is no path", k.Path).WithHint("write /hooks/orders")
	}
	for _, m := range k.Method {
		if m != strings.ToUpper(m) || m == "" || m == nethttp.MethodConnect {
			c.List().Add(diag.WrongValue, c.Node.At, "%q is no method that has a body", m).WithHint("write POST or PUT")
		}
	}
	if k.body = k.bodyType(c); k.body == nil {
		c.Out("out", types.Error)
		return
	}
	k.out = &types.Type{Kind: types.KindRecord, Fields: slices.Clone(k.body.Fields)}
	for _, more := range []struct {
		from   config.Map[string]
		origin string
	}{{k.Headers, "a header of the request"}, {k.Query, "the query of the request"}} {
		for _, p := range more.from {
			if k.out.Index(p.Key) >= 0 {
				c.List().Add(diag.NameClash, p.At, "the items have a field %q already", p.Key)
				continue
			}
			k.out.Fields = append(k.out.Fields, types.Field{Name: p.Key, Type: types.String.Opt(), Origin: c.Origin(more.origin, p.At)})
		}
	}
	if k.Respond == respondReply {
		k.inferReply(c)
	} else if k.Else != nil {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: else has no effect on respond: %s, which answers every request itself", c.Node.ID, k.Respond)
	}
	c.Out("out", k.out)
}

// inferReply adds the field by which the flow answers.
func (k *listen) inferReply(c *graph.Inference) {
	if k.Format == formatLines || k.Format == formatCSV {
		c.List().Add(diag.Conflict, c.Node.At, "%s: a request that the flow answers is one item, and with format: %s it may be many", c.Node.ID, k.Format).
			WithHint("take JSON with a list in it, such as as: '{rows: [{id: int}]}'; flatten makes items of the list")
	}
	if k.out.Index(replyField) >= 0 {
		c.List().Add(diag.NameClash, c.Node.At, "%s: with respond: reply the items have a field %q, by which they are answered", c.Node.ID, replyField).
			WithHint("give the field of the request another name: {type: string, from: %s}", replyField)
		return
	}
	k.out.Fields = append(k.out.Fields, types.Field{Name: replyField, Type: types.Reply(c.Node.ID), Origin: c.Origin("respond: reply", c.Node.At)})
}

// Asks implements graph.Asker.
func (k *listen) Asks() bool { return k.Respond == respondReply && k.Else == nil }

// bodyType is the type of what stands in a body; nil if that is wrong, which is reported.
func (k *listen) bodyType(c *graph.Inference) *types.Type {
	as := c.Type(k.As)
	field := func(name string, t *types.Type) types.Field {
		return types.Field{Name: name, Type: t, Origin: c.Origin("of the request", c.Node.At)}
	}
	switch {
	case as != nil && as.Kind == types.KindError:
		return nil
	case k.Format == formatRaw:
		if as != nil {
			c.List().Add(diag.Conflict, c.Node.At, "a raw body has no type: its items are {body: bytes}").WithHint("leave `as` out")
		}
		return types.Record(field("body", types.Bytes))
	case k.Format == formatCloudEvents:
		data := types.Any.Opt()
		if as != nil {
			data = as.Opt()
		}
		return types.Record(field("id", types.String), field("source", types.String), field("type", types.String),
			field("subject", types.String.Opt()), field("time", types.Time.Opt()),
			field("datacontenttype", types.String.Opt()), field("dataschema", types.String.Opt()), field("data", data))
	case as == nil:
		c.List().Add(diag.MissingKey, c.Node.At, "the key %q is required", "as").WithHint("write the type of a body, such as as: '{id: int, amount: float}'")
		return nil
	case !as.IsRecord():
		c.List().Add(diag.WrongType, c.Node.At, "a body must be a record, got %s", as)
		return nil
	}
	return as
}

// Acks implements graph.Acker.
func (k *listen) Acks() bool { return k.Respond == respondTaken }

// Examine implements nodes.Examiner: it looks whether the address is free.
func (k *listen) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	f := nodes.Finding{Peer: k.Address, What: "address", Told: "free to listen at"}
	l, err := env.Listen(ctx, "tcp", k.Address)
	if err != nil {
		f.Told, f.Err = "", err
		return []nodes.Finding{f}
	}
	l.Close()
	found := []nodes.Finding{f}
	if k.TLS != nil {
		f := nodes.Finding{Peer: k.Address, What: "certificate", Told: "good"}
		if _, f.Err = k.TLS.Server(env); f.Err != nil {
			f.Told = ""
		}
		found = append(found, f)
	}
	return found
}

func (k *listen) Operator(env *nodes.Env) (nodes.Operator, error) {
	d, err := newBodies(k.Format, k.body, k.out, env.Needed("out"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", env.Node.ID, err)
	}
	o := &listenOp{k: k, env: env, decoder: d, queue: make(chan *arrival, k.Pending), closed: make(chan struct{})}
	o.numbered = k.Respond == respondTaken || k.Respond == respondReply && k.Else != nil && !env.Node.KeepsBehind()
	if k.HMAC != nil {
		if o.signed, err = k.HMAC.verifier(); err != nil {
			return nil, fmt.Errorf("%s: %w", env.Node.ID, err)
		}
	}
	if o.numbered {
		return toldListen{o}, nil
	}
	return o, nil
}
