package sql

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// This file is the kind sql.lookup.

// lookup is the kind sql.lookup.
type lookup struct {
	Link
	Table   config.Name   `yaml:"table" doc:"The table whose columns are added, or SCHEMA.TABLE."`
	Query   config.Text   `yaml:"query" doc:"In place of a table: a query without placeholders, whose result is looked into."`
	On      columns.Pairs `yaml:"on,required" doc:"What must be equal: {customer: id} a field of the item and a column, or id, or a list, where both are called the same."`
	Columns []config.Name `yaml:"columns" lone:"true" doc:"Which columns are added; by default all but those of on."`
	Prefix  string        `yaml:"prefix" doc:"What is put before the names of the added fields."`
	Kind    string        `yaml:"kind" enum:"left|inner" doc:"What becomes of an item for which there is no row: left passes it on with null in the added fields, inner leaves it out."`
	As      graph.TypeRef `yaml:"as" doc:"The type of the added columns: a declared one, or written out. By default the database is asked."`
	Cache   cacheSize     `yaml:"cache" doc:"{items: 10000, ttl: 1m}: how many keys are remembered, also those without a row, and how long. Without it every batch asks anew."`

	in, added *types.Type
	known     map[string]column
}

// cacheSize bounds what is remembered.
type cacheSize struct {
	Items int           `yaml:"items" min:"0" max:"10000000" doc:"How many keys are remembered; 0: none."`
	TTL   time.Duration `yaml:"ttl" min:"1ms" doc:"How long a key is remembered. It has no effect without items."`
}

var lookupDecl = nodes.Kind("sql.lookup", "Adds to each item the columns of a row that a database has for it.", &lookup{Kind: "left", Cache: cacheSize{TTL: time.Minute}},
	nodes.InPort(graph.Port{Name: "in", Doc: "The items."}),
	nodes.OutPort(graph.Port{Name: "out", Doc: "The items, with the added fields."}),
	nodes.OutPort(graph.Port{Name: "unmatched", Doc: "With kind: inner, the items for which there is no row.", Side: true}),
	nodes.Tries(),
	nodes.Lines(
		"the row of an item is there; the keys of a batch are asked for together",
		"the database is slow, or away",
		"its input has ended",
		"an item for which there are several rows, or whose key the database refuses, is an error",
	),
	nodes.Example(graph.Example{
		Title: "Customers of orders",
		Flow: `flow: named_orders
types: {Order: {order: int, customer: int}}
nodes:
  orders: {use: file.read, with: {path: orders.csv, as: Order}}
  named:
    use: sql.lookup
    in: orders
    with:
      url: 'sqlite::memory:' # a file of yours, such as sqlite:shop.db
      init: |
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
      table: customers
      on: {customer: id}
      as: '{name: string}'
      cache: {items: 1000}
  out: {use: file.write, in: named, with: {path: named.csv}}
`,
		Files: map[string]string{"orders.csv": "order,customer\n10,2\n11,1\n12,3\n13,2\n"},
		Want:  map[string]string{"named.csv": "order,customer,name\n10,2,Bob\n11,1,Ann\n12,3,\n13,2,Bob\n"},
	}),
)

// source is the query that is looked into.
func (k *lookup) source() string {
	if k.Query.Value != "" {
		return bare(k.Query.Value)
	}
	return "SELECT * FROM " + k.dialect().quoteTable(k.Table.Value)
}

// Infer finds the added columns.
func (k *lookup) Infer(c *graph.Inference) {
	known := k.checkURL(c)
	k.in = c.Record("in")
	out := types.Error
	defer func() { c.Out("out", out); c.Out("unmatched", c.In("in")) }()
	switch {
	case k.Table.Value != "" && k.Query.Value != "":
		c.List().Add(diag.Conflict, k.Table.At, "%s: table and query exclude each other", c.Node.ID)
		return
	case k.Table.Value == "" && k.Query.Value == "":
		c.List().Add(diag.MissingKey, c.Node.At, "%s: a table or a query is missing", c.Node.ID).WithHint("write `table: NAME`")
		return
	}
	if k.in == nil || !known {
		return
	}
	for _, p := range k.On {
		if f, ok := c.Field(p.Left, k.in); ok && f.Type.HoldsReply() {
			c.List().Add(diag.WrongType, p.Left.At, "%s: a reply is no data, so nothing can be looked up by %s", c.Node.ID, types.Quote(f.Name))
			return
		}
	}
	right := c.Type(k.As)
	switch {
	case right != nil && right.Kind == types.KindError:
		return
	case right != nil && !right.IsRecord():
		c.List().Add(diag.TypeMismatch, k.As.YAML.Span, "the columns of a row make a record, and `as` is %s", right)
		return
	case right == nil:
		if right = k.asked(c); !right.IsRecord() {
			return
		}
		for _, p := range k.On {
			c.Field(p.Right, right)
		}
	}
	for _, name := range k.Columns {
		c.Field(name, right)
	}
	if k.added = k.chosen(right); len(k.added.Fields) == 0 {
		c.List().Add(diag.Conflict, c.Node.At, "%s: there is no column to add", c.Node.ID).WithHint("name one in `columns`")
		return
	}
	joined := &types.Type{Kind: types.KindRecord, Fields: append([]types.Field(nil), k.in.Fields...)}
	for _, f := range k.added.Fields {
		name := k.Prefix + f.Name
		if first, clash := joined.Field(name); clash {
			c.List().Add(diag.NameClash, c.Node.At, "%s: the item and the row both have a field %s", c.Node.ID, name).
				WithNote(first.Origin.At, "that of the item is %s", first.Type).WithHint("add `prefix: row_`, or choose `columns`")
			return
		}
		origin := f.Origin
		if origin.How == "" || !k.As.YAML.IsNull() {
			origin = c.Origin("looked up", c.Node.At)
		}
		joined.Fields = append(joined.Fields, types.Field{Name: name, Type: f.Type.WithOpt(k.Kind == "left"), Origin: origin})
	}
	out = joined
}

