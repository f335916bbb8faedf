package http

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is the kind http.post.

var postDecl = nodes.Kind("http.post", "Sends items to a server, in batches.",
	&post{Method: "POST", Format: formatJSON, Header: "Idempotency-Key", Compress: "none", RetryFor: defaultPatience, access: defaults},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.Tries(), nodes.Interleaves(),
	nodes.Lines("never", "the server is slow, or does not answer and a batch is tried again", "its input has ended and the server has all of it",
		"the server refuses a batch, or has not taken it for as long as `retry_for` says, and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Lines of JSON to a server",
		Flow: `flow: post
nodes:
  cities: {use: file.read, with: {path: cities.csv}}
  out:
    use: http.post
    in: cities
    with: {url: http://shop.example/rows, format: jsonl}
    workers: 1
`,
		Files:   map[string]string{"cities.csv": "name,people\nRoma,2748109\nParis,2102650\n"},
		Answers: map[string]string{"POST http://shop.example/rows": "ok"},
		Want:    map[string]string{"POST http://shop.example/rows": `{"name":"Roma","people":2748109}` + "\n" + `{"name":"Paris","people":2102650}` + "\n"},
	}))

// The formats of a body.
const (
	formatJSON  = "json"
	formatJSONL = "jsonl"
	formatCSV   = "csv"
)

// defaultPatience is how long a server that does not take something is asked again.
const defaultPatience = 5 * time.Minute

// How long the waits between tries are where the node has no policy. A server that does not
// answer is looked for often, so that it is found soon when it is back; one that says that it
// is busy or broken is left more and more time.
const (
	firstWait   = 200 * time.Millisecond
	longestLook = 1500 * time.Millisecond
	longestWait = 10 * time.Second
)

type post struct {
	URL      config.URL    `yaml:"url,required" doc:"The address that batches are sent to."`
	Method   string        `yaml:"method" enum:"POST|PUT|PATCH" doc:"The method."`
	Format   string        `yaml:"format" enum:"json|jsonl|csv" doc:"How a batch is written: as a JSON array, as a line of JSON for each item, or as csv with a header."`
	Compress string        `yaml:"compress" enum:"none|gzip" doc:"How the body is packed."`
	Header   string        `yaml:"idempotency_header" doc:"The header with the key of a batch, which is the same whenever the batch is sent again; \"\" for none."`
	Bisect   bool          `yaml:"bisect" doc:"Of a batch that the server refuses, send its halves, and their halves, until only the items that it refuses are left."`
	RetryFor time.Duration `yaml:"retry_for" min:"0s" doc:"How long a batch is tried again while the server does not answer, or says that it is busy or broken, where retry of the node does not say how often. 0s: it is not."`

	fixedHeaders
	access
}

// Infer implements graph.Inferer.
func (k *post) Infer(c *graph.Inference) {
	k.headers = k.Headers
	k.check(c)
	checkAddress(c, k.URL.Reveal(), c.Node.At)
	if k.Header != "" && !validHeader(k.Header, "") {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %q is no name of a header", c.Node.ID, k.Header)
	}
	t := c.In("in")
	if why := k.refuses(t); why != "" && len(c.Node.Input("in").Edges) > 0 {
		c.List().Add(diag.TypeMismatch, c.Node.Input("in").Edges[0].At, "%s cannot be sent as %s: %s", t, k.Format, why).
			WithHint("take the field apart or leave it out with a map, or send jsonl")
	}
}

// refuses says why items of a type cannot be sent, "" if they can.
func (k *post) refuses(t *types.Type) string {
	switch {
	case t.Kind == types.KindError:
	case t.Kind == types.KindOpaque:
		return "it is a Go type that no server could read"
	case k.Format != formatCSV:
	case !t.IsRecord():
		return "its rows are no records"
	default:
		if i := slices.IndexFunc(t.Fields, func(f types.Field) bool { return !f.Type.IsScalar() && !f.Type.IsReply() }); i >= 0 {
			return fmt.Sprintf("field %q is %s", t.Fields[i].Name, t.Fields[i].Type)
		}
	}
	return ""
}

// noNumber is how many tries a policy has that counts time alone.
const noNumber = 1 << 30

// patience is the policy of tries: that of the node if it has one, else to try again for a
// time.
func patience(env *nodes.Env, most time.Duration) graph.Retry {
	switch r := env.Node.Engine.Retry; {
	case r.Attempts > 1:
		return r
	case most == 0:
		return graph.Retry{Attempts: 1}
	}
	return graph.Retry{Attempts: noNumber, InitialInterval: firstWait, MaxInterval: longestLook, Multiplier: 2, Jitter: 0.2, MaxElapsed: most}
}

// leave is how long a server is left alone that has answered so many times that it is busy or
// broken, under such a policy; 0 under one of the node.
func leave(policy graph.Retry, times int) time.Duration {
	if policy.Attempts != noNumber {
		return 0
	}
	return min(firstWait<<min(times-1, 10), longestWait)
}

// csvEncoder gives the encoder of a type that Infer has found to be flat.
func csvEncoder(t *types.Type) *csv.Encoder {
	e, err := csv.NewEncoder(t, csv.Standard)
	if err != nil {
		panic(err)
	}
	return e
}
