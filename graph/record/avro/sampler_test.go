package avro

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/record/text"
)

// This file makes schemas and their values by chance.

// A sampler makes schemas by chance, and values of them as the library has them and as JSON of
// flowrun.
type sampler struct {
	*rand.Rand
	names int
	plain bool // without times of the day, and floats of 32 bits
}

// A made is a part of a schema that was made, and makes its values.
type made struct {
	schema any
	name   string                // in unions
	value  func() (any, any)     // as the library takes it, and as JSON
	same   func(got, x any) bool // whether the library gave what it took; nil: reflect.DeepEqual
}

func (s *sampler) name(kind string) string {
	s.names++
	return fmt.Sprint(kind, s.names)
}

func (s *sampler) text() string {
	return strings.Repeat("aé\"\n", s.IntN(3)) + fmt.Sprint(s.IntN(1000))
}

func logical(of, name string) map[string]any { return map[string]any{"type": of, "logicalType": name} }

// scalar makes a part that is not made of others.
func (s *sampler) scalar() made {
	at := func(unit time.Duration) time.Time {
		return time.UnixMicro(s.Int64N(4e15) - 1e15).UTC().Truncate(unit)
	}
	moment := func(unit time.Duration) func() (any, any) {
		return func() (any, any) {
			t := at(unit)
			return t, t.Format("2006-01-02T15:04:05.999999999Z07:00")
		}
	}
	equalTime := func(got, x any) bool { return got.(time.Time).Equal(x.(time.Time)) }
	daytime := func(unit time.Duration) func() (any, any) {
		return func() (any, any) {
			d := time.Duration(s.Int64N(86400e9)).Truncate(unit)
			return d, string(text.AppendDuration(nil, int64(d)))
		}
	}
	all := []func() made{
		func() made {
			return made{"boolean", "boolean", func() (any, any) { b := s.IntN(2) == 0; return b, b }, nil}
		},
		func() made {
			return made{"int", "int", func() (any, any) { v := int(int32(s.Uint32())); return v, v }, nil}
		},
		func() made {
			return made{"long", "long", func() (any, any) { v := int64(s.Uint64()) >> s.IntN(64); return v, v }, nil}
		},
		func() made {
			return made{"float", "float", func() (any, any) { v := float32(s.NormFloat64()); return v, float64(v) }, nil}
		},
		func() made {
			return made{"double", "double", func() (any, any) { v := s.NormFloat64() * 1e9; return v, v }, nil}
		},
		func() made { return made{"string", "string", func() (any, any) { v := s.text(); return v, v }, nil} },
		func() made {
			return made{"bytes", "bytes", func() (any, any) {
				v := []byte(s.text() + "\xff")
				return v, base64.StdEncoding.EncodeToString(v)
			}, nil}
		},
		func() made {
			return made{logical("int", "date"), "int.date", func() (any, any) {
				t := at(24 * time.Hour)
				return t, t.Format(time.DateOnly)
			}, equalTime}
		},
		func() made {
			return made{logical("long", "timestamp-millis"), "long.timestamp-millis", moment(time.Millisecond), equalTime}
		},
		func() made {
			return made{logical("long", "timestamp-micros"), "long.timestamp-micros", moment(time.Microsecond), equalTime}
		},
		func() made {
			return made{logical("int", "time-millis"), "int.time-millis", daytime(time.Millisecond), nil}
		},
		func() made {
			return made{logical("long", "time-micros"), "long.time-micros", daytime(time.Microsecond), nil}
		},
		func() made {
			return made{logical("string", "uuid"), "string.uuid", func() (any, any) {
				v := fmt.Sprintf("%08x-0000-4000-8000-%012x", s.Uint32(), s.Uint32())
				return v, v
			}, nil}
		},
		func() made {
			t := logical("bytes", "decimal")
			scale := s.IntN(6)
			t["precision"], t["scale"] = 12, scale
			return made{t, "bytes.decimal", func() (any, any) {
				v := s.Int64N(2e12-1) - (1e12 - 1)
				return big.NewRat(v, pow10(scale)), json.RawMessage(text.AppendDecimal(nil, v, scale))
			}, func(got, x any) bool { return got.(*big.Rat).Cmp(x.(*big.Rat)) == 0 }}
		},
		func() made {
			name := s.name("E")
			return made{map[string]any{"type": "enum", "name": name, "symbols": []string{"A", "B", "C"}}, name,
				func() (any, any) { v := string('A' + rune(s.IntN(3))); return v, v }, nil}
		},
		func() made {
			name := s.name("F")
			return made{map[string]any{"type": "fixed", "name": name, "size": 4}, name, func() (any, any) {
				v := [4]byte{byte(s.Uint32()), 1, 2, byte(s.Uint32())}
				return v, base64.StdEncoding.EncodeToString(v[:])
			}, func(got, x any) bool { return fmt.Sprintf("%x", got) == fmt.Sprintf("%x", x) }}
		},
	}
	for {
		m := all[s.IntN(len(all))]()
		if !s.plain || m.name != "int.time-millis" && m.name != "long.time-micros" && m.name != "float" {
			return m
		}
	}
}

