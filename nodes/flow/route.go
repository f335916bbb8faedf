package flow

import (
	"context"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

var routeDecl = nodes.Kind("route", "Sends items to different outputs by conditions.", &route{Match: "first"},
	nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type."}), nodes.OutPort(restPort),
	nodes.Pure(),
	nodes.Lines("an item arrives that meets a condition, or none and `else` is read", "the output of an item is full", "", "a condition cannot be computed for an item and on_error says fail"),
	nodes.Example(graph.Example{
		Title: "Orders by region",
		Flow: `flow: regions
nodes:
  orders: {use: file.read, with: {path: orders.jsonl}}
  region: {use: route, in: orders, with: {cases: {eu: region == "EU", big: amount > 100}}}
  eu:     {use: file.write, in: region.eu, with: {path: eu.jsonl}}
  big:    {use: file.write, in: region.big, with: {path: big.jsonl}}
  rest:   {use: file.write, in: region.else, with: {path: rest.jsonl}}
`,
		Files: map[string]string{"orders.jsonl": `{"id":1,"region":"EU","amount":500}
{"id":2,"region":"US","amount":500}
{"id":3,"region":null,"amount":5}
`},
		Want: map[string]string{
			"eu.jsonl":   `{"id":1,"region":"EU","amount":500}` + "\n",
			"big.jsonl":  `{"id":2,"region":"US","amount":500}` + "\n",
			"rest.jsonl": `{"id":3,"region":null,"amount":5}` + "\n",
		},
	}))

// elsePort gets what no condition wants.
const elsePort = "else"

var restPort = graph.Port{Name: elsePort, Doc: "Items for which no condition is true.", Side: true}

type route struct {
	Cases config.Map[config.Text] `yaml:"cases,required" min:"1" doc:"The outputs, each with the condition under which an item leaves by it."`
	Match string                  `yaml:"match" enum:"first|all" doc:"Whether an item leaves by the first output whose condition is true, or by all of them."`

	conditions []*expr.Expr
}

func (k *route) names() []config.Name {
	var names []config.Name
	for _, c := range k.Cases {
		names = append(names, config.Name{Value: c.Key, At: c.At})
	}
	return names
}

// Outputs implements graph.Brancher.
func (k *route) Outputs() []graph.Port {
	ports := branches(k.names())
	return append(ports, restPort)
}

func (k *route) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	checkPorts(c, k.names(), elsePort)
	inferBranches(c, append(k.names(), config.Name{Value: elsePort}))
	for _, text := range k.Cases {
		if text.Key == elsePort {
			continue
		}
		e := c.Expr(text.Value, in)
		e.Want(types.Bool.Opt(), text.Key, c.List())
		k.conditions = append(k.conditions, e)
	}
}

func (k *route) Needs(c *graph.Needs) {
	needBranches(c, append(k.names(), config.Name{Value: elsePort}))
	for _, e := range k.conditions {
		c.In("in", graph.FieldSet(e.Fields()...))
	}
}

// Passes implements graph.Passer: an item leaves by a condition that is true, or by else.
func (k *route) Passes(string) graph.Ways {
	var w graph.Ways
	for _, p := range k.Outputs() {
		w.Out = append(w.Out, p.Name)
	}
	return w
}

func (k *route) Operator(env *nodes.Env) (nodes.Operator, error) {
	read := env.IsRead(elsePort)
	return nodes.Each(func() (func(context.Context, *record.Batch, nodes.Out) error, error) {
		r := router{all: k.Match == "all"}
		for _, e := range k.conditions {
			r.conditions = append(r.conditions, e.Compile())
		}
		return func(_ context.Context, in *record.Batch, out nodes.Out) error {
			ways, left, err := r.split(in, out)
			if err != nil {
				return err
			}
			if !read {
				out.Filtered(left.Len())
			}
			return emitAll(out, append(ways, left))
		}, nil
	}), nil
}

// emitAll sends one batch to each port, in order.
func emitAll(out nodes.Out, ways []*record.Batch) error {
	var failed error
	for p, b := range ways {
		if failed != nil {
			b.Release()
			continue
		}
		failed = out.Emit(p, b)
	}
	return failed
}

// A router is the conditions of one worker.
type router struct {
	conditions []*expr.Program
	all        bool
	errs       expr.RowErrors
	member     []bool // by row: the item met a condition
}

// split gives a batch for each condition and one of what met none. An item for
// which a condition fails is in none of them, even if another one was true.
func (r *router) split(in *record.Batch, out nodes.Out) (ways []*record.Batch, left *record.Batch, err error) {
	r.errs.Reset()
	r.member = append(r.member[:0], make([]bool, in.Rows)...)
	left = in.Share()
	for _, c := range r.conditions {
		from := left
		if r.all {
			from = in
		}
		way := in.Share()
		way.Sel = c.Filter(from, way.SelBuf(), &r.errs)
		ways = append(ways, way)
		if len(way.Sel) > 0 || r.errs.Len() > 0 {
			r.take(left, way.Sel)
		}
	}
	if r.errs.Len() == 0 {
		return ways, left, nil
	}
	for _, way := range append(ways, left) {
		way.Sel = columns.Without(way, &r.errs, way.SelBuf())
	}
	if err := nodes.BadRows(out, in, &r.errs); err != nil {
		for _, way := range append(ways, left) {
			way.Release()
		}
		return nil, nil, err
	}
	return ways, left, nil
}

// take removes rows, and those that failed, from what is left.
func (r *router) take(left *record.Batch, rows []uint16) {
	for _, row := range rows {
		r.member[row] = true
	}
	for i := range r.errs.Len() {
		row, _ := r.errs.At(i)
		r.member[row] = true
	}
	sel := left.SelBuf() // written behind where it is read
	for i := range left.Len() {
		if row := left.Row(i); !r.member[row] {
			sel = append(sel, uint16(row))
		}
	}
	left.Sel = sel
}
