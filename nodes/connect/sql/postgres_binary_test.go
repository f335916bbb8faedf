package sql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
)

// binaryCases has values of a type, in JSON, and columns that take them in the binary format.
var binaryCases = []struct {
	t, columns, values string
}{
	{"bool", "boolean text", "true false null"},
	{"int", "bigint integer smallint numeric numeric(6,2) double precision text character varying(3) jsonb",
		"0 1 -1 7 10000 9999 100000000 -32768 32767 32768 -32769 2147483647 2147483648 -2147483648 -2147483649 9223372036854775807 -9223372036854775808 null"},
	{"float", "double precision real text json", "0 -0.0 1 0.1 -1.5 1e-45 1e-46 3.4028235e38 3.5e38 1e300 5e-324 1.7976931348623157e308 null"},
	{"decimal(18,0)", "numeric numeric(5,0)", "0 1 -1 9999 10000 99999 100000 999999999999999999 -100000000000000000"},
	{"decimal(18,1)", "numeric numeric(10,0) text", "0 0.1 -0.1 1.5 2.5 10000 1000.5 99999999999999999.9"},
	{"decimal(18,2)", "numeric numeric(6,1)", "0 0.01 -0.01 100 100.25 9999.99 10000.01 9999999999999999.99"},
	{"decimal(18,3)", "numeric", "0 0.001 -0.01 0.1 12.345 10000 999999999999999.999"},
	{"decimal(18,4)", "numeric numeric(18,4)", "0 0.0001 -0.0010 1.0000 10000.0001 99999999999999.9999"},
	{"decimal(18,5)", "numeric", "0 0.00001 -0.00010 0.001 1 10000.00001 9999999999999.99999"},
	{"decimal(18,18)", "numeric", "0 0.000000000000000001 -0.999999999999999999 0.5"},
	{"string", "text character varying(5) character(5) json jsonb", `"" "a" "a b  " "abcdefgh" "ü\u0001\t\n\\" "{\"a\":[1, 2]}" "1" "\u0000" null`},
	{"string", "uuid", `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11" "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}" "a0eebc999c0b4ef8bb6d6bb9bd380a11" "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11" "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1" "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111" "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" "a0e-ebc99-9c0b-4ef8-bb6d-6bb9bd380a11" "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" "" "{" "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-" "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11"`},
	{"enum(red|blue)", "text character varying", `"red" "blue" null`},
	{"time", "timestamp with time zone timestamp without time zone timestamp(3) without time zone text",
		`"2000-01-01T00:00:00Z" "1999-12-31T23:59:59.999999Z" "1970-01-01T00:00:00Z" "1969-12-31T23:59:59.9999994Z" "1969-12-31T23:59:59.999999501Z" "2026-01-02T03:04:05.123456789Z" "2026-01-02T03:04:05.0000005Z" "2026-01-02T03:04:05.0000015Z" "1678-01-01T00:00:00Z" "2262-04-11T23:47:16.854775807Z" null`},
	{"date", "date text", `"0001-01-01" "1999-12-31" "2000-01-01" "1970-01-01" "2026-02-28" "9999-12-31" null`},
	{"duration", "interval interval(0)", `"0s" "1ns" "500ns" "1.5us" "-1.5us" "-1ns" "1h30m0.5s" "-30m" "-0.25s" "2562047h" "-2562047h" null`},
	{"bytes", "bytea text", `"" "AP8Q" "XHg=" null`},
	{"any", "json jsonb text", `1 "a" "null" {"k":[1,null,"x"]} [] true null`},
	{"[int]", "json jsonb text", `[] [1,2] null`},
	{"{x: int}", "json jsonb text", `{"x":1} null`},
}

// The binary format puts into a column what the server makes of the text, or is refused with
// the same words.
func TestBinaryIsText(t *testing.T) {
	_, opened := database(t, postgres, "")
	s := opened.(*postgresSession)
	for _, c := range binaryCases {
		for _, column := range columnTypes(c.columns) {
			run(t, s, "DROP TABLE IF EXISTS formats", "CREATE TABLE formats (n SERIAL, v "+column+")")
			p := newPlan(postgres, modeInsert, "formats", parsed(t, "{v: "+strings.Replace(c.t+"?", "any?", "any", 1)+"}"), nil, nil)
			d, err := s.conn.Prepare(t.Context(), "", "SELECT v FROM formats", nil)
			if err != nil || p.binaryWriters([]uint32{d.Fields[0].DataTypeOID}) == nil {
				t.Errorf("%s goes into %s as text (%v)", c.t, column, err)
				continue
			}
			for _, value := range values(c.values) {
				sameAsText(t, s, p, `{"v":`+value+`}`, c.t+" into "+column)
			}
		}
	}
}

// columnTypes splits names of types, some of which have more than one word.
func columnTypes(names string) (all []string) {
	for word := range strings.FieldsSeq(names) {
		switch word {
		case "precision", "varying", "varying(5)", "varying(3)", "with", "without", "time", "zone":
			all[len(all)-1] += " " + word
		default:
			all = append(all, word)
		}
	}
	return all
}