// part makes any part, so deep.
func (s *sampler) part(depth int) made {
	if depth == 0 {
		return s.scalar()
	}
	switch s.IntN(6) {
	case 0:
		return s.list(s.part(depth - 1))
	case 1:
		return s.table(s.part(depth - 1))
	case 2:
		return s.record(depth - 1)
	case 3:
		return s.option(s.part(depth - 1))
	}
	return s.scalar()
}

func (p made) equal(got, x any) bool {
	if p.same != nil {
		return p.same(got, x)
	}
	return reflect.DeepEqual(got, x)
}

func (s *sampler) list(e made) made {
	return made{map[string]any{"type": "array", "items": e.schema}, "array", func() (any, any) {
		vs, js := []any{}, []any{}
		for range s.IntN(4) {
			v, j := e.value()
			vs, js = append(vs, v), append(js, j)
		}
		return vs, js
	}, func(got, x any) bool {
		g, _ := got.([]any)
		return slices.EqualFunc(g, x.([]any), e.equal)
	}}
}

// table makes a map of one entry at most: those of the library have no order.
func (s *sampler) table(e made) made {
	return made{map[string]any{"type": "map", "values": e.schema}, "map", func() (any, any) {
		vs, js := map[string]any{}, []any{}
		if s.IntN(3) > 0 {
			v, j := e.value()
			vs["k"], js = v, append(js, map[string]any{"key": "k", "value": j})
		}
		return vs, js
	}, func(got, x any) bool {
		g, want := got.(map[string]any), x.(map[string]any)
		return len(g) == len(want) && (len(want) == 0 || e.equal(g["k"], want["k"]))
	}}
}

func (s *sampler) option(e made) made {
	if e.name == "" {
		return e
	}
	return made{[]any{"null", e.schema}, "", func() (any, any) {
		if s.IntN(3) == 0 {
			return nil, nil
		}
		v, j := e.value()
		return map[string]any{e.name: v}, j
	}, func(got, x any) bool {
		if x == nil || got == nil {
			return x == nil && got == nil
		}
		want := x.(map[string]any)[e.name]
		if m, ok := got.(map[string]any); ok && len(m) == 1 {
			if inner, ok := m[e.name]; ok {
				return e.equal(inner, want)
			}
		}
		return e.equal(got, want)
	}}
}

func (s *sampler) record(depth int) made {
	var fields []any
	var parts []made
	for i := range 1 + s.IntN(5) {
		p := s.part(depth)
		parts = append(parts, p)
		fields = append(fields, map[string]any{"name": fmt.Sprint("f", i), "type": p.schema})
	}
	name := s.name("R")
	return made{map[string]any{"type": "record", "name": name, "fields": fields}, name, func() (any, any) {
		vs, js := map[string]any{}, map[string]any{}
		for i, p := range parts {
			vs[fmt.Sprint("f", i)], js[fmt.Sprint("f", i)] = p.value()
		}
		return vs, js
	}, func(got, x any) bool {
		g, want := got.(map[string]any), x.(map[string]any)
		for i, p := range parts {
			if name := fmt.Sprint("f", i); !p.equal(g[name], want[name]) {
				return false
			}
		}
		return len(g) == len(want)
	}}
}
