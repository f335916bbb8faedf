package http

import (
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is the kind http.poll.

var pollDecl = nodes.Kind("http.poll", "Reads items from a server: once, page by page, or again and again.",
	&poll{RetryFor: defaultPatience, Timeout: defaultTimeout, MaxPages: 10_000, access: defaults},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items of the answers."}),
	nodes.Workers(graph.Single), nodes.Untried("has `timeout` and `retry_for` among its settings"),
	nodes.Lines("an answer has come", "its output is full, the server is slow, or the next time has not come",
		"there is no next page; with `every`, when the flow is stopped",
		"the server has not answered for as long as `retry_for` says, refuses the request, or an answer does not fit `as` and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "All pages of a list",
		Flow: `flow: pages
nodes:
  orders:
    use: http.poll
    with:
      url: http://shop.example/orders
      as: {orders: '[{id: int, total: float}]', next: string?}
      items: orders
      next: next
  out: {use: file.write, in: orders, with: {path: "-", format: jsonl}}
`,
		Answers: map[string]string{
			"GET http://shop.example/orders":        `{"orders": [{"id": 1, "total": 9.5}, {"id": 2, "total": 3}], "next": "/orders?page=2"}`,
			"GET http://shop.example/orders?page=2": `{"orders": [{"id": 3, "total": 12}]}`,
		},
		Want: map[string]string{"-": `{"id":1,"total":9.5}` + "\n" + `{"id":2,"total":3}` + "\n" + `{"id":3,"total":12}` + "\n"},
	}))

// inAddress is where the cursor stands in an address.
const inAddress = "{cursor}"

type poll struct {
	URL    config.URL     `yaml:"url,required" doc:"The address of the first page. In place of {cursor} it gets the cursor."`
	Every  *time.Duration `yaml:"every" min:"10ms" doc:"How long after one poll the next begins. Without it there is one poll, of all pages."`
	As     graph.TypeRef  `yaml:"as" doc:"What an answer is: a type, which JSON is held to; json, any JSON (the default); text; or raw, its bytes. The items of a list are items of the flow."`
	Items  config.Text    `yaml:"items" doc:"An expression over the answer that gives the list of its items, where the answer is not that list itself."`
	Next   config.Text    `yaml:"next" doc:"An expression over the answer that gives the address of the next page, null or an empty text after the last one."`
	Links  bool           `yaml:"links" doc:"The address of the next page is in the header Link, with rel=\"next\", as GitHub and others have it."`
	Cursor config.Text    `yaml:"cursor" doc:"An expression over the answer that gives the value from which the next poll goes on, such as last(item).id; null leaves it as it was. Of the values of several pages the greatest counts if they are numbers, times or dates, else the last one, and only once all pages are through. It is part of the position."`
	Start  string         `yaml:"start" doc:"The cursor of the first poll."`

	RetryFor time.Duration `yaml:"retry_for" min:"0s" doc:"How long a page is tried again while the server does not answer, or says that it is busy or broken. Then the run fails; with every, the next poll begins at its time, or goes on with the page that failed."`
	Timeout  time.Duration `yaml:"timeout" min:"1ms" doc:"How long one try may take."`
	MaxPages int           `yaml:"max_pages" min:"1" doc:"How many pages a poll may have. More are an error, since they may have no end."`

	fixedHeaders
	access

	as                  answerType
	items, next, cursor *expr.Expr // nil: none
	item                *types.Type
}

// Infer implements graph.Inferer.
func (k *poll) Infer(c *graph.Inference) {
	k.headers = k.Headers
	k.check(c)
	checkAddress(c, strings.ReplaceAll(k.URL.Reveal(), inAddress, "x"), c.Node.At)
	if in := strings.Contains(k.URL.Reveal(), inAddress); in != (k.Cursor.YAML != nil) {
		d := c.List().Add(diag.Conflict, c.Node.At, "%s: the url has %s, and no cursor says what it is", c.Node.ID, inAddress)
		if !in {
			d.Message = c.Node.ID + ": there is a cursor, and the url does not have it"
			d.WithHint("write {cursor} where it belongs: https://shop.example/orders?since={cursor}")
		}
	}
	if k.Links && k.Next.YAML != nil {
		c.List().Add(diag.Conflict, k.Next.YAML.Span, "%s: links and next both say where the next page is", c.Node.ID)
	}
	var ok bool
	if k.as, ok = answerOf(c, k.As); !ok {
		return
	}
	over := k.as.t
	if k.Next.YAML != nil {
		k.next = k.value(c, k.Next, over, "next")
		if t := k.next.Type(); t.Kind != types.KindAny {
			k.next.Want(types.String.Opt(), "next", c.List())
		}
	}
	if k.Cursor.YAML != nil {
		k.cursor = k.value(c, k.Cursor, over, "cursor")
		if t := k.cursor.Type(); t.Kind != types.KindError && t.Kind != types.KindAny && !t.IsScalar() {
			c.List().Add(diag.WrongType, k.Cursor.YAML.Span, "cursor must be a value that can stand in an address, got %s", t)
		}
	}
	k.item = over
	switch {
	case k.Items.YAML != nil:
		k.items = k.value(c, k.Items, over, "items")
		switch t := k.items.Type(); t.Kind {
		case types.KindError:
			return
		case types.KindList:
			k.item = t.Elem
		default:
			c.List().Add(diag.WrongType, k.Items.YAML.Span, "items must be a list, got %s", t).WithHint("say what the answer is with `as:`, or write list(...)")
			return
		}
	case over.Kind == types.KindList:
		k.item = over.Elem
	}
	c.Out("out", k.item)
}

// value checks an expression over the answer.
func (k *poll) value(c *graph.Inference, text config.Text, over *types.Type, what string) *expr.Expr {
	if over.Kind == types.KindBytes {
		c.List().Add(diag.Conflict, text.YAML.Span, "%s looks into the answer, and `as: raw` gives its bytes alone", what)
	}
	return c.Expr(text, over)
}
