package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/types"
)

// Rows that the library packs are read as they are, and what is written of them it reads as what
// it was; bytes that end too early or have more behind them are no rows, and leave nothing.
func TestDatumsAndTheLibrary(t *testing.T) {
	for seed := range uint64(300) {
		s := &sampler{Rand: rand.New(rand.NewPCG(seed, 5))}
		m := s.record(3)
		raw, lib, schema := m.parsed(t)
		typ, r, w := planned(t, schema)
		b := record.New(typ)
		r.Start(b)
		var values, want []any
		var before []byte // another row, of which nothing must be left where it is none
		for b.Rows < 20 {
			v, j := m.value()
			packed, err := avro.Marshal(lib, v)
			if err != nil {
				t.Fatalf("%s: %v: %v", raw, v, err)
			}
			for _, wrong := range [][]byte{before[:max(0, len(before)-1)], append(before, 0)} {
				if len(before) > 0 && r.ReadRow(wrong) == nil {
					t.Fatalf("%s: % x is read", raw, wrong)
				}
			}
			before = slices.Clip(packed)
			if err := r.ReadRow(packed); err != nil {
				t.Fatalf("%s: %v: %v", raw, v, err)
			}
			b.Rows++
			values, want = append(values, v), append(want, j)
		}
		e := jsonl.NewEncoder(typ)
		for row := range b.Rows {
			if got, want := string(e.AppendRow(nil, b, row)), want[row]; !sameJSON(t, got, want) {
				t.Fatalf("%s:\n got %s\nwant %v", raw, got, want)
			}
			packed, err := w.AppendRow(nil, b, row)
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			var back any
			if err := avro.Unmarshal(lib, packed, &back); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			if !m.equal(back, values[row]) {
				t.Fatalf("%s:\n got %v\nwant %v", raw, back, values[row])
			}
		}
		b.Release()
	}
}

func sameJSON(t *testing.T, got string, want any) bool {
	t.Helper()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(s string) (v any) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return plain(v)
	}
	return reflect.DeepEqual(parse(got), parse(string(text)))
}

// plain writes numbers in one way.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, ok := new(big.Int).SetString(string(v), 10); ok {
			return i.String()
		}
		f, _ := v.Float64()
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return fmt.Sprint(int64(f))
		}
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

const orderSchema = `{"type": "record", "name": "Order", "namespace": "shop", "fields": [
	{"name": "id", "type": "long"},
	{"name": "item", "type": "string"},
	{"name": "qty", "type": "int", "default": 1},
	{"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}], "default": null},
	{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
	{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}, "default": "NEW"},
	{"name": "weight", "type": "float", "default": 0},
	{"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}]}`

// What items lack has its default or is null; what would get lost is told, with a remedy.
func TestWritersFit(t *testing.T) {
	schema, err := ReadSchema(strings.NewReader(orderSchema))
	if err != nil {
		t.Fatal(err)
	}
	for items, want := range map[string]string{
		"{id: int, item: string, at: time}":                                                  "",
		"{id: int, item: enum(a|b), at: time, price: decimal(8,2)?}":                         "",
		"{id: int, item: string, at: time, state: enum(NEW), tags: [string]}":                "",
		"{id: int, item: string}":                                                            `field "at": the schema has it, and the items have not`,
		"{id: int, item: string, at: time, more: int}":                                       `field "more": the schema has no such field`,
		"{id: int?, item: string, at: time}":                                                 `field "id": it may be null, and the schema has long there`,
		"{id: int, item: string, at: string}":                                                `field "at": string cannot be written as long of timestamp-millis`,
		"{id: float, item: string, at: time}":                                                `field "id": float cannot be written as long`,
		"{id: int, item: string, at: time, weight: int}":                                     `field "weight": int cannot be written as float`,
		"{id: int, item: string, at: time, price: decimal(12,2)}":                            `field "price": decimal(12,2) cannot be written as bytes of decimal(10,2)`,
		"{id: int, item: string, at: time, price: decimal(10,3)}":                            `field "price": decimal(10,3) cannot`,
		"{id: int, item: string, at: time, state: enum(NEW|LOST)}":                           `field "state": enum(NEW|LOST) cannot be written as enum`,
		"{id: int, item: string, at: time, tags: [string?]}":                                 `field "tags[]": it may be null`,
		"{id: int, item: string, at: time, tags: any}":                                       `field "tags": it may be null`,
		"{id: int, item: string, at: time, qty: {a: int}}":                                   `field "qty": {a: int} cannot be written as int`,
		"{id: int, item: string, at: time, price: decimal(8,1)?, tags: [enum(a)], qty: int}": "",
	} {
		typ, err := types.Parse(items, nil)
		if err != nil {
			t.Fatal(items, err)
		}
		_, err = schema.Writer(typ)
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.HasPrefix(got, want) {
			t.Errorf("%s:\n got %v\nwant %s", items, err, want)
		}
	}
}

