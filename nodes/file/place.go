package file

import (
	"bytes"
	"path/filepath"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file gives rows a field that says where they stand, for who asks for it. Then rows
// are scanned one by one, which takes longer.

// placeField is the name of the field.
const placeField = "place"

// settlePlace gives the type the field, if it is wanted.
func (k *reader) settlePlace(c *graph.Inference, t **types.Type) bool {
	if !k.Place {
		return true
	}
	switch {
	case !(*t).IsRecord():
		c.List().Add(diag.WrongType, c.Node.At, "%s: only records can have a field %q, and these rows are %s", c.Node.ID, placeField, *t)
		return false
	case (*t).Index(placeField) >= 0:
		c.List().Add(diag.NameClash, c.Node.At, "%s: place: true puts the file and the line of a row into a field %q, but the type has a field of that name already", c.Node.ID, placeField).
			WithHint("declare that field under another name, as `%s_: {type: any, from: %s}`", placeField, placeField)
		return false
	}
	placed := **t
	placed.Name = ""
	origin := c.Origin("where the row stands", c.Node.At)
	of := types.Record(types.Field{Name: "file", Type: types.String, Origin: origin}, types.Field{Name: "line", Type: types.Int, Origin: origin})
	placed.Fields = append(placed.Fields[:len(placed.Fields):len(placed.Fields)], types.Field{Name: placeField, Type: of, Origin: origin})
	*t = &placed
	return true
}

// scanned is the type of what scanners read: that of the rows without their place, which is
// their last field.
func (o *readOp) scanned() *types.Type {
	if !o.k.Place {
		return o.t
	}
	t := *o.t
	t.Name, t.Fields = "", t.Fields[:len(t.Fields)-1]
	return &t
}

// placed reports whether the place of rows is to be told: whether somebody reads it.
func (o *readOp) placed() bool {
	return o.k.Place && (o.needed == nil || o.needed[len(o.t.Fields)-1])
}

// scanPlaced is scan for rows that have their place.
func (o *readOp) scanPlaced(p *chunk, scan scanner, out nodes.Out) error {
	line, counted := p.line, 0
	lines := make([]int64, 0, record.MaxRows)
	to := func(offset int) {
		line += bytes.Count(p.text[counted:offset], newline)
		counted = offset
	}
	for at := 0; at < len(p.text); {
		b := record.NewNeeded(o.t, o.needed)
		b.Adopt(p.arena.Retain())
		for lines = lines[:0]; b.Rows < record.MaxRows && at < len(p.text); {
			rows := b.Rows
			next, bad := scan.Scan(p.text, at, b, rows+1)
			switch {
			case bad != nil:
				to(bad.Offset)
				if err := out.Bad(p.badRow(bad, o.k.explain(bad), line)); err != nil {
					b.Release()
					return err
				}
			case b.Rows > rows:
				to(o.k.rowStart(p.text, at, next))
				lines = append(lines, int64(line))
			}
			at = next
		}
		place := b.Cols[len(b.Cols)-1]
		place.Resize(b.Rows)
		file, of := place.Fields[0], place.Fields[1]
		for i := range b.Rows {
			file.Str[i] = p.file.place
		}
		copy(of.Int, lines)
		if err := out.Emit(0, b); err != nil {
			return err
		}
	}
	return nil
}

// rowStart finds where a row begins that a scanner found in text[at:next]: what is no row may
// stand before it.
func (k *reader) rowStart(text []byte, at, next int) int {
	if k.format == formatJSON {
		for at < next && (text[at] <= ' ' || text[at] == ',') {
			at++
		}
		return at
	}
	d := k.dialect()
	for at < next {
		end := bytes.IndexByte(text[at:next], '\n') + 1
		row := text[at : at+end]
		if end <= 0 || at+end >= next || !isBlank(row) && !(k.format.isCSV() && d.IsComment(row)) {
			break
		}
		at += end
	}
	return at
}

// isBlank reports whether a line is empty.
func isBlank(line []byte) bool { return len(bytes.TrimRight(line, "\r\n")) == 0 }

// placeOf is a path as the flow names it: from its folder, if it lies below that.
func placeOf(f *graph.Flow, path string) string {
	if rel, err := filepath.Rel(f.Dir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}
