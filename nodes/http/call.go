package http

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is the kind http.call.

var callDecl = nodes.Kind("http.call", "Asks a server for each item, and puts the answer into a field.", &call{Per: perItem, access: defaults},
	nodes.InPort(graph.Port{Name: "in", Doc: "Records."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The records, with the answer."}),
	nodes.Tries(), nodes.Conserves(),
	nodes.Passes(),
	nodes.Lines("the answer for an item has come", "its output is full, the server is slow, or a try that failed is to be made again", "",
		"the server does not answer, answers with a status from 400 on or with something that does not fit `as`, and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "A price for each order",
		Flow: `flow: prices
nodes:
  orders: {use: file.read, with: {path: orders.csv}}
  priced:
    use: http.call
    in: orders
    with:
      url: '"http://shop.example/prices/" + url_encode(item)'
      as: {price: float}
      into: answer
    workers: 8
    retry: {attempts: 3}
  total: {use: map, in: priced, with: {set: {total: qty * answer.price}, drop: answer}}
  out: {use: file.write, in: total, with: {path: "-", format: jsonl}}
`,
		Files: map[string]string{"orders.csv": "item,qty\ntea,2\ncup,3\n"},
		Answers: map[string]string{
			"GET http://shop.example/prices/tea": `{"price": 4.5, "stock": 12}`,
			"GET http://shop.example/prices/cup": `{"price": 7}`,
		},
		Want: map[string]string{"-": `{"item":"tea","qty":2,"total":9}` + "\n" + `{"item":"cup","qty":3,"total":21}` + "\n"},
	}))

// What a request of http.call is for.
const (
	perItem  = "item"
	perBatch = "batch"
)

type call struct {
	URL    config.Text   `yaml:"url,required" doc:"The address: an expression over the item's fields, or an address as it is."`
	Method string        `yaml:"method" enum:"GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS" doc:"The method; by default POST if there is a body, else GET."`
	Body   bodySetting   `yaml:"body" doc:"What is sent: an expression (a string as it is, anything else as JSON), or fields with an expression each, which are a JSON object. By default POST, PUT and PATCH send the item."`
	Into   config.Name   `yaml:"into" doc:"The field that gets the answer. Without it the answer is not looked at."`
	As     graph.TypeRef `yaml:"as" doc:"What the answer is: a type, which JSON is held to; json, any JSON (the default); text; or raw, its bytes."`
	Status config.Name   `yaml:"status" doc:"A field that gets the status of the answer, such as 200."`
	Accept []int64       `yaml:"accept_status" lone:"true" doc:"Statuses from 300 on that are no errors, such as 404. The answer is null then."`
	Per    string        `yaml:"per" enum:"item|batch" doc:"Whether each item is a request, or each batch: then the body is an array of what the items send, and the answer an array with a value for each, in their order. The setting batch of the node says how large it is."`

	Idempotent bool        `yaml:"idempotent" doc:"The server does no harm if it gets a request twice, so that POST and PATCH are tried again like the others."`
	Key        config.Text `yaml:"idempotency_key" doc:"An expression of type string, by which the server knows a request again; sent as Idempotency-Key. It makes POST and PATCH idempotent."`

	Headers headerSetting `yaml:"headers" doc:"Headers of the request, with an expression each that gives a text, such as {X-Id: id}; null leaves one out. A text has quotes of its own, but for one such as text/csv and one with a secret in it: {X-Api-Key: \"${env:KEY}\"}."`
	access

	computed []computedHeader
	url, key *expr.Expr // nil: the address is as it is; there is no key
	body     *bodyPlan
	as       answerType
	out      []callField
	t        *types.Type // what comes out
}

// A callField is a field of what comes out.
type callField struct {
	from int // the field of the input, or one of these
}

const (
	fromAnswer = -1
	fromStatus = -2
)

// Infer implements graph.Inferer.
func (k *call) Infer(c *graph.Inference) {
	in := c.Record("in")
	k.inferHeaders(c, in)
	k.check(c)
	if literal(k.URL.Value) {
		checkAddress(c, k.URL.Value, k.URL.YAML.Span)
	} else {
		k.url = c.Expr(k.URL, in)
		k.url.Want(types.String, "url", c.List())
		if k.Per == perBatch && len(k.url.Fields()) > 0 {
			c.List().Add(diag.Conflict, k.URL.YAML.Span, "with `per: batch` there is one url for all items, so it cannot have fields of one")
		}
	}
	k.inferBody(c, in)
	if k.Key.YAML != nil {
		k.key = c.Expr(k.Key, in)
		k.key.Want(types.String, "idempotency_key", c.List())
		if k.Per == perBatch {
			c.List().Add(diag.Conflict, k.Key.YAML.Span, "with `per: batch` there is no item that could give a request its key")
		}
	}
	k.inferOut(c, in)
}

// mostAtOnce is how many requests there are at once at most, if nobody says.
const mostAtOnce = 16

// Workers implements graph.Manner. Where the answer is what counts, there are as many as the
// load asks for. What changes things at an address is done one by one, since a later change
// could get there before an earlier one.
func (k *call) Workers() graph.WorkerRange {
	switch k.Method {
	case "PUT", "PATCH", "DELETE":
		return graph.FixedWorkers(1)
	}
	return graph.WorkerRange{Min: 1, Max: mostAtOnce}
}

// inferBody finds the method and what is sent.
func (k *call) inferBody(c *graph.Inference, in *types.Type) {
	sends := slices.Contains([]string{"POST", "PUT", "PATCH"}, k.Method)
	switch {
	case k.Body.given && (k.Method == "GET" || k.Method == "HEAD"):
		c.List().Add(diag.Conflict, c.Node.At, "%s: a request of method %s has no body", c.Node.ID, k.Method).WithHint("leave out method to send it by POST")
	case k.Body.given:
		k.body = k.Body.plan(c, in)
	case sends && in != nil:
		k.body = wholeItem(in)
	}
	if k.Method == "" {
		if k.Method = "GET"; k.Body.given {
			k.Method = "POST"
		}
	}
	if k.Per == perBatch && k.body == nil && !k.Body.given {
		c.List().Add(diag.Conflict, c.Node.At, "%s: with `per: batch` the items are sent, and a %s sends none", c.Node.ID, k.Method).WithHint("write `method: POST`")
	}
}

// inferOut finds what comes out.
func (k *call) inferOut(c *graph.Inference, in *types.Type) {
	ok := true
	if k.as, ok = answerOf(c, k.As); !ok || in == nil {
		return
	}
	switch {
	case k.Into.Value == "" && !k.As.YAML.IsNull():
		c.List().Warn(diag.Ineffective, k.As.YAML.Span, "%s: as says what the answer is, and no field gets it", c.Node.ID).WithHint("add `into: answer`")
	case k.Into.Value != "" && k.Into.Value == k.Status.Value:
		c.List().Add(diag.NameClash, k.Status.At, "into and status are the same field")
	case k.Into.Value != "" && k.Method == "HEAD":
		c.List().Add(diag.Conflict, k.Into.At, "the answer to HEAD has no body")
	case k.Per == perBatch && k.as.form != "":
		c.List().Add(diag.Conflict, k.As.YAML.Span, "with `per: batch` the answer is a JSON array, so `as` is the type of its items")
	case k.Per == perBatch && len(k.Accept) > 0:
		c.List().Add(diag.Conflict, c.Node.At, "%s: with `per: batch` an answer is an array or an error", c.Node.ID)
	}
	k.t, k.out = &types.Type{Kind: types.KindRecord}, nil
	set := map[string]types.Field{}
	if n := k.Into; n.Value != "" {
		set[n.Value] = types.Field{Name: n.Value, Type: k.as.t.WithOpt(len(k.Accept) > 0), Origin: c.Origin("the answer", n.At)}
	}
	if n := k.Status; n.Value != "" {
		set[n.Value] = types.Field{Name: n.Value, Type: types.Int, Origin: c.Origin("the status", n.At)}
	}
	for i, f := range in.Fields {
		from := i
		if s, ok := set[f.Name]; ok {
			f, from = s, k.made(f.Name)
			delete(set, f.Name)
		}
		k.t.Fields, k.out = append(k.t.Fields, f), append(k.out, callField{from})
	}
	for _, name := range []string{k.Into.Value, k.Status.Value} {
		if f, ok := set[name]; ok {
			k.t.Fields, k.out = append(k.t.Fields, f), append(k.out, callField{k.made(name)})
		}
	}
	c.Out("out", k.t)
}

// made says which of the fields that the node makes has a name.
func (k *call) made(name string) int {
	if name == k.Into.Value {
		return fromAnswer
	}
	return fromStatus
}

// Needs implements graph.Needer.
func (k *call) Needs(c *graph.Needs) {
	c.In("in", c.Out("out").Without(k.Into.Value, k.Status.Value))
	if k.url != nil {
		c.In("in", graph.FieldSet(k.url.Fields()...))
	}
	if k.key != nil {
		c.In("in", graph.FieldSet(k.key.Fields()...))
	}
	for _, h := range k.computed {
		c.In("in", graph.FieldSet(h.value.Fields()...))
	}
	if k.body != nil {
		c.In("in", k.body.reads)
	}
}
