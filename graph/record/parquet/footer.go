package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// This file reads the footer of a file: its schema, and where the columns of its row groups
// lie.

// Bounds of what a file may say of itself.
const (
	maxFooter  = 256 << 20
	maxColumns = 1 << 16
	maxDepth   = 64 // of groups in groups
)

// A File is an open Parquet file. Many goroutines may read from it at once.
type File struct {
	src    io.ReaderAt
	size   int64
	root   *element
	leaves []*element
	groups []group
	rows   int64
	typ    string // what flowrun has written of the type; "" in files of others
}

// A group is a row group.
type group struct {
	rows   int64
	chunks []chunk // one for each leaf
}

// A chunk is where a column of a row group lies.
type chunk struct {
	typ    format.Type
	codec  format.CompressionCodec
	values int64
	offset int64 // of its first page
	size   int64 // of all its pages, with their heads
	raw    int64 // what they are without compression
	nulls  int64 // by its statistics; -1: they do not say
}

// An element is a node of the schema.
type element struct {
	name       string
	typ        format.Type // of a leaf
	length     int         // of a fixed-length leaf
	repetition format.FieldRepetitionType
	logical    logical
	children   []*element // nil: a leaf
	isGroup    bool
	parent     *element
	leaf       int // its index among the leaves
	rep, def   int // levels
}

// A logicalKind says how the values of a leaf, or a group, are meant.
type logicalKind uint8

const (
	logicalNone logicalKind = iota
	logicalString
	logicalEnum
	logicalJSON
	logicalBSON
	logicalUUID
	logicalDecimal
	logicalDate
	logicalTime
	logicalTimestamp
	logicalInt
	logicalFloat16
	logicalNull
	logicalInterval
	logicalList
	logicalMap
	logicalOther // of a later version of the format
)

// A logical is the logical type of an element, be it written in the new way or in the old one.
type logical struct {
	kind             logicalKind
	scale, precision int
	unit             int64 // nanoseconds of a unit, of times
	utc              bool
	bits             int
	unsigned         bool
	name             string // of logicalOther
}

// magic begins and ends a file.
const magic = "PAR1"

