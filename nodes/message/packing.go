package message

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/avro"
	"github.com/flowrun/flowrun/graph/record/protobuf"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is about bodies that are packed by a schema, which stands in a file.

// The formats of a body.
const (
	FormatJSON     = "json"
	FormatRaw      = "raw"
	FormatAvro     = "avro"
	FormatProtobuf = "protobuf"
)

// Packing is the part of the settings that says by which schema a body is packed, and what
// stands before it.
type Packing struct {
	Schema   config.Name `yaml:"schema" doc:"Of avro and protobuf: the file with the schema (.avsc, .proto), relative to the folder of the flow."`
	Message  config.Name `yaml:"message" doc:"Of protobuf: the name of the message with its package, such as shop.Order, if the file has several."`
	Framing  string      `yaml:"framing" enum:"none|confluent" doc:"Of avro and protobuf: what stands before a body: none, nothing; confluent, a zero byte, the id of its schema in a registry, and for protobuf the place of its message. No registry is asked. By default none."`
	SchemaID int64       `yaml:"schema_id" min:"1" max:"2147483647" doc:"Of framing: confluent: the id of the schema. Reading, a message of another one is a bad item; without it all are read by the schema of the file."`

	codec codec
	frame frame
}

// A codec packs and unpacks bodies by a schema.
type codec interface {
	// Type gives the type of the items.
	Type(origin types.Origin) (*types.Type, error)
	// Reader reads items of a type, which may have some of the fields.
	Reader(t *types.Type) (record.RowReader, error)
	// Writer writes items of a type.
	Writer(t *types.Type) (record.RowWriter, error)
}

var (
	_ codec = (*avro.Schema)(nil)
	_ codec = (*protobuf.Schema)(nil)
)

// packed reports whether a format has a schema.
func packed(format string) bool { return format == FormatAvro || format == FormatProtobuf }

// idle warns of settings that have no effect on a format.
func (p *Packing) idle(c *graph.Inference, format string) {
	warn := func(set bool, key, what string) {
		if set {
			c.List().Warn(diag.Ineffective, c.Node.At, "%s: %s has no effect here", c.Node.ID, key).WithHint("it is for %s", what)
		}
	}
	if !packed(format) {
		warn(p.Schema.Value != "", "schema", "format: avro and format: protobuf")
		warn(p.Framing != "" && p.Framing != framingNone, "framing", "format: avro and format: protobuf")
	}
	warn(p.Message.Value != "" && format != FormatProtobuf, "message", "format: protobuf")
	warn(p.SchemaID != 0 && p.Framing != framingConfluent, "schema_id", "framing: confluent")
}

// load reads the schema. What is wrong is reported, and the result false.
func (p *Packing) load(c *graph.Inference, format string) bool {
	if p.Schema.Value == "" {
		if !c.Unread("schema") {
			c.List().Add(diag.MissingKey, c.Node.At, "%s: the key %q is required with format: %s", c.Node.ID, "schema", format).
				WithHint("name the file with the schema, such as schema: %s", map[string]string{FormatAvro: "order.avsc", FormatProtobuf: "order.proto"}[format])
		}
		return false
	}
	var err error
	p.frame = frame{framing: p.Framing, id: p.SchemaID}
	if format == FormatAvro {
		p.codec, err = readAvro(c, p.Schema.Value)
	} else {
		p.codec, err = p.protobuf(c)
	}
	if err != nil {
		p.report(c, p.Schema, err)
	}
	return err == nil
}

// readAvro reads a schema of Avro.
func readAvro(c *graph.Inference, path string) (codec, error) {
	f, err := c.Flow.Open(c.Path(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return avro.ReadSchema(f)
}

// protobuf reads a schema of Protocol Buffers. What it imports is looked for in its folder and
// in those above it, up to the folder of the flow.
func (p *Packing) protobuf(c *graph.Inference) (codec, error) {
	dir, name := filepath.Split(c.Path(p.Schema.Value))
	top, root := filepath.Clean(c.Flow.Dir), filepath.Clean(dir)
	roots := []string{root}
	if below, err := filepath.Rel(top, root); err == nil && filepath.IsLocal(below) {
		for ; root != top; root = filepath.Dir(root) {
			roots = append(roots, filepath.Dir(root))
		}
	}
	s, err := protobuf.ReadSchema(name, p.Message.Value, func(path string) (f io.ReadCloser, err error) {
		for _, root := range roots {
			if f, err = c.Flow.Open(filepath.Join(root, filepath.FromSlash(path))); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		return f, err
	})
	if err != nil {
		return nil, err
	}
	p.frame.path = s.Path()
	return s, nil
}

// report says why the schema of a file cannot be read.
func (p *Packing) report(c *graph.Inference, file config.Name, err error) {
	var several *protobuf.AmbiguousError
	full := c.Path(file.Value)
	switch _, missing := c.Flow.Stat(full); {
	case errors.Is(missing, fs.ErrNotExist):
		c.List().Add(diag.NoFile, file.At, "there is no file %s", full).WithHint("paths are relative to the folder of the flow")
	case missing != nil, errors.Is(err, os.ErrPermission):
		c.List().Add(diag.NoFile, file.At, "%s cannot be read: %s", full, err)
	case errors.As(err, &several):
		c.List().Add(diag.MissingKey, file.At, "%s has several messages", file.Value).WithHint("name one, such as message: %s; there are %s", several.Messages[0], strings.Join(several.Messages, ", "))
	default:
		at := file.At
		if p.Message.Value != "" && strings.Contains(err.Error(), "no message") {
			at = p.Message.At
		}
		c.List().Add(diag.BadData, at, "%s: %s", file.Value, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// misfit reports that a type does not fit the schema.
func (p *Packing) misfit(c *graph.Inference, code diag.Code, at diag.Span, file string, err error) {
	d := c.List().Add(code, at, "%s: %s", file, err)
	if fit := (*text.FitError)(nil); errors.As(err, &fit) && fit.Hint != "" {
		d.WithHint("%s", fit.Hint)
	}
}

// typ is the type of the items of the schema; nil if it has none, which is reported.
func (p *Packing) typ(c *graph.Inference) *types.Type {
	t, err := p.codec.Type(c.Origin("a field of "+p.Schema.Value, p.Schema.At))
	switch {
	case err != nil:
		c.List().Add(diag.NoSchema, p.Schema.At, "the type of %s cannot be told: %s", p.Schema.Value, err)
		return nil
	case !t.IsRecord():
		c.List().Add(diag.WrongType, p.Schema.At, "%s: a message must be a record, got %s", p.Schema.Value, t)
		return nil
	}
	return t
}

// framed puts the header of messages before their bodies.
type framed struct {
	record.RowWriter
	header []byte
}

// AppendRow implements record.RowWriter.
func (f framed) AppendRow(dst []byte, b *record.Batch, row int) ([]byte, error) {
	from := len(dst)
	dst, err := f.RowWriter.AppendRow(append(dst, f.header...), b, row)
	if err != nil {
		return dst[:from], err
	}
	return dst, nil
}
