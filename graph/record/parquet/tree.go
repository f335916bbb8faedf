package parquet

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// This file reads the schema of a file.

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
