package stream

import (
	"fmt"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the settings that say how rows stand in a stream, and what they allow.

// The formats of rows.
const (
	FormatJSONL = "jsonl"
	FormatCSV   = "csv"
	FormatLines = "lines"
)

// Reading are the settings of a kind that reads rows.
type Reading struct {
	Format    string        `yaml:"format" enum:"jsonl|csv|lines" doc:"What a row is: a JSON object on a line, cells of csv, or a line as it is, {line: string}."`
	As        graph.TypeRef `yaml:"as" doc:"The type of the items: a declared one, or written out. lines needs none."`
	Header    bool          `yaml:"header" doc:"Of csv: the first row has the names of the columns. Without it they are the fields of the type, in order."`
	MaxRecord config.Size   `yaml:"max_record" min:"1B" doc:"How long a row may be. A longer one is left out and is a bad item."`
}

// Type gives the type of the items, the Error type if that is wrong, which is reported.
func (k *Reading) Type(c *graph.Inference) *types.Type {
	as := c.Type(k.As)
	if k.Format != FormatCSV && !k.Header {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: header is for csv, not for %s", c.Node.ID, k.Format)
	}
	switch {
	case as != nil && as.Kind == types.KindError:
		return types.Error
	case k.Format == FormatLines:
		if as != nil {
			c.List().Add(diag.Conflict, c.Node.At, "lines have no type: their items are {line: string}").WithHint("leave `as` out, or write format: jsonl")
			return types.Error
		}
		return types.Record(types.Field{Name: "line", Type: types.String, Origin: c.Origin("a line", c.Node.At)})
	case as == nil:
		if !c.Unread("as") {
			c.List().Add(diag.MissingKey, c.Node.At, "the key %q is required", "as").WithHint("write the type of a row, such as as: '{id: int, amount: float}'")
		}
		return types.Error
	case !as.IsRecord():
		c.List().Add(diag.WrongType, c.Node.At, "a row must be a record, got %s", as)
		return types.Error
	case k.Format == FormatCSV:
		if _, err := csv.New(as, nil, csv.Options{Dialect: csv.Standard}); err != nil {
			c.List().Add(diag.WrongType, c.Node.At, "%s", err)
			return types.Error
		}
	}
	return as
}

// Writing are the settings of a kind that writes rows.
type Writing struct {
	Format string `yaml:"format" enum:"jsonl|csv|lines" doc:"What a row is: a JSON object on a line, cells of csv, or the text of the one field as it is."`
	Header bool   `yaml:"header" doc:"Of csv: the names of the fields are the first row."`
}

// Check reports whether the format can hold what arrives at in.
func (k *Writing) Check(c *graph.Inference) {
	if k.Format != FormatCSV && !k.Header {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: header is for csv, not for %s", c.Node.ID, k.Format)
	}
	t := c.In("in")
	if t.Flawed() {
		return
	}
	if why := k.refuses(t); why != "" {
		at := c.Node.At
		if p := c.Node.Input("in"); p != nil && len(p.Edges) > 0 {
			at = p.Edges[0].At
		}
		c.List().Add(diag.TypeMismatch, at, "%s cannot be written as %s: %s", t, k.Format, why).
			WithHint("take the field apart or leave it out with a map, or write jsonl")
	}
}

func (k *Writing) refuses(t *types.Type) string {
	switch {
	case t.Kind == types.KindOpaque:
		return "it is a Go type that no text can hold"
	case k.Format == FormatLines:
		if !t.IsRecord() || len(t.Fields) != 1 || !t.Fields[0].Type.IsText() || t.Fields[0].Type.Nullable {
			return "lines takes records of one text field that is never null"
		}
	case k.Format == FormatCSV:
		if !t.IsRecord() {
			return "its rows are no records"
		}
		for _, f := range t.Fields {
			if !f.Type.IsScalar() && !f.Type.IsReply() { // no format can write a reply, which is told elsewhere
				return fmt.Sprintf("field %q is %s", f.Name, f.Type)
			}
		}
	}
	return ""
}
