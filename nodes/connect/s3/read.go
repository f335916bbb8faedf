package s3

import (
	"context"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/file"
)

// This file is the kind s3.read.

// What becomes of an object that was read.
const (
	afterNone   = "none"
	afterDelete = "delete"
	afterMove   = "move"
)

// reader is the kind s3.read.
type reader struct {
	URL config.Name `yaml:"url,required" doc:"The objects: s3://bucket/key of one, a pattern such as s3://bucket/in/**/*.csv, or with a slash at the end all below. They are read in the order of their keys."`
	Link
	Every time.Duration `yaml:"every" min:"100ms" doc:"Look for new objects so often, until the flow is stopped. An object that was written anew is read again, as a whole."`
	After string        `yaml:"after" enum:"none|delete|move" doc:"What becomes of an object when all sinks have for good what came of it: it stays, is deleted, or is moved."`
	Move  string        `yaml:"move" doc:"With after: move, where to: what the keys begin with in place of the folder they were in, such as done/."`
	file.Reading

	rows *file.ObjectReader
}

var readDecl = nodes.Kind("s3.read", "Reads rows from objects in S3, or in what speaks its language.", &reader{Reading: file.UsualReading, After: afterNone},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The rows."}),
	nodes.Workers(graph.PerCore),
	nodes.Acknowledges(), nodes.Tries(), nodes.Idle(graph.SettingTimeout),
	nodes.Stores(scheme, new(Link).open),
	nodes.Lines("rows have been read", "its output is full, the server is slow or away, or, with every, there is no new object",
		"all objects have been read; with `every`, when the flow is stopped",
		"an object cannot be read, or a row is bad and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Read all objects of a folder",
		Peer:  "It needs a server with a bucket shop.",
		Flow: `flow: orders
nodes:
  orders:
    use: s3.read
    with:
      url: s3://shop/orders/*.jsonl
      endpoint: http://s3.example:9000
      access_key: anonymous
      as: '{id: int, amount: float}'
    retry: {attempts: 5} # if the server does not answer when the flow begins
  out: {use: file.write, in: orders, with: {path: orders.jsonl}}
`,
		Want: map[string]string{"orders.jsonl": "{\"id\":1,\"amount\":2.5}\n{\"id\":2,\"amount\":3.5}\n{\"id\":3,\"amount\":4.5}\n"},
	}),
)

// Acks implements graph.Acker.
func (k *reader) Acks() bool { return k.After != afterNone }

// Infer checks the settings, and finds the type of the rows.
func (k *reader) Infer(c *graph.Inference) {
	k.rows = nil
	a, ok := checkLink(c, &k.Link, k.URL)
	if !ok {
		return
	}
	switch {
	case k.After == afterMove && k.Move == "":
		c.List().Add(diag.MissingKey, c.Node.At, "%s: after: move needs to know where to", c.Node.ID).WithHint("add `move: done/`")
		return
	case k.After != afterMove && k.Move != "":
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: move has no effect without after: move", c.Node.ID)
	case k.After == afterMove && k.comesBack(a):
		c.List().Add(diag.Conflict, c.Node.At, "%s: objects that are moved to %s are among those that are read", c.Node.ID, k.Move).WithHint("move them out of %s", a.prefix())
		return
	}
	k.rows = k.objects(a).Reader()
	k.rows.Infer(c)
}

func (k *reader) objects(a address) file.Objects {
	o := file.Objects{Address: k.URL, Reading: k.Reading, Store: k.Link.open, Every: k.Every}
	switch k.After {
	case afterDelete:
		o.After = func(ctx context.Context, s nodes.Store, o nodes.Object) error { return s.(*store).remove(ctx, o) }
	case afterMove:
		o.After = func(ctx context.Context, s nodes.Store, o nodes.Object) error {
			return s.(*store).move(ctx, o, k.moved(a, o))
		}
	}
	return o
}

// moved is the key that an object is moved to.
func (k *reader) moved(a address, o nodes.Object) string {
	from, _ := addressOf(o.Address)
	return k.Move + strings.TrimPrefix(from.key, a.folder())
}

// comesBack reports whether an object that was moved would be read again.
func (k *reader) comesBack(a address) bool {
	rest := strings.TrimPrefix(a.key, a.folder())
	if a.isFolder() {
		rest = "x"
	}
	return a.has(k.Move + rest)
}

// ValidatesUnread implements graph.Validator.
func (k *reader) ValidatesUnread() bool { return k.rows != nil && k.rows.ValidatesUnread() }

// Pinned implements graph.Pinner.
func (k *reader) Pinned() *types.Type {
	if k.rows == nil {
		return nil
	}
	return k.rows.Pinned()
}

// Operator implements nodes.Maker.
func (k *reader) Operator(env *nodes.Env) (nodes.Operator, error) { return k.rows.Operator(env) }

// checkLink checks the settings that say where objects are.
func checkLink(c *graph.Inference, l *Link, at config.Name) (address, bool) {
	if at.Value == "" {
		return address{}, false
	}
	a, err := addressOf(at.Value)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		c.List().Add(diag.WrongValue, at.At, "%s: %s", at.Value, err)
		return a, false
	}
	id, err := l.identity()
	if err == nil {
		_, err = endpointOf(id.endpoint)
	}
	if err != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, err)
		return a, false
	}
	return a, true
}
