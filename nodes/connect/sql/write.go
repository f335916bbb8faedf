package sql

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is the kind sql.write.

// writer is the kind sql.write.
type writer struct {
	Link
	Table  config.Name   `yaml:"table,required" doc:"The table, or SCHEMA.TABLE. A field goes into the column of its name."`
	Mode   string        `yaml:"mode" enum:"insert|upsert|update|delete" doc:"What becomes of a row: insert adds it, upsert adds it or replaces what has its key, update changes what has its key, delete takes that away. All but insert may be repeated without harm."`
	Key    []config.Name `yaml:"key" lone:"true" doc:"The columns that tell rows apart, for upsert, update and delete; with create also for insert. For upsert the table must have a primary key or a unique index of them."`
	Create bool          `yaml:"create" doc:"Make the table if it is not there, with a column for each field, and the primary key of key. A SQLite file is made, too."`

	t *types.Type
}

var writeDecl = nodes.Kind("sql.write", "Writes rows into a table of SQLite, PostgreSQL, MariaDB or MySQL.", &writer{Mode: modeInsert},
	nodes.InPort(graph.Port{Name: "in", Doc: "The rows."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines(
		"never; a row is committed within 100 ms, and at every cut",
		"the database is slow, or away",
		"its input has ended, and all is committed",
		"a row that the database refuses is an error, and its neighbours are written; a table that is not there is an error of every row",
	),
	nodes.Example(graph.Example{
		Title: "A row that the table refuses",
		Flow: `flow: stock
types: {Thing: {id: int, name: string, price: float}}
nodes:
  things: {use: file.read, with: {path: things.csv, as: Thing}}
  shop:
    use: sql.write
    in: things
    on_error: dead
    with:
      url: 'sqlite::memory:' # a file of yours, such as sqlite:shop.db
      init: CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL CHECK (price > 0))
      table: things
  why: {use: map, in: shop.errors, with: {select: [item, error]}}
  bad: {use: file.write, in: why, with: {path: bad.jsonl}}
`,
		Files: map[string]string{"things.csv": "id,name,price\n1,cup,4.5\n2,gift,0\n3,lamp,20\n"},
		Want:  map[string]string{"bad.jsonl": `{"item":{"id":2,"name":"gift","price":0},"error":"constraint failed: CHECK constraint failed: price > 0 (275)"}` + "\n"},
	}),
)

// keyNames are the columns of the key.
func (k *writer) keyNames() []string {
	names := make([]string, len(k.Key))
	for i, n := range k.Key {
		names[i] = n.Value
	}
	return names
}

// Infer checks that the table can take what arrives.
func (k *writer) Infer(c *graph.Inference) {
	known := k.checkURL(c)
	k.t = c.Record("in")
	for _, n := range k.Key {
		c.Field(n, k.t)
	}
	switch {
	case k.Mode != modeInsert && len(k.Key) == 0 && !c.Unread("key", "mode"):
		c.List().Add(diag.MissingKey, c.Node.At, "%s: %s needs a key", c.Node.ID, k.Mode).WithHint("write `key: id`, the column that tells rows apart")
		return
	case k.Mode == modeInsert && len(k.Key) > 0 && !k.Create:
		c.List().Warn(diag.Ineffective, k.Key[0].At, "%s: key has no effect on mode: insert, but with `create: true`", c.Node.ID)
	case k.Mode == modeUpdate && k.t != nil && len(k.t.Fields) == len(k.Key):
		c.List().Add(diag.Conflict, c.Node.At, "%s: every field is part of the key, so there is nothing to update", c.Node.ID)
		return
	}
	if k.t == nil || !known || k.Table.Value == "" {
		return
	}
	for _, f := range k.t.Fields {
		if f.Type.Kind == types.KindOpaque {
			c.List().Add(diag.TypeMismatch, c.Node.At, "%s: field %s is %s, which no table can hold", c.Node.ID, f.Name, f.Type)
			return
		}
	}
	k.checkTable(c)
}

// checkTable asks the database for the table.
func (k *writer) checkTable(c *graph.Inference) {
	if k.Create && k.dialect() == sqlite || c.Peers() == nil {
		return // the file may not be there yet
	}
	s, ctx, done := k.ask(c)
	if s == nil {
		return
	}
	defer done()
	t, err := s.table(ctx, k.Table.Value)
	if err != nil {
		k.complain(c, err)
		return
	}
	for _, p := range k.misfits(t) {
		d := c.List().Add(diag.TypeMismatch, k.Table.At, "%s: %s", c.Node.ID, p.what)
		if p.hint != "" {
			d.WithHint("%s", p.hint)
		}
		if p.field != "" {
			d.DidYouMean(p.field, t.names())
		}
	}
}

// A misfit is why rows cannot go into a table.
type misfit struct{ what, hint, field string }

// misfits lists why rows cannot go into a table, which is nil if there is none.
func (k *writer) misfits(t *table) (all []misfit) {
	if t == nil {
		if k.Create {
			return nil
		}
		return []misfit{{what: "there is no table " + k.Table.Value, hint: "`create: true` makes it"}}
	}
	for _, f := range k.t.Fields {
		c, ok := t.column(f.Name)
		switch {
		case k.Mode == modeDelete && !contains(k.Key, f.Name):
		case !ok:
			all = append(all, misfit{what: "table " + t.name + " has no column " + f.Name, field: f.Name,
				hint: "the columns are " + strings.Join(t.names(), ", ") + "; leave the field out with a map, or add the column"})
		case c.generated:
			all = append(all, misfit{what: "column " + f.Name + " is computed by the database", hint: "leave the field out with a map"})
		case !c.takes(k.dialect(), f.Type):
			all = append(all, misfit{what: "column " + f.Name + " is " + c.db + ", and the field is " + f.Type.String(), hint: "convert it with a map"})
		}
	}
	if k.Mode == modeInsert || k.Mode == modeUpsert {
		for _, c := range t.columns {
			if !c.filled && !c.generated && k.t.Index(c.name) < 0 {
				all = append(all, misfit{what: "column " + c.name + " needs a value, and no field has its name", hint: "set it with a map"})
			}
		}
	}
	return all
}

func contains(names []config.Name, name string) bool {
	for _, n := range names {
		if n.Value == name {
			return true
		}
	}
	return false
}

// Needs implements graph.Needer: delete reads the key alone.
func (k *writer) Needs(n *graph.Needs) {
	if k.Mode == modeDelete {
		n.In("in", graph.FieldSet(k.keyNames()...))
		return
	}
	n.In("in", graph.AllFields())
}
