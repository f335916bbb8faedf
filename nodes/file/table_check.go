package file

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record/avro"
	"github.com/flowrun/flowrun/graph/record/parquet"
	"github.com/flowrun/flowrun/graph/types"
)

// This file finds the type of the rows of tables, which their files say, and compares it with
// the one that is declared.

// inferTable is Infer for tables.
func (k *reader) inferTable(c *graph.Inference) {
	if !k.checkTableSettings(c) {
		k.promise(c)
		return
	}
	t := c.Type(k.As)
	switch {
	case t == nil:
		t = k.schemaOf(c)
	case t.Kind == types.KindError:
		return
	case k.format == formatParquet && !t.IsRecord():
		c.List().Add(diag.WrongType, k.As.YAML.Span, "rows of a parquet file are records, got %s", t)
		return
	case !k.checkReadings(c, t):
		return
	default:
		k.checkSchemas(c, t)
	}
	if k.row = t; t != nil && k.settlePlace(c, &t) {
		c.Out("out", t)
	}
}

// checkTableSettings reports settings that tables have no use for.
func (k *reader) checkTableSettings(c *graph.Inference) bool {
	if k.Delimiter != "" || k.Comment != "" || len(k.Nulls) > 0 || !k.Header || k.Encoding != encodingUTF8 {
		c.List().Warn(diag.Ineffective, c.Node.At, "%s: delimiter, header, comment, nulls and encoding are for text, not for %s", c.Node.ID, k.format)
	}
	switch {
	case k.Compress != "":
		c.List().Add(diag.Conflict, c.Node.At, "%s: a file of format %s says itself how its blocks are compressed", c.Node.ID, k.format).WithHint("leave `compress` out")
		return false
	case k.Extra == "keep":
		c.List().Add(diag.Conflict, c.Node.At, "%s: extra: keep is for text: of a file of format %s the columns are known", c.Node.ID, k.format).WithHint("leave `as` out to read all of them")
		return false
	}
	for _, f := range k.files {
		_, packed, _ := formatOf(f.path, k.format, "")
		switch {
		case packed != plain:
			c.List().Add(diag.Conflict, f.at, "%s is packed as a whole, and a file of format %s is not: its blocks are", called(f.path), k.format).WithHint("unpack it first")
			return false
		case k.format == formatParquet && isStream(c.Flow, f.path):
			c.List().Add(diag.Conflict, f.at, "%s: parquet is read from the end of its file, which %s does not have", c.Node.ID, called(f.path)).
				WithHint("read the file itself, or avro, csv or jsonl from a pipe")
			return false
		}
	}
	return true
}

// checkReadings reports fields that are to be read as only a text can be.
func (k *reader) checkReadings(c *graph.Inference, t *types.Type) bool {
	for _, f := range t.Fields {
		if r := f.Reading; r != nil && (r.Format != "" || r.Zone != "" || r.Has) {
			c.List().Add(diag.Conflict, k.As.YAML.Span, "field %q: format, zone and default are for text; a field of format %s takes `from` alone", f.Name, k.format).
				WithHint("set it by a map behind the node")
			return false
		}
	}
	return true
}

// A schema is what a table says of its rows.
type schema interface {
	Type(origin types.Origin) (*types.Type, error)
	// Fits says why a type cannot be read.
	Fits(t *types.Type) error
	// Extra lists the columns that a type does not have.
	Extra(t *types.Type) []string
}

// schema reads what a file says of itself.
func (k *reader) schema(c *graph.Inference, f sourceFile) (schema, error) {
	if isStream(c.Flow, f.path) {
		return nil, errLater
	}
	file, err := k.look(c, f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return k.schemaIn(file)
}

func (k *reader) schemaIn(file seekable) (schema, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return nil, errNothing
	}
	if k.format == formatParquet {
		return parquet.Open(file, info.Size())
	}
	return avro.Open(file)
}

// schemaOf is the type of which the rows of all files are; nil after a problem.
func (k *reader) schemaOf(c *graph.Inference) (t *types.Type) {
	for _, f := range k.files {
		s, err := k.schema(c, f)
		if err == errLater {
			c.List().Add(diag.NoSchema, f.at, "the type of %s is known only when the flow runs", called(f.path)).WithHint("declare it with `as:`")
			return nil
		}
		var own *types.Type
		if err == nil {
			own, err = s.Type(types.Origin{Node: c.Node.ID, How: "a column of " + called(f.path), At: f.at})
		}
		if err != nil {
			c.List().Add(diag.NoSchema, f.at, "the type of %s cannot be read: %s", called(f.path), reason(err))
			return nil
		}
		if t == nil {
			t = own
			continue
		}
		both, err := types.Bound(t, own)
		if err != nil {
			c.List().Add(diag.NoSchema, f.at, "%s and %s have rows of different types: %s", called(k.files[0].path), called(f.path), err).
				WithHint("read them by two nodes, or declare with `as:` what both have")
			return nil
		}
		t = both
	}
	return t
}

// checkSchemas reports files that do not have what is declared.
func (k *reader) checkSchemas(c *graph.Inference, t *types.Type) {
	for _, f := range k.files {
		s, err := k.schema(c, f)
		if err == errLater {
			continue
		}
		if err != nil {
			c.List().Add(diag.BadData, f.at, "%s: %s", called(f.path), reason(err))
			continue
		}
		if err := s.Fits(t); err != nil {
			c.List().Add(diag.BadData, k.As.YAML.Span, "%s does not fit its type: %s", called(f.path), err)
			continue
		}
		if extra := s.Extra(t); k.Extra == "error" && len(extra) > 0 {
			c.List().Add(diag.BadData, k.As.YAML.Span, "%s has %s besides, and extra says error", called(f.path), strings.TrimSpace(quoted(extra)))
		}
	}
}
