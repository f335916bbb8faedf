package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/types"
)

// This file goes between Go values and the columns of batches.

// GoItems is data of Go values of whatever type.
type GoItems interface {
	Data
	// ToBatch gives the items as records of type t, which the Go type fits. Items
	// that do not fit are left out and reported by their index. The caller's
	// reference to the items stays the caller's.
	ToBatch(t *types.Type, bad func(i int, err error)) *Batch
	// At gives one item, for messages.
	At(i int) any
}

// JSON gives a Go value as JSON, with <, > and & as they are: nobody puts it into HTML as it is.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (x *Items[T]) At(i int) any { return x.V[i] }

func (x *Items[T]) ToBatch(t *types.Type, bad func(i int, err error)) *Batch {
	b := New(t)
	arena := b.Arena()
	w := newBridge(reflect.TypeFor[T](), t)
	items := reflect.ValueOf(x.V)
	for i := range x.V {
		if err := w.write(b, items.Index(i), arena); err != nil {
			bad(i, err)
			continue
		}
		b.Rows++
	}
	for _, c := range b.Cols {
		c.Resize(b.Rows)
	}
	return b
}

// ItemsOf gives data as Go values of type T: the data itself if it is that
// already, else a copy of the records, with strings that may be kept. The result
// has a reference of its own. Rows that do not fit are left out and reported.
func ItemsOf[T any](d Data, pool *Pool[T], bad func(row int, err error)) *Items[T] {
	switch x := d.(type) {
	case *Items[T]:
		x.Retain()
		return x
	case *Batch:
		return fromBatch(x, pool, bad)
	case GoItems:
		b := x.ToBatch(types.FromGo(reflect.TypeFor[T]()), bad)
		defer b.Release()
		return fromBatch(b, pool, bad)
	}
	panic(fmt.Sprintf("record: no way from %T to Go values", d))
}

func fromBatch[T any](b *Batch, pool *Pool[T], bad func(row int, err error)) *Items[T] {
	out := pool.Get(b.Len())
	r := newBridge(reflect.TypeFor[T](), b.Type)
	for i := range b.Len() {
		row := b.Row(i)
		var v T
		if err := r.read(b, row, reflect.ValueOf(&v).Elem()); err != nil {
			bad(row, err)
			continue
		}
		out.V = append(out.V, v)
	}
	return out
}

// A bridge moves items between a Go type and the columns of a type.
type bridge struct {
	fields []bridgeField // of a record; nil: the item is one column
	t      *types.Type
}

type bridgeField struct {
	col   int
	index []int // in the struct; nil: the struct has no such field
	t     *types.Type
}

// newBridge pairs the fields of a record with those of a struct by name. Any
// other pair is a single column.
func newBridge(g reflect.Type, t *types.Type) *bridge {
	b := &bridge{t: t}
	if t.IsRecord() && g.Kind() == reflect.Struct && types.FromGo(g).IsRecord() {
		index := map[string][]int{}
		for _, f := range types.GoFields(g) {
			index[f.Name] = f.Index
		}
		b.fields = []bridgeField{}
		for i, f := range t.Fields {
			b.fields = append(b.fields, bridgeField{i, index[f.Name], f.Type})
		}
	}
	return b
}

// write stores an item as the next row of b.
func (w *bridge) write(b *Batch, v reflect.Value, arena *Arena) error {
	n := b.Rows
	if w.fields == nil {
		b.Cols[0].Resize(n + 1)
		return b.Cols[0].put(n, w.t, v, arena)
	}
	for _, c := range b.Cols {
		c.Resize(n + 1)
		c.Clear(n)
	}
	return w.putFields(b.Cols, n, v, arena)
}

// putFields writes a struct as row i of the columns of a record. What the struct
// does not have is null.
func (w *bridge) putFields(cols []*Column, i int, v reflect.Value, arena *Arena) error {
	for _, f := range w.fields {
		if f.index == nil {
			cols[f.col].SetNull(i)
			continue
		}
		if err := cols[f.col].put(i, f.t, v.FieldByIndex(f.index), arena); err != nil {
			return fmt.Errorf("field %q: %w", w.t.Fields[f.col].Name, err)
		}
	}
	return nil
}

// read stores a row of b into a Go value. Text is copied.
func (w *bridge) read(b *Batch, row int, v reflect.Value) error {
	if w.fields == nil {
		return b.Cols[0].get(row, w.t, v)
	}
	return w.getFields(b.Cols, row, v)
}

// getFields reads row i of the columns of a record into a struct. Fields that the
// record does not have stay as they are.
func (w *bridge) getFields(cols []*Column, i int, v reflect.Value) error {
	for _, f := range w.fields {
		if c := cols[f.col]; c != nil && f.index != nil {
			if err := c.get(i, f.t, v.FieldByIndex(f.index)); err != nil {
				return fmt.Errorf("field %q: %w", w.t.Fields[f.col].Name, err)
			}
		}
	}
	return nil
}

