package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

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

// recoverTo turns a panic, which a damaged file may cause in a library, into an error.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is damaged: %v", p)
	}
}