// Passes implements graph.Passer.
func (k *lookup) Passes(string) graph.Ways {
	w := graph.Ways{Out: []string{"out"}}
	if k.Kind == "inner" {
		w.Out = append(w.Out, "unmatched")
	}
	return w
}

// asked asks the database for the columns.
func (k *lookup) asked(c *graph.Inference) *types.Type {
	if c.Peers() == nil {
		c.List().Add(diag.NoSchema, c.Node.At, "%s: the columns are not known here, where no database is asked", c.Node.ID).
			WithHint("write `as: {name: string, ...}`; `flowrun types --pin` does it for you")
		return types.Error
	}
	s, ctx, done := k.ask(c)
	if s == nil {
		return types.Error
	}
	defer done()
	found, err := s.describe(ctx, k.source(), nil)
	at := c.Node.At
	if k.Query.YAML != nil {
		at = k.Query.YAML.Span
	} else if !k.Table.At.IsZero() {
		at = k.Table.At
	}
	if err != nil {
		code := diag.BadExpression
		if s.fault(err) == faultConnection || errors.Is(err, context.DeadlineExceeded) {
			code = diag.Unreachable
		}
		c.List().Add(code, at, "%s: the database refuses: %s", c.Node.ID, cleaned(k.URL, err.Error()))
		return types.Error
	}
	k.known = byName(found)
	return recordOf(c, found, at, k.URL)
}

// Pinned implements graph.Pinner.
func (k *lookup) Pinned() *types.Type {
	if k.known == nil {
		return nil
	}
	return k.added
}

// chosen are the fields of a row that are added.
func (k *lookup) chosen(right *types.Type) *types.Type {
	t := &types.Type{Kind: types.KindRecord}
	for _, f := range right.Fields {
		isKey := false
		for _, p := range k.On {
			isKey = isKey || p.Right.Value == f.Name
		}
		if len(k.Columns) == 0 && !isKey || contains(k.Columns, f.Name) {
			t.Fields = append(t.Fields, f)
		}
	}
	return t
}

// Needs implements graph.Needer.
func (k *lookup) Needs(n *graph.Needs) {
	var on []string
	for _, p := range k.On {
		on = append(on, p.Left.Value)
	}
	n.In("in", n.Out("out").Union(n.Out("unmatched")).With(on...))
}

// statement asks for n keys at once: the first column says which one a row belongs to.
func (k *lookup) statement(n int, known map[string]column) string {
	d := k.dialect()
	var names []string
	for _, f := range k.added.Fields {
		names = append(names, "t."+d.quote(f.Name))
	}
	from := " FROM (" + k.source() + "\n) AS t"
	if k.Query.Value == "" {
		from = " FROM " + d.quoteTable(k.Table.Value) + " AS t"
	}
	list := strings.Join(names, ", ")
	var b strings.Builder
	if d == postgres {
		b.WriteString("WITH v AS (SELECT * FROM (VALUES ")
		for i := range n {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("(" + itoa(i))
			for j, p := range k.On {
				b.WriteString(", " + d.placeholder(i*len(k.On)+j+1))
				if cast := castName(known[p.Right.Value].db); cast != "" {
					b.WriteString("::" + cast)
				}
			}
			b.WriteString(")")
		}
		b.WriteString(") AS v (n")
		for j := range k.On {
			b.WriteString(", k" + itoa(j))
		}
		b.WriteString(")) SELECT v.n, " + list + from + " JOIN v ON ")
		for j, p := range k.On {
			if j > 0 {
				b.WriteString(" AND ")
			}
			b.WriteString("t." + d.quote(p.Right.Value) + " = v.k" + itoa(j))
		}
		return b.String()
	}
	for i := range n {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		b.WriteString("SELECT " + itoa(i) + ", " + list + from + " WHERE ")
		for j, p := range k.On {
			if j > 0 {
				b.WriteString(" AND ")
			}
			b.WriteString("t." + d.quote(p.Right.Value) + " = ?")
		}
	}
	return b.String()
}