// values splits values in JSON, whose strings may have spaces.
func values(list string) (all []string) {
	from, quoted := 0, false
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '\\':
			i++
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ' ' && !quoted:
			all, from = append(all, list[from:i]), i+1
		}
	}
	return append(all, list[from:])
}

func sameAsText(t *testing.T, s *postgresSession, p *plan, row, what string) {
	t.Helper()
	written := func(write func(b *record.Batch) error) string {
		b := record.New(parsed(t, "{v: "+p.columns[0].t.String()+"}"))
		defer b.Release()
		scan, err := jsonl.New(b.Type, jsonl.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, bad := scan.Scan([]byte(row+"\n"), 0, b, 1); bad != nil {
			t.Fatalf("%s: %v", row, bad)
		}
		run(t, s, "TRUNCATE formats")
		if err := write(b); err != nil {
			if s.fault(err) != faultRow {
				t.Errorf("%s, %s: %v is no fault of the row", what, row, err)
			}
			return "error: " + strings.Replace(err.Error(), ", column v", "", 1) // which a text that is no UTF-8 does not tell
		}
		got, err := collect(context.Background(), s, "SELECT coalesce(v::text, 'NULL') FROM formats")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(got)
	}
	ctx := t.Context()
	asText := written(func(b *record.Batch) error {
		s.copy.begin(p, nil, []part{{b, []int32{0}}})
		_, err := s.conn.CopyFrom(ctx, &s.copy, "COPY formats (v) FROM STDIN")
		s.copy.end()
		return s.told(err)
	})
	binary := written(func(b *record.Batch) error { return s.copyIn(ctx, p, []part{{b, []int32{0}}}) })
	if asText != binary {
		t.Errorf("%s, %s:\nas text   %s\nas binary %s", what, row, asText, binary)
	}
}

// So it does with values that nobody has thought of.
func TestBinaryIsTextRandomly(t *testing.T) {
	_, opened := database(t, postgres, "")
	s := opened.(*postgresSession)
	r := rand.New(rand.NewPCG(1, 2))
	spread := func() int64 { return r.Int64() >> r.IntN(63) * (1 - 2*r.Int64N(2)) }
	for name, c := range map[string]struct {
		t, column string
		value     func(scale int) string
	}{
		"decimal": {"decimal(18,%d)", "numeric", func(scale int) string {
			v := spread() % 1_000_000_000_000_000_000
			return strings.TrimPrefix(fmt.Sprintf("%s%d.%s", map[bool]string{true: "-"}[v < 0], max(v, -v)/pow10(scale), fmt.Sprintf("%0*d", max(scale, 1), max(v, -v)%pow10(scale))), "+")
		}},
		"time":     {"time", "timestamptz", func(int) string { return fmt.Sprintf(`"%s"`, timeText(postgres, nil, spread())) }},
		"duration": {"duration", "interval", func(int) string { return fmt.Sprintf(`"%dns"`, spread()) }},
		"real":     {"float", "real", func(int) string { return fmt.Sprint(r.NormFloat64() * float64(spread())) }},
	} {
		for i := range 300 {
			scale := i % 19
			typ := strings.Replace(c.t, "%d", fmt.Sprint(scale), 1)
			if i < 19 || name == "decimal" {
				run(t, s, "DROP TABLE IF EXISTS formats", "CREATE TABLE formats (v "+c.column+")")
			}
			p := newPlan(postgres, modeInsert, "formats", parsed(t, "{v: "+typ+"?}"), nil, nil)
			sameAsText(t, s, p, `{"v":`+c.value(scale)+`}`, typ+" into "+c.column)
		}
	}
}

func pow10(n int) int64 {
	v := int64(1)
	for range n {
		v *= 10
	}
	return v
}

// A column that somebody gives another type takes the values and not their bytes.
func TestColumnGetsAnotherType(t *testing.T) {
	_, opened := database(t, postgres, "")
	s := opened.(*postgresSession)
	run(t, s, "DROP TABLE IF EXISTS formats", "CREATE TABLE formats (v BIGINT)")
	typ := parsed(t, "{v: int}")
	p := newPlan(postgres, modeInsert, "formats", typ, nil, nil)
	b := record.New(typ)
	defer b.Release()
	scan, err := jsonl.New(typ, jsonl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, bad := scan.Scan([]byte("{\"v\":42}\n"), 0, b, 1); bad != nil {
		t.Fatal(bad)
	}
	for _, kind := range []string{"", "double precision", "numeric", "integer", "text", "integer[]"} {
		if kind != "" {
			using := "v::text::" + kind
			if strings.HasSuffix(kind, "[]") {
				using = "ARRAY[v::int]"
			}
			run(t, s, "ALTER TABLE formats ALTER v TYPE "+kind+" USING "+using)
		}
		err := s.write(t.Context(), p, b, []int32{0})
		got, _ := collect(t.Context(), s, "SELECT DISTINCT v::text FROM formats")
		if refused := err != nil; refused != (kind == "integer[]") || !refused && fmt.Sprint(got) != "[[42]]" {
			t.Errorf("%s: %v %v", kind, got, err)
		}
	}
}
