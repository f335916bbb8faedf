package sql

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is the kind sql.read, and what it asks the database while a flow is checked.

// reader is the kind sql.read.
type reader struct {
	Link
	Query       config.Text   `yaml:"query,required" doc:"The query, in the words of the database."`
	Params      []config.Text `yaml:"params" doc:"Values for the placeholders of the query, which are $1, $2 in PostgreSQL and ? elsewhere. They never become part of its text."`
	As          graph.TypeRef `yaml:"as" doc:"The type of the rows: a declared one, or written out. By default the database is asked. Columns that it does not have are left out."`
	Incremental *incremental  `yaml:"incremental" doc:"Read on from where the last rows were."`

	t       *types.Type
	columns map[string]column // that the database told; nil: it was not asked
}

// incremental is how a query is read again.
type incremental struct {
	By     []config.Name  `yaml:"by,required" lone:"true" doc:"Columns of the result that only grow, and tell rows apart together, such as [updated_at, id]. Rows are read in their order; one where a column is null is not read."`
	Every  time.Duration  `yaml:"every" min:"10ms" doc:"How long to wait before the database is asked for more. Without it, and without notify, the node ends when it has read all there is."`
	Lag    *time.Duration `yaml:"lag" min:"0s" doc:"How long rows wait before they are given, so that those of transactions that take longer, and come before them, are not passed by; by default 1s for MariaDB and MySQL. PostgreSQL is asked which transactions are open, and rows wait for them; 0s gives every row at once."`
	Notify string         `yaml:"notify" doc:"Of PostgreSQL: a channel of LISTEN. The database is asked for more when something is sent there, and every minute, or as every says."`
}

var readDecl = nodes.Kind("sql.read", "Reads the rows of a query from SQLite, PostgreSQL, MariaDB or MySQL.", &reader{},
	nodes.OutPort(graph.Port{Name: "out", Doc: "The rows."}),
	nodes.Workers(graph.Single),
	nodes.Tries(),
	nodes.Lines(
		"the database has sent rows, up to 1,024 together",
		"the database is slow, or, with incremental, has nothing more",
		"the query has given its last row; with every or notify, when it is stopped",
		"a value that is not of the type of its field: the row is an error; a query that the database refuses ends the flow",
	),
	nodes.Example(graph.Example{
		Title: "Read a table",
		Flow: `flow: dear_things
nodes:
  shop:
    use: sql.read
    with:
      url: 'sqlite::memory:' # a file of yours, such as sqlite:shop.db
      init: |
        CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL);
        INSERT INTO things VALUES (1, 'cup', 4.5), (2, 'chair', 89), (3, 'lamp', NULL);
      query: SELECT id, name, price FROM things WHERE price > ? OR price IS NULL
      params: [50]
      as: '{id: int, name: string, price: float?}'
      incremental: {by: id}
  out: {use: file.write, in: shop, with: {path: dear.jsonl}}
`,
		Want: map[string]string{"dear.jsonl": `{"id":2,"name":"chair","price":89}` + "\n" + `{"id":3,"name":"lamp","price":null}` + "\n"},
	}),
)

// askTime bounds a question to a database while a flow is checked.
const askTime = 20 * time.Second

