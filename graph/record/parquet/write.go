package parquet

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/flowrun/flowrun/graph/record/block"
	"github.com/flowrun/flowrun/graph/types"
)

// This file writes files: row groups, and the footer.

// Options say how a file is written. The zero value is ready to use.
type Options struct {
	Codec     block.Codec // of pages: None, Snappy, Gzip or Zstd
	GroupRows int         // of a row group; 0: the default
	GroupSize int         // bytes of a row group, before they are packed; 0: the default
}

// How large row groups are.
const (
	defaultGroupRows = 1 << 17
	defaultGroupSize = 64 << 20
)

// A Writer writes a file. One goroutine may use it; Shred may be called beside it.
type Writer struct {
	w       io.Writer
	schema  *Schema
	o       Options
	n       int64 // bytes that were written
	pending []*Shreds
	rows    int // of them
	size    int
	groups  []format.RowGroup
	all     int64 // rows
}

// A Schema is the type of rows as a file has it. Many goroutines may use it at once.
type Schema struct {
	t        *types.Type
	top      []*node
	leaves   []*node
	elements []format.SchemaElement
}

// A node is a place of the type.
type node struct {
	t        *types.Type
	optional bool
	rep, def int // of what is in it, once it is there
	leaf     int // its index; -1: it is no leaf
	path     []string
	typ      format.Type
	fields   []*node
	index    []int // of fields, in the record
	elem     *node
}

// NewSchema gives the schema of rows of type t. An error says why no file can have them.
func NewSchema(t *types.Type) (*Schema, error) {
	if !t.IsRecord() {
		return nil, errors.New("its rows are no records")
	}
	s := &Schema{t: t}
	s.elements = append(s.elements, format.SchemaElement{Name: "schema"})
	for i, f := range t.Fields {
		if f.Type.IsReply() {
			s.top = append(s.top, nil)
			continue
		}
		n, err := s.node(f.Name, f.Type, nil, 0, 0)
		if err != nil {
			return nil, err
		}
		n.index = append(n.index, i)
		s.top = append(s.top, n)
		s.elements[0].NumChildren = thrift.New(s.elements[0].NumChildren.V + 1)
	}
	if len(s.leaves) == 0 {
		return nil, errors.New("its rows have no fields")
	}
	return s, nil
}

func (s *Schema) node(name string, t *types.Type, path []string, rep, def int) (*node, error) {
	n := &node{t: t, optional: t.Nullable, leaf: -1, path: append(path[:len(path):len(path)], name)}
	repetition := format.Required
	if n.optional {
		repetition = format.Optional
		def++
	}
	n.rep, n.def = rep, def
	e := format.SchemaElement{Name: name, RepetitionType: thrift.New(repetition)}
	switch t.Kind {
	case types.KindRecord:
		return n, s.record(n, e)
	case types.KindList:
		e.NumChildren = thrift.New(int32(1))
		e.LogicalType.Value, e.ConvertedType = &format.ListType{}, thrift.New(deprecated.List)
		s.elements = append(s.elements, e, format.SchemaElement{Name: "list", RepetitionType: thrift.New(format.Repeated), NumChildren: thrift.New(int32(1))})
		n.rep++
		var err error
		n.elem, err = s.node("element", t.Elem, append(n.path[:len(n.path):len(n.path)], "list"), n.rep, def+1)
		return n, err
	}
	if err := leafElement(&e, t); err != nil {
		return nil, fmt.Errorf("field %q is %s", name, t)
	}
	n.leaf, n.typ = len(s.leaves), e.Type.V
	s.leaves = append(s.leaves, n)
	s.elements = append(s.elements, e)
	return n, nil
}

func (s *Schema) record(n *node, e format.SchemaElement) error {
	at := len(s.elements)
	s.elements = append(s.elements, e)
	for i, f := range n.t.Fields {
		if f.Type.IsReply() {
			continue
		}
		c, err := s.node(f.Name, f.Type, n.path, n.rep, n.def)
		if err != nil {
			return err
		}
		n.fields, n.index = append(n.fields, c), append(n.index, i)
	}
	if len(n.fields) == 0 {
		return fmt.Errorf("field %q is a record without fields", n.path[len(n.path)-1])
	}
	s.elements[at].NumChildren = thrift.New(int32(len(n.fields)))
	return nil
}