// put writes a Go value as row i of a column of type t.
func (c *Column) put(i int, t *types.Type, v reflect.Value, arena *Arena) error {
	c.Clear(i)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			c.SetNull(i)
			return nil
		}
		v = v.Elem()
	}
	switch t.Kind {
	case types.KindTime:
		return c.putTime(i, v.Interface().(time.Time))
	case types.KindDate:
		if d := types.CivilDate(v.Int()); d < types.FirstDate || d > types.LastDate {
			return fmt.Errorf("date %d days from 1970 is outside the years 1 to 9999", v.Int())
		}
	case types.KindAny:
		return c.putAny(i, v, arena)
	}
	switch c.Form {
	case FormInt:
		if v.CanUint() {
			if v.Uint() > math.MaxInt64 {
				return fmt.Errorf("%d is larger than int can hold", v.Uint())
			}
			c.Int[i] = int64(v.Uint())
			return nil
		}
		c.Int[i] = v.Int()
	case FormFloat:
		switch {
		case v.CanInt():
			c.Float[i] = float64(v.Int())
		case v.CanUint():
			c.Float[i] = float64(v.Uint())
		default:
			c.Float[i] = v.Float()
		}
	case FormBool:
		c.Bool[i] = v.Bool()
	case FormText:
		if v.Kind() == reflect.Slice {
			c.Str[i] = arena.Copy(View(v.Bytes()))
		} else {
			c.Str[i] = v.String()
		}
	case FormList:
		at := c.start(i)
		for k := range v.Len() {
			c.Elem.Resize(at + 1)
			if err := c.Elem.put(at, t.Elem, v.Index(k), arena); err != nil {
				return err
			}
			at++
		}
		c.Ends[i] = int32(at)
	case FormRecord:
		return newBridge(v.Type(), t.NotNull()).putFields(c.Fields, i, v, arena)
	}
	return nil
}

// putTime refuses what nanoseconds in 64 bits cannot hold.
func (c *Column) putTime(i int, at time.Time) error {
	ns := at.UnixNano()
	if !time.Unix(0, ns).Equal(at) {
		return fmt.Errorf("%s is no time of a flow: times go from 1677-09-21 to 2262-04-11; a date (types.CivilDate) goes to the year 9999", at.Format(time.RFC3339))
	}
	c.Int[i] = ns
	return nil
}

func (c *Column) putAny(i int, v reflect.Value, arena *Arena) error {
	if v.Kind() == reflect.Interface && v.IsNil() {
		c.SetNull(i)
		return nil
	}
	text, err := JSON(v.Interface())
	if err != nil {
		return err
	}
	if string(text) == "null" {
		c.SetNull(i)
		return nil
	}
	c.Str[i] = arena.Copy(View(text))
	return nil
}

// get reads row i of a column of type t into a Go value.
func (c *Column) get(i int, t *types.Type, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if c.IsNull(i) {
			v.SetZero()
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	} else if c.IsNull(i) {
		v.SetZero()
		return nil
	}
	switch t.Kind {
	case types.KindTime:
		v.Set(reflect.ValueOf(time.Unix(0, c.Int[i]).UTC()))
		return nil
	case types.KindAny:
		return json.Unmarshal([]byte(c.Str[i]), v.Addr().Interface())
	}
	switch c.Form {
	case FormInt:
		return setInt(v, c.Int[i])
	case FormFloat:
		v.SetFloat(c.Float[i])
	case FormBool:
		v.SetBool(c.Bool[i])
	case FormText:
		if v.Kind() == reflect.Slice {
			v.SetBytes([]byte(c.Str[i]))
		} else {
			v.SetString(strings.Clone(c.Str[i]))
		}
	case FormList:
		from, to := c.Range(i)
		v.Set(reflect.MakeSlice(v.Type(), to-from, to-from))
		for k := from; k < to; k++ {
			if err := c.Elem.get(k, t.Elem, v.Index(k-from)); err != nil {
				return err
			}
		}
	case FormRecord:
		return newBridge(v.Type(), t.NotNull()).getFields(c.Fields, i, v)
	}
	return nil
}

func setInt(v reflect.Value, n int64) error {
	switch {
	case v.CanFloat():
		v.SetFloat(float64(n))
	case v.CanUint():
		if n < 0 || v.OverflowUint(uint64(n)) {
			return fmt.Errorf("%d does not fit %s", n, v.Type())
		}
		v.SetUint(uint64(n))
	default:
		if v.OverflowInt(n) {
			return fmt.Errorf("%d does not fit %s", n, v.Type())
		}
		v.SetInt(n)
	}
	return nil
}