// ask opens a session while a flow is checked, if it may. What goes wrong is in the list;
// the session is nil then.
func (l *Link) ask(c *graph.Inference) (session, context.Context, func()) {
	peers := c.Peers()
	if peers == nil {
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(peers, askTime)
	env := &nodes.Env{Node: c.Node, Flow: c.Flow}
	s, err := l.open(ctx, env, toRead)
	if err != nil {
		cancel()
		l.complain(c, err)
		return nil, nil, nil
	}
	return s, ctx, func() { s.close(); cancel() }
}

// complain lists why a database could not be opened.
func (l *Link) complain(c *graph.Inference, err error) {
	code := diag.Unreachable
	if errors.Is(err, fs.ErrNotExist) {
		code = diag.NoFile
	}
	told := err.Error()
	if code == diag.Unreachable {
		told = fmt.Sprintf("%s cannot be reached: %s", l.URL.String(), cleaned(l.URL, told))
	}
	d := c.List().Add(code, c.Node.At, "%s: %s", c.Node.ID, told)
	if hint := diag.HintOf(err); !hint.IsZero() {
		d.WithHint("%s", hint)
	} else if code == diag.NoFile {
		d.WithHint("its path is relative to the folder of the flow")
	}
}

// cleaned takes the password out of what a client says.
func cleaned(u config.URL, told string) string {
	a, err := addressOf(u)
	if err != nil || a.url == nil {
		return told
	}
	if pw, ok := a.url.User.Password(); ok && pw != "" {
		told = strings.ReplaceAll(told, pw, "[secret]")
	}
	return told
}

// checkURL checks the address.
func (l *Link) checkURL(c *graph.Inference) bool {
	if l.URL.Reveal() == "" {
		return false
	}
	if _, err := addressOf(l.URL); err != nil {
		c.List().Add(diag.WrongValue, c.Node.At, "%s: %s", c.Node.ID, err)
		return false
	}
	return true
}

// Infer finds the type of the rows.
func (k *reader) Infer(c *graph.Inference) {
	known := k.checkURL(c)
	k.t = types.Error
	defer func() { c.Out("out", k.t) }()
	if i := k.Incremental; i != nil && known {
		if i.Notify != "" && k.dialect() != postgres {
			c.List().Add(diag.Conflict, c.Node.At, "%s: notify is for PostgreSQL, and the database is %s", c.Node.ID, k.dialect()).WithHint("write `every: 10s`")
		}
		if i.Lag != nil && i.Every == 0 && i.Notify == "" {
			c.List().Warn(diag.Ineffective, c.Node.At, "%s: lag has no effect on a read that ends", c.Node.ID).WithHint("write `every: 10s` to read on")
		}
	}
	if t := c.Type(k.As); t != nil {
		if t.Kind != types.KindError && !t.IsRecord() {
			c.List().Add(diag.TypeMismatch, k.As.YAML.Span, "rows are records, and `as` is %s", t)
			return
		}
		k.t = t
	} else if known && k.Query.Value != "" {
		k.t = k.asked(c)
	}
	k.checkBy(c)
}

// asked asks the database for the type.
func (k *reader) asked(c *graph.Inference) *types.Type {
	if c.Peers() == nil {
		c.List().Add(diag.NoSchema, c.Node.At, "%s: the type of the rows is not known here, where no database is asked", c.Node.ID).
			WithHint("write `as: {id: int, ...}`; `flowrun types --pin` does it for you")
		return types.Error
	}
	s, ctx, done := k.ask(c)
	if s == nil {
		return types.Error
	}
	defer done()
	columns, err := s.describe(ctx, k.Query.Value, args(k.Params))
	if err != nil {
		k.refused(c, s, err)
		return types.Error
	}
	t := recordOf(c, columns, k.Query.YAML.Span, k.URL)
	k.columns = byName(columns)
	if sampled := sampledNames(columns); len(sampled) > 0 {
		c.Node.Sample = &graph.Sample{Rows: fmt.Sprintf("the first %d rows of the query, for %s", sampleRows, strings.Join(sampled, ", "))}
	}
	return t
}

// Pinned implements graph.Pinner.
func (k *reader) Pinned() *types.Type {
	if k.columns == nil || !k.t.IsRecord() {
		return nil
	}
	return k.t
}

// refused lists what a database says of a query.
func (k *reader) refused(c *graph.Inference, s session, err error) {
	code, at := diag.BadExpression, k.Query.YAML.Span
	if s.fault(err) == faultConnection || errors.Is(err, context.DeadlineExceeded) {
		code, at = diag.Unreachable, c.Node.At
	} else if pos := positionOf(err); pos > 0 {
		at = k.Query.YAML.At(pos-1, 1)
	}
	d := c.List().Add(code, at, "%s: the database refuses the query: %s", c.Node.ID, cleaned(k.URL, err.Error()))
	if hint := diag.HintOf(err); !hint.IsZero() {
		d.WithHint("%s", hint)
	}
}

func byName(columns []column) map[string]column {
	all := map[string]column{}
	for _, c := range columns {
		all[c.name] = c
	}
	return all
}

func sampledNames(columns []column) (names []string) {
	for _, c := range columns {
		if c.sampled {
			names = append(names, c.name)
		}
	}
	return names
}

// recordOf is the type of rows with some columns.
func recordOf(c *graph.Inference, columns []column, at diag.Span, u config.URL) *types.Type {
	t := &types.Type{Kind: types.KindRecord}
	for _, col := range columns {
		how := "asked of the database: " + col.db
		if col.sampled {
			how = "sampled from the first rows"
		}
		switch {
		case col.name == "":
			c.List().Add(diag.NoSchema, at, "%s: a column of the result has no name", c.Node.ID).WithHint("name it with AS")
			return types.Error
		case t.Index(col.name) >= 0:
			c.List().Add(diag.NameClash, at, "%s: two columns of the result are called %s", c.Node.ID, col.name).WithHint("name one of them with AS")
			return types.Error
		}
		t.Fields = append(t.Fields, types.Field{Name: col.name, Type: col.t, Origin: c.Origin(how, c.Node.At)})
	}
	if len(t.Fields) == 0 {
		c.List().Add(diag.NoSchema, at, "%s: the statement gives no rows", c.Node.ID).WithHint("it must be a SELECT, or end in RETURNING")
		return types.Error
	}
	return t
}

// checkBy checks the columns of incremental.
func (k *reader) checkBy(c *graph.Inference) {
	if k.Incremental == nil || !k.t.IsRecord() {
		return
	}
	for _, by := range k.Incremental.By {
		f, ok := c.Field(by, k.t)
		if !ok {
			continue
		}
		switch f.Type.Kind {
		case types.KindInt, types.KindTime, types.KindDate, types.KindString, types.KindDecimal, types.KindFloat, types.KindBytes, types.KindError:
			if f.Type.Nullable {
				c.List().Warn(diag.Ineffective, by.At, "%s may be null: rows where it is are never read", by.Value).WithHint("read by a column that is never null")
			}
		default:
			c.List().Add(diag.WrongType, by.At, "rows cannot be read on by %s, which is %s", by.Value, f.Type)
		}
	}
}

// args are the values of parameters: a number or a truth value where it is written as one,
// else a text.
func args(params []config.Text) []any {
	all := make([]any, len(params))
	for i, p := range params {
		all[i] = p.Value
		if p.YAML == nil {
			continue
		}
		switch p.YAML.Kind {
		case config.Null:
			all[i] = nil
			continue
		}
		switch p.YAML.Type {
		case config.Int:
			if v, err := strconv.ParseInt(p.Value, 0, 64); err == nil {
				all[i] = v
			}
		case config.Float:
			if v, err := strconv.ParseFloat(p.Value, 64); err == nil {
				all[i] = v
			}
		case config.Bool:
			all[i] = strings.EqualFold(p.Value, "true")
		}
	}
	return all
}