// Values that the schema cannot hold make their row bad, and those that it cuts are cut.
func TestValuesThatDoNotFit(t *testing.T) {
	schema, err := ReadSchema(strings.NewReader(orderSchema))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := types.Parse("{id: int, item: string, at: time, qty: int, state: string, weight: float}", nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := schema.Writer(typ)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := jsonl.New(typ, jsonl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		`{"id":1,"item":"x","at":"2024-05-01T00:00:00.0019Z","qty":2,"state":"NEW","weight":0.1}`:     `{"id":1,"item":"x","qty":2,"price":null,"at":"2024-05-01T00:00:00.001Z","state":"NEW","weight":0.10000000149011612,"tags":[]}`,
		`{"id":1,"item":"x","at":"1960-01-01T00:00:00.0011Z","qty":2,"state":"PAID","weight":1}`:      `{"id":1,"item":"x","qty":2,"price":null,"at":"1960-01-01T00:00:00.001Z","state":"PAID","weight":1,"tags":[]}`,
		`{"id":1,"item":"x","at":"2024-05-01T00:00:00Z","qty":3000000000,"state":"NEW","weight":0.1}`: `field "qty": 3000000000 has more than the 32 bits`,
		`{"id":1,"item":"x","at":"2024-05-01T00:00:00Z","qty":1,"state":"OLD","weight":0.1}`:          `field "state": the schema has no symbol "OLD"`,
		`{"id":1,"item":"x","at":"2024-05-01T00:00:00Z","qty":1,"state":"NEW","weight":1e300}`:        `field "weight": 1e+300 is more than a float of 32 bits can be`,
	} {
		b := record.New(typ)
		if _, err := scan.Scan([]byte(line+"\n"), 0, b, 1); err != nil {
			t.Fatal(err)
		}
		packed, err := w.AppendRow([]byte("before"), b, 0)
		b.Release()
		got := fmt.Sprint(err)
		if err == nil {
			got = readBack(t, schema, packed[len("before"):])
		} else if string(packed) != "before" {
			t.Errorf("%s: %q is left", line, packed)
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", line, got, want)
		}
	}
}

// planned gives the type of the rows of a schema, and what reads and writes them.
func planned(t *testing.T, schema *Schema) (typ *types.Type, r record.RowReader, w record.RowWriter) {
	t.Helper()
	typ, err := schema.Type(types.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = schema.Reader(typ); err != nil {
		t.Fatal(err)
	}
	if w, err = schema.Writer(typ); err != nil {
		t.Fatal(err)
	}
	return typ, r, w
}

// parsed gives a schema as JSON, as the library has it, and as we have it.
func (p made) parsed(t *testing.T) (raw []byte, lib avro.Schema, schema *Schema) {
	t.Helper()
	raw, err := json.Marshal(p.schema)
	if err != nil {
		t.Fatal(err)
	}
	if lib, err = avro.ParseWithCache(string(raw), "", &avro.SchemaCache{}); err != nil {
		t.Fatal(err)
	}
	if schema, err = ReadSchema(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	return raw, lib, schema
}

func readBack(t *testing.T, schema *Schema, packed []byte) string {
	t.Helper()
	typ, r, _ := planned(t, schema)
	b := record.New(typ)
	defer b.Release()
	r.Start(b)
	if err := r.ReadRow(packed); err != nil {
		t.Fatal(err)
	}
	return string(jsonl.NewEncoder(typ).AppendRow(nil, b, 0))
}

// Some fields may be read, under other names and as other types.
func TestReadersFit(t *testing.T) {
	schema, err := ReadSchema(strings.NewReader(orderSchema))
	if err != nil {
		t.Fatal(err)
	}
	for as, want := range map[string]string{
		"{id: int, item: string}":                                     "",
		"{id: float, price: decimal(12,2)?, state: string, qty: any}": "",
		"{id: int, gone: int?}":                                       "",
		"{id: int, gone: int}":                                        "the schema has no field \"gone\": write `gone: int?`",
		"{id: string}":                                                `field "id": the schema has long there, which is not string`,
		"{at: int}":                                                   `field "at": the schema has long of timestamp-millis there`,
	} {
		typ, err := types.Parse(as, nil)
		if err != nil {
			t.Fatal(as, err)
		}
		_, err = schema.Reader(typ)
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.HasPrefix(got, want) {
			t.Errorf("%s: %v", as, err)
		}
	}
	for _, text := range []string{`"string"`, `["null", {"type": "record", "name": "A", "fields": []}]`} {
		schema, err := ReadSchema(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = schema.Reader(types.Record()); err == nil || !strings.Contains(err.Error(), "is no record but") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// hostile are schemas and rows that say of themselves what is not so.
var hostile = map[string]struct {
	schema, row, want string
}{
	"lists of nothing":           {`{"type":"array","items":"null"}`, string(appendLong(nil, 1<<50)), "more elements than"},
	"a text of any length":       {`"string"`, string(appendLong(nil, 1<<60)), "ends too early"},
	"a branch that is not there": {`["null","long"]`, "\x08", "no such branch"},
	"a number without an end":    {`"long"`, strings.Repeat("\xff", 11), "64 bits"},
	"nothing":                    {`"long"`, "", "ends too early"},
	"more":                       {`"long"`, "\x02\x02", "1 bytes are left"},
	"not UTF-8":                  {`"string"`, "\x02\xff", "not UTF-8"},
	"too late":                   {`{"type":"int","logicalType":"date"}`, string(appendLong(nil, 1<<30)), "outside the years"},
}

func inRecord(schema string) string {
	return `{"type":"record","name":"Top","fields":[{"name":"a","type":` + schema + `}]}`
}

func TestHostileDatums(t *testing.T) {
	for name, c := range hostile {
		schema, err := ReadSchema(strings.NewReader(inRecord(c.schema)))
		if err != nil {
			t.Fatal(err)
		}
		typ, err := schema.Type(types.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := schema.Reader(typ)
		if err != nil {
			t.Fatal(err)
		}
		b := record.New(typ)
		r.Start(b)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = r.ReadRow([]byte(c.row))
		runtime.ReadMemStats(&after)
		b.Release()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "file") {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
}

// FuzzDatum reads any bytes by schemas that have everything: no panic, no memory that the bytes
// do not account for, and what is read is written and read back as the same.
func FuzzDatum(f *testing.F) {
	const all = 8
	var schemas [all]*Schema
	for i := range schemas {
		s := &sampler{Rand: rand.New(rand.NewPCG(uint64(i), 9))}
		m := s.record(3)
		raw, err := json.Marshal(m.schema)
		if err != nil {
			f.Fatal(err)
		}
		if schemas[i], err = ReadSchema(bytes.NewReader(raw)); err != nil {
			f.Fatal(err)
		}
		lib, err := avro.ParseWithCache(string(raw), "", &avro.SchemaCache{})
		if err != nil {
			f.Fatal(err)
		}
		for range 4 {
			v, _ := m.value()
			packed, err := avro.Marshal(lib, v)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), packed)
		}
	}
	for _, c := range hostile {
		f.Add(uint8(0), []byte(c.row))
	}
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		schema := schemas[int(which)%all]
		typ, r, w := planned(t, schema)
		b := record.New(typ)
		defer b.Release()
		r.Start(b)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := r.ReadRow(raw)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20+uint64(1000*len(raw)) {
			t.Errorf("%d bytes were allocated for %d", n, len(raw))
		}
		if err != nil {
			return
		}
		b.Rows++
		packed, err := w.AppendRow(nil, b, 0)
		if err != nil {
			return // a value that reading takes in, such as a time before the first, writing may refuse
		}
		if err := r.ReadRow(packed); err != nil {
			t.Fatalf("% x was written for % x, and is not read: %v", packed, raw, err)
		}
		b.Rows++
		e := jsonl.NewEncoder(typ)
		if one, two := e.AppendRow(nil, b, 0), e.AppendRow(nil, b, 1); !bytes.Equal(one, two) {
			t.Errorf("%s is read back as %s", one, two)
		}
	})
}
