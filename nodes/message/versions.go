package message

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is about messages that were written by several versions of a schema, which the id in
// their header tells.

// loadVersions reads the other versions. What is wrong is reported, and the result false.
func (r *Reading) loadVersions(c *graph.Inference) bool {
	r.versions = map[int64]codec{}
	for _, v := range r.Versions {
		id, err := strconv.ParseInt(v.Key, 10, 32)
		switch {
		case r.Format != FormatAvro || r.Framing != framingConfluent:
			c.List().Add(diag.Conflict, v.At, "%s: versions are told by the id in the header of a message of format avro", c.Node.ID).
				WithHint("write framing: confluent; messages of Protobuf are read by any version of their schema")
			return false
		case r.SchemaID == 0:
			c.List().Add(diag.MissingKey, v.At, "%s: beside other versions the id of %s must be told", c.Node.ID, r.Schema.Value).WithHint("schema_id: 7")
			return false
		case err != nil || id < 1 || id == r.SchemaID:
			c.List().Add(diag.WrongValue, v.At, "%s: %q is no id of another schema", c.Node.ID, v.Key).WithHint("versions: {3: order-1.avsc}")
			return false
		}
		if r.versions[id], err = readAvro(c, v.Value); err != nil {
			r.report(c, config.Name{Value: v.Value, At: v.At}, err)
			return false
		}
	}
	return true
}

// typ is the type of the items of all versions; nil if there is none, which is reported.
func (r *Reading) typ(c *graph.Inference) *types.Type {
	t := r.Packing.typ(c)
	for _, v := range r.Versions {
		id, _ := strconv.ParseInt(v.Key, 10, 32)
		if t == nil {
			return nil
		}
		own, err := r.versions[id].Type(c.Origin("a field of "+v.Value, v.At))
		if err == nil {
			own, err = types.Bound(t, own)
		}
		if err != nil {
			c.List().Add(diag.NoSchema, v.At, "%s and %s have items of different types: %s", r.Schema.Value, v.Value, err).WithHint("declare with `as:` what both have")
			return nil
		}
		t = own
	}
	return t
}

// fits reports a version by which items of a type cannot be read.
func (r *Reading) fits(c *graph.Inference, t *types.Type, at diag.Span) bool {
	if _, err := r.codec.Reader(t); err != nil {
		r.misfit(c, diag.BadData, at, r.Schema.Value, err)
		return false
	}
	for _, v := range r.Versions {
		id, _ := strconv.ParseInt(v.Key, 10, 32)
		if _, err := r.versions[id].Reader(t); err != nil {
			r.misfit(c, diag.BadData, at, v.Value, err)
			return false
		}
	}
	return true
}

// reader gives what reads bodies behind their headers.
func (r *Reading) reader(t *types.Type) (record.RowReader, error) {
	u := unframed{frame: r.frame, others: map[int64]record.RowReader{}}
	var err error
	if u.own, err = r.codec.Reader(t); err != nil {
		return nil, err
	}
	for id, v := range r.versions {
		if u.others[id], err = v.Reader(t); err != nil {
			return nil, err
		}
		u.ids = append(u.ids, id)
	}
	u.ids = append(u.ids, r.SchemaID)
	slices.Sort(u.ids)
	return u, nil
}

// unframed takes the header of messages off before they are read.
type unframed struct {
	own    record.RowReader
	frame  frame
	others map[int64]record.RowReader // of other versions
	ids    []int64                    // of all
}

// Start implements record.RowReader.
func (u unframed) Start(b *record.Batch) {
	u.own.Start(b)
	for _, r := range u.others {
		r.Start(b)
	}
}

// ReadRow implements record.RowReader.
func (u unframed) ReadRow(body []byte) error {
	id, rest, err := u.frame.strip(body)
	if err != nil {
		return err
	}
	r := u.own
	if u.frame.framing == framingConfluent && u.frame.id != 0 && id != u.frame.id {
		if r = u.others[id]; r == nil {
			return fmt.Errorf("it was written by the schema with the id %d, and the settings have %v", id, u.ids)
		}
	}
	err = r.ReadRow(rest)
	if err != nil && u.frame.framing != framingConfluent && len(body) > headerSize && body[0] == 0 {
		err = fmt.Errorf("%w (it begins as messages with a schema in a registry do: write `framing: confluent` if that is so)", err)
	}
	return err
}
