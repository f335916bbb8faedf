package protobuf

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file says, over the library, what a message is as JSON of flowrun, and makes messages by
// chance.

func schemaOf(t testing.TB, file, message string) *Schema {
	t.Helper()
	s, err := ReadSchema(file, message, func(path string) (io.ReadCloser, error) { return os.Open(filepath.Join("testdata", path)) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// errNone is that of a message that the library reads, and that is no row.
var errNone = errors.New("no row")

// modelOf is a message as JSON.
func modelOf(m protoreflect.Message) (map[string]any, error) {
	all := map[string]any{}
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		v, err := modelField(m, f)
		if err != nil {
			return nil, err
		}
		all[string(f.Name())] = v
	}
	return all, nil
}

func modelField(m protoreflect.Message, f protoreflect.FieldDescriptor) (any, error) {
	switch {
	case f.IsList():
		all, list := []any{}, m.Get(f).List()
		for i := range list.Len() {
			v, err := modelValue(f, list.Get(i))
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		return all, nil
	case f.IsMap():
		all := []any{}
		var wrong error
		m.Get(f).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			key, err := modelValue(f.MapKey(), k.Value())
			if err == nil {
				var value any
				value, err = modelValue(f.MapValue(), v)
				all = append(all, map[string]any{"key": key, "value": value})
			}
			wrong = errors.Join(wrong, err)
			return true
		})
		return all, wrong
	case f.HasPresence() && !m.Has(f):
		return nil, nil
	}
	return modelValue(f, m.Get(f))
}

func modelValue(f protoreflect.FieldDescriptor, v protoreflect.Value) (any, error) {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return modelMessage(v.Message())
	case protoreflect.EnumKind:
		e := f.Enum().Values().ByNumber(v.Enum())
		if e == nil {
			return nil, errNone
		}
		return string(e.Name()), nil
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	case protoreflect.StringKind:
		if s := v.String(); s != strings.ToValidUTF8(s, "") { // proto2 lets it pass
			return nil, errNone
		}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if v.Uint() > math.MaxInt64 {
			return nil, errNone
		}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, nil // as JSON has it
		}
		return v.Float(), nil
	}
	return v.Interface(), nil
}

func modelMessage(m protoreflect.Message) (any, error) {
	get := func(n protoreflect.FieldNumber) protoreflect.Value { return m.Get(m.Descriptor().Fields().ByNumber(n)) }
	switch name := m.Descriptor().FullName(); {
	case name == "google.protobuf.Timestamp", name == "google.protobuf.Duration":
		s, n := get(1).Int(), get(2).Int()
		if s > math.MaxInt64/1_000_000_000-1 || s < -math.MaxInt64/1_000_000_000+1 || n <= -1e9 || n >= 1e9 {
			return nil, errNone
		}
		if name == "google.protobuf.Duration" {
			return string(text.AppendDuration(nil, s*1e9+n)), nil
		}
		return time.Unix(s, n).UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), nil
	case name == "google.protobuf.Struct":
		raw, err := protojson.Marshal(m.Interface())
		if err != nil {
			return nil, errNone
		}
		return json.RawMessage(raw), nil
	case name.Parent() == "google.protobuf":
		return modelValue(m.Descriptor().Fields().ByNumber(1), get(1))
	}
	return modelOf(m)
}

// sameJSON compares JSON, in which the entries of maps may be in any order.
func sameJSON(t testing.TB, got string, want any) bool {
	t.Helper()
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(s string) (v any) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatal(err, s)
		}
		return plain(v)
	}
	return reflect.DeepEqual(parse(got), parse(string(raw)))
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		if i, err := v.Int64(); err == nil && i > 1<<53 {
			return i
		}
		return f
	case []any:
		entries := true
		for i := range v {
			v[i] = plain(v[i])
			m, ok := v[i].(map[string]any)
			entries = entries && ok && len(m) == 2 && m["key"] != nil
		}
		if entries {
			slices.SortFunc(v, func(a, b any) int {
				return strings.Compare(fmt.Sprint(a.(map[string]any)["key"]), fmt.Sprint(b.(map[string]any)["key"]))
			})
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// fill sets fields of a message by chance.
func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	switch m.Descriptor().FullName() {
	case "google.protobuf.Struct":
		raw := []string{`{}`, `{"a": 1.5, "b": [true, null, {"c": "d"}]}`, `{"é": "\""}`}
		if err := protojson.Unmarshal([]byte(raw[r.IntN(len(raw))]), m.Interface()); err != nil {
			panic(err)
		}
		return
	case "google.protobuf.Timestamp", "google.protobuf.Duration":
		fs := m.Descriptor().Fields()
		m.Set(fs.ByNumber(1), protoreflect.ValueOfInt64(r.Int64N(4e9)))
		m.Set(fs.ByNumber(2), protoreflect.ValueOfInt32(r.Int32N(1e9)))
		return
	}
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		if r.IntN(2) == 0 && f.Cardinality() != protoreflect.Required || depth == 0 && f.Message() != nil {
			continue
		}
		switch {
		case f.IsMap():
			for range r.IntN(4) {
				k := scalar(r, f.MapKey()).MapKey()
				v := m.Mutable(f).Map().NewValue()
				if f.MapValue().Message() != nil {
					fill(r, v.Message(), depth-1)
				} else {
					v = scalar(r, f.MapValue())
				}
				m.Mutable(f).Map().Set(k, v)
			}
		case f.IsList():
			for range r.IntN(4) {
				if f.Message() != nil {
					fill(r, m.Mutable(f).List().AppendMutable().Message(), depth-1)
				} else {
					m.Mutable(f).List().Append(scalar(r, f))
				}
			}
		case f.Message() != nil:
			fill(r, m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, scalar(r, f))
		}
	}
}

func scalar(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	n := r.Uint64() >> r.IntN(64)
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n&1 > 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(f.Enum().Values().Get(r.IntN(f.Enum().Values().Len())).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(n >> 1)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(r.NormFloat64()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(r.NormFloat64() * float64(r.IntN(2)))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("\xff\x00" + fmt.Sprint(n))[:r.IntN(4)])
	}
	return protoreflect.ValueOfString(strings.Repeat("é\"\n", r.IntN(3)) + fmt.Sprint(n % 100)[:r.IntN(2)])
}

// A reading reads messages of a schema, each as a row of a batch, and writes them.
type reading struct {
	schema *Schema
	typ    *types.Type
	r      record.RowReader
	w      record.RowWriter
	b      *record.Batch
}

func newReading(t testing.TB, s *Schema) *reading {
	t.Helper()
	typ, err := s.Type(types.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	x := &reading{schema: s, typ: typ, b: record.New(typ)}
	if x.r, err = s.Reader(typ); err != nil {
		t.Fatal(err)
	}
	x.r.Start(x.b)
	if x.w, err = s.Writer(typ); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.b.Release() })
	return x
}

func (x *reading) read(raw []byte) (string, error) {
	if err := x.r.ReadRow(raw); err != nil {
		return "", err
	}
	x.b.Rows++
	return string(jsonl.NewEncoder(x.typ).AppendRow(nil, x.b, x.b.Rows-1)), nil
}