// Open reads the footer of a file.
func Open(src io.ReaderAt, size int64) (f *File, err error) {
	defer recoverTo(&err)
	head := make([]byte, 8)
	if size < 12 {
		if _, err := src.ReadAt(head[:min(size, 4)], 0); size < 4 || err != nil || string(head[:4]) != magic {
			return nil, errors.New("this is not a Parquet file")
		}
		return nil, errors.New("the Parquet file is cut off: it ends before its footer")
	}
	if _, err := src.ReadAt(head[:4], 0); err != nil {
		return nil, err
	}
	tail := make([]byte, 8)
	if _, err := src.ReadAt(tail, size-8); err != nil {
		return nil, err
	}
	switch {
	case string(head[:4]) == "PARE" || string(tail[4:]) == "PARE":
		return nil, errors.New("the Parquet file is encrypted, and flowrun reads no encrypted ones")
	case string(head[:4]) != magic:
		return nil, errors.New("this is not a Parquet file")
	case string(tail[4:]) != magic:
		return nil, errors.New("the Parquet file is cut off: it does not end with a footer")
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	if n > size-12 || n > maxFooter {
		return nil, fmt.Errorf("the Parquet file is damaged: its footer would have %d bytes", n)
	}
	footer := make([]byte, n)
	if _, err := src.ReadAt(footer, size-8-n); err != nil {
		return nil, err
	}
	f = &File{src: src, size: size}
	if err := f.parse(footer); err != nil {
		return nil, fmt.Errorf("the footer of the Parquet file cannot be read: %w", err)
	}
	return f, nil
}

// Rows is how many rows the file has.
func (f *File) Rows() int64 { return f.rows }

// Groups is how many row groups the file has.
func (f *File) Groups() int { return len(f.groups) }

// GroupRows is how many rows a row group has.
func (f *File) GroupRows(i int) int64 { return f.groups[i].rows }

// parse reads the footer, and checks it.
func (f *File) parse(footer []byte) error {
	r := &thriftReader{b: footer}
	var elements []*element
	var counts []int
	var err error
	encrypted, rows := false, int64(-1)
	r.fields(func(id int, typ byte) {
		switch {
		case id == 2 && typ == thriftList:
			r.list(thriftStruct, func() {
				e, children := r.element()
				if len(elements) >= maxColumns {
					err = fmt.Errorf("it has more than %d columns", maxColumns)
					r.fail(err)
				}
				elements, counts = append(elements, e), append(counts, children)
			})
			if r.err == nil {
				if err = f.tree(elements, counts); err != nil {
					r.fail(err)
				}
			}
		case id == 3 && typ == thriftI64:
			rows = r.int()
		case id == 4 && typ == thriftList:
			r.list(thriftStruct, func() {
				g := r.group(len(f.leaves))
				if r.err == nil {
					f.groups = append(f.groups, g)
				}
			})
		case id == 5 && typ == thriftList:
			r.list(thriftStruct, func() {
				if key, value := r.pair(); key == typeKey {
					f.typ = value
				}
			})
		case id == 8:
			encrypted = true
			r.skip(typ)
		default:
			r.skip(typ)
		}
	})
	switch {
	case r.err != nil:
		return r.err
	case encrypted:
		return errors.New("it is encrypted, and flowrun reads no encrypted files")
	case f.root == nil:
		return errors.New("it has no schema")
	}
	return f.check(rows)
}

// check looks whether the columns lie in the file.
func (f *File) check(rows int64) error {
	for i, g := range f.groups {
		if g.rows < 0 || f.rows+g.rows < f.rows {
			return fmt.Errorf("row group %d has %d rows", i+1, g.rows)
		}
		f.rows += g.rows
		if len(g.chunks) != len(f.leaves) {
			return fmt.Errorf("row group %d has %d columns, and the schema has %d", i+1, len(g.chunks), len(f.leaves))
		}
		for j, c := range g.chunks {
			leaf := f.leaves[j]
			switch {
			case c.typ != leaf.typ:
				return fmt.Errorf("column %q is %s in the schema, and %s in row group %d", leaf.path(), leaf.typ, c.typ, i+1)
			case c.offset < 4 || c.size < 0 || c.offset > f.size-8 || c.size > f.size-8-c.offset:
				return fmt.Errorf("column %q of row group %d does not lie in the file", leaf.path(), i+1)
			case c.values < 0 || leaf.rep == 0 && c.values != g.rows:
				return fmt.Errorf("column %q of row group %d has %d values for %d rows", leaf.path(), i+1, c.values, g.rows)
			}
		}
	}
	if rows != f.rows {
		return fmt.Errorf("it is said to have %d rows, and its row groups have %d", rows, f.rows)
	}
	return nil
}

// element reads a node of the schema, and how many children follow it; -1 for a leaf.
func (r *thriftReader) element() (e *element, children int) {
	e = &element{leaf: -1, typ: -1}
	children = -1
	var converted deprecated.ConvertedType = -1
	scale, precision := 0, 0
	r.fields(func(id int, typ byte) {
		switch id {
		case 1:
			e.typ = format.Type(r.int32())
		case 2:
			e.length = int(r.int32())
		case 3:
			e.repetition = format.FieldRepetitionType(r.int32())
		case 4:
			e.name = r.string()
		case 5:
			children = int(r.int32())
		case 6:
			converted = deprecated.ConvertedType(r.int32())
		case 7:
			scale = int(r.int32())
		case 8:
			precision = int(r.int32())
		case 10:
			e.logical = r.logical()
		default:
			r.skip(typ)
		}
	})
	if e.logical.kind == logicalNone && converted >= 0 {
		e.logical = oldLogical(converted, scale, precision)
	}
	return e, children
}

// logicalKinds are the members of the union of logical types.
var logicalKinds = map[int]logicalKind{
	1: logicalString, 2: logicalMap, 3: logicalList, 4: logicalEnum, 5: logicalDecimal, 6: logicalDate, 7: logicalTime, 8: logicalTimestamp,
	10: logicalInt, 11: logicalNull, 12: logicalJSON, 13: logicalBSON, 14: logicalUUID, 15: logicalFloat16,
}

var otherLogical = map[int]string{16: "VARIANT", 17: "GEOMETRY", 18: "GEOGRAPHY"}

func (r *thriftReader) logical() (l logical) {
	r.fields(func(id int, typ byte) {
		kind, ok := logicalKinds[id]
		if !ok || typ != thriftStruct {
			l = logical{kind: logicalOther, name: otherLogical[id]}
			r.skip(typ)
			return
		}
		l = logical{kind: kind}
		r.fields(func(id int, typ byte) {
			switch {
			case kind == logicalDecimal && id == 1:
				l.scale = int(r.int32())
			case kind == logicalDecimal && id == 2:
				l.precision = int(r.int32())
			case (kind == logicalTime || kind == logicalTimestamp) && id == 1:
				l.utc = typ == thriftTrue
			case (kind == logicalTime || kind == logicalTimestamp) && id == 2 && typ == thriftStruct:
				r.fields(func(id int, typ byte) {
					if id >= 1 && id <= 3 {
						l.unit = []int64{1e6, 1e3, 1}[id-1]
					}
					r.skip(typ)
				})
			case kind == logicalInt && id == 1:
				l.bits = int(int8(r.byte()))
			case kind == logicalInt && id == 2:
				l.unsigned = typ == thriftFalse
			default:
				r.skip(typ)
			}
		})
	})
	return l
}

// oldLogical translates a logical type as it was written before there were logical types.
func oldLogical(c deprecated.ConvertedType, scale, precision int) logical {
	switch c {
	case deprecated.UTF8:
		return logical{kind: logicalString}
	case deprecated.Map, deprecated.MapKeyValue:
		return logical{kind: logicalMap}
	case deprecated.List:
		return logical{kind: logicalList}
	case deprecated.Enum:
		return logical{kind: logicalEnum}
	case deprecated.Decimal:
		return logical{kind: logicalDecimal, scale: scale, precision: precision}
	case deprecated.Date:
		return logical{kind: logicalDate}
	case deprecated.TimeMillis:
		return logical{kind: logicalTime, unit: 1e6, utc: true}
	case deprecated.TimeMicros:
		return logical{kind: logicalTime, unit: 1e3, utc: true}
	case deprecated.TimestampMillis:
		return logical{kind: logicalTimestamp, unit: 1e6, utc: true}
	case deprecated.TimestampMicros:
		return logical{kind: logicalTimestamp, unit: 1e3, utc: true}
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		return logical{kind: logicalInt, bits: 8 << (c - deprecated.Uint8), unsigned: true}
	case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		return logical{kind: logicalInt, bits: 8 << (c - deprecated.Int8)}
	case deprecated.Json:
		return logical{kind: logicalJSON}
	case deprecated.Bson:
		return logical{kind: logicalBSON}
	case deprecated.Interval:
		return logical{kind: logicalInterval}
	}
	return logical{}
}

// pair reads a key and its value.
func (r *thriftReader) pair() (key, value string) {
	r.fields(func(id int, typ byte) {
		switch {
		case id == 1 && typ == thriftBinary:
			key = r.string()
		case id == 2 && typ == thriftBinary:
			value = r.string()
		default:
			r.skip(typ)
		}
	})
	return key, value
}

// group reads a row group. A column more than the schema has ends it, so that a list of
// nothing takes no memory.
func (r *thriftReader) group(leaves int) (g group) {
	g.rows = -1
	r.fields(func(id int, typ byte) {
		switch {
		case id == 1 && typ == thriftList:
			r.list(thriftStruct, func() {
				if len(g.chunks) >= leaves {
					r.fail(errors.New("a row group has more columns than the schema"))
					return
				}
				g.chunks = append(g.chunks, r.chunk())
			})
		case id == 3 && typ == thriftI64:
			g.rows = r.int()
		default:
			r.skip(typ)
		}
	})
	return g
}

func (r *thriftReader) chunk() (c chunk) {
	c.offset, c.values, c.nulls = -1, -1, -1
	data, dictionary := int64(-1), int64(0)
	r.fields(func(id int, typ byte) {
		switch {
		case id == 1 && typ == thriftBinary:
			if path := r.string(); path != "" {
				r.fail(fmt.Errorf("a column lies in another file, %q", path))
			}
		case id == 3 && typ == thriftStruct:
			r.fields(func(id int, typ byte) {
				switch id {
				case 1:
					c.typ = format.Type(r.int32())
				case 4:
					c.codec = format.CompressionCodec(r.int32())
				case 5:
					c.values = r.int()
				case 6:
					c.raw = r.int()
				case 7:
					c.size = r.int()
				case 9:
					data = r.int()
				case 11:
					dictionary = r.int()
				case 12:
					r.fields(func(id int, typ byte) {
						if id == 3 {
							c.nulls = r.int()
							return
						}
						r.skip(typ)
					})
				default:
					r.skip(typ)
				}
			})
		case id == 8 || id == 9:
			r.fail(errors.New("a column is encrypted, and flowrun reads no encrypted files"))
		default:
			r.skip(typ)
		}
	})
	if r.err == nil && data < 0 {
		r.fail(errors.New("a column has no place in the file"))
	}
	if c.offset = data; dictionary > 0 && dictionary < data {
		c.offset = dictionary
	}
	return c
}

// tree puts the elements of the schema into each other.
func (f *File) tree(elements []*element, counts []int) error {
	if len(elements) == 0 {
		return errors.New("it has no schema")
	}
	next := 0
	var build func(parent *element, depth int) (*element, error)
	build = func(parent *element, depth int) (*element, error) {
		if next >= len(elements) || depth > maxDepth {
			return nil, errors.New("its schema is damaged")
		}
		e, n := elements[next], counts[next]
		next++
		if e.parent = parent; parent != nil {
			e.rep, e.def = parent.rep, parent.def
			switch e.repetition {
			case format.Optional:
				e.def++
			case format.Repeated:
				e.def++
				e.rep++
			case format.Required:
			default:
				return nil, fmt.Errorf("column %q is neither required nor optional nor repeated", e.path())
			}
		}
		if e.isGroup = n > 0 || e.typ < 0 || parent == nil; !e.isGroup {
			if e.typ > format.FixedLenByteArray || e.typ == format.FixedLenByteArray && (e.length <= 0 || e.length > maxPage) {
				return nil, fmt.Errorf("column %q has a type that is not known", e.path())
			}
			e.leaf = len(f.leaves)
			f.leaves = append(f.leaves, e)
			return e, nil
		}
		if n < 0 || n > len(elements) {
			return nil, errors.New("its schema is damaged")
		}
		for range n {
			c, err := build(e, depth+1)
			if err != nil {
				return nil, err
			}
			e.children = append(e.children, c)
		}
		return e, nil
	}
	root, err := build(nil, 0)
	if err != nil {
		return err
	}
	if next != len(elements) {
		return errors.New("its schema is damaged")
	}
	f.root = root
	return nil
}

// path is the name of an element with those of the groups that it is in.
func (e *element) path() string {
	if e.parent == nil || e.parent.parent == nil {
		return e.name
	}
	return e.parent.path() + "." + e.name
}

// recoverTo turns a panic, which a damaged file may cause in a library, into an error.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is damaged: %v", p)
	}
}