// leafElement says how values of a type are written.
func leafElement(e *format.SchemaElement, t *types.Type) error {
	set := func(typ format.Type, logical format.LogicalTypeValue, converted deprecated.ConvertedType) {
		e.Type = thrift.New(typ)
		if logical != nil {
			e.LogicalType.Value = logical
		}
		if converted >= 0 {
			e.ConvertedType = thrift.New(converted)
		}
	}
	switch t.Kind {
	case types.KindBool:
		set(format.Boolean, nil, -1)
	case types.KindInt, types.KindDuration:
		set(format.Int64, nil, -1)
	case types.KindFloat:
		set(format.Double, nil, -1)
	case types.KindString, types.KindEnum:
		set(format.ByteArray, &format.StringType{}, deprecated.UTF8)
	case types.KindBytes:
		set(format.ByteArray, nil, -1)
	case types.KindAny:
		set(format.ByteArray, &format.JsonType{}, deprecated.Json)
	case types.KindDate:
		set(format.Int32, &format.DateType{}, deprecated.Date)
	case types.KindTime:
		set(format.Int64, &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.NanoSeconds{}}}, -1)
	case types.KindDecimal:
		typ := format.Int64
		if t.Precision <= 9 {
			typ = format.Int32
		}
		set(typ, &format.DecimalType{Scale: int32(t.Scale), Precision: int32(t.Precision)}, deprecated.Decimal)
		e.Scale, e.Precision = thrift.New(int32(t.Scale)), thrift.New(int32(t.Precision))
	default:
		return errors.ErrUnsupported
	}
	return nil
}

// NewWriter begins a file.
func NewWriter(w io.Writer, s *Schema, o Options) *Writer {
	o.GroupRows = cmp.Or(o.GroupRows, defaultGroupRows)
	o.GroupSize = cmp.Or(o.GroupSize, defaultGroupSize)
	return &Writer{w: w, schema: s, o: o}
}

// Add adds rows, which belong to the writer from then on. A row group that is full is written.
func (w *Writer) Add(s *Shreds) error {
	w.pending = append(w.pending, s)
	w.rows += s.rows
	w.size += s.size
	if w.rows < w.o.GroupRows && w.size < w.o.GroupSize {
		return nil
	}
	return w.Flush()
}

// Pending is how much memory the rows take that wait for their row group.
func (w *Writer) Pending() int { return w.size }

// Written is how many bytes of the file are written.
func (w *Writer) Written() int64 { return w.n }

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.n += int64(n)
	return err
}

// begin writes what a file begins with.
func (w *Writer) begin() error {
	if w.n > 0 {
		return nil
	}
	return w.write([]byte(magic))
}

// Flush writes the rows that wait as a row group. Its columns are made side by side.
func (w *Writer) Flush() error {
	if err := w.begin(); err != nil || w.rows == 0 {
		return err
	}
	made := make([]*madeChunk, len(w.schema.leaves))
	var next atomic.Int32
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(made)) {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(made) {
					return
				}
				made[i] = w.chunk(i)
			}
		})
	}
	all.Wait()
	g := format.RowGroup{NumRows: int64(w.rows), FileOffset: w.n, Ordinal: int16(min(len(w.groups), 1<<15-1))}
	for i, m := range made {
		c := format.ColumnChunk{MetaData: m.meta}
		c.MetaData.PathInSchema = w.schema.leaves[i].path
		c.MetaData.DataPageOffset = w.n + int64(m.dictionary)
		if m.dictionary > 0 {
			c.MetaData.DictionaryPageOffset = w.n
		}
		g.TotalByteSize += c.MetaData.TotalUncompressedSize
		g.TotalCompressedSize += c.MetaData.TotalCompressedSize
		g.Columns = append(g.Columns, c)
		if err := w.write(m.pages); err != nil {
			return err
		}
	}
	w.groups = append(w.groups, g)
	w.all += int64(w.rows)
	clear(w.pending)
	w.pending, w.rows, w.size = w.pending[:0], 0, 0
	return nil
}

// typeKey is the key of what a file says of the types of flows, which those of Parquet do not
// tell: the words of enums, durations.
const typeKey = "flowrun.type"

// Close writes what is pending, and the footer.
func (w *Writer) Close() error {
	if err := w.Flush(); err != nil {
		return err
	}
	meta := format.FileMetaData{
		Version: 2, Schema: w.schema.elements, NumRows: w.all, RowGroups: w.groups, CreatedBy: "flowrun",
		KeyValueMetadata: []format.KeyValue{{Key: typeKey, Value: plainType(w.schema.t).String()}},
	}
	for range w.schema.leaves {
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	footer, err := thrift.Marshal(&thrift.CompactProtocol{}, &meta)
	if err != nil {
		return err
	}
	n := len(footer)
	footer = append(footer, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return w.write(append(footer, magic...))
}

// plainType is a type without declared names, which a file knows nothing of, and without
// replies.
func plainType(t *types.Type) *types.Type {
	c := *t
	c.Name = ""
	if t.Elem != nil {
		c.Elem = plainType(t.Elem)
	}
	c.Fields = nil
	for _, f := range t.Fields {
		if !f.Type.IsReply() {
			c.Fields = append(c.Fields, types.Field{Name: f.Name, Type: plainType(f.Type)})
		}
	}
	return &c
}

// head appends the head of a page.
func head(dst *bytes.Buffer, h *format.PageHeader) {
	b, err := thrift.Marshal(&thrift.CompactProtocol{}, h)
	if err != nil {
		panic(err) // it goes to memory
	}
	dst.Write(b)
}
