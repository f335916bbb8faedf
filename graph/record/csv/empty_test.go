package csv

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// What a cell with nothing in it says, with quotes and without, by the type of its
// column and by whether somebody has declared it; and what is written for that.
func TestCellsWithNothing(t *testing.T) {
	const bad = "bad"
	for _, c := range []struct {
		typ               string
		bare, quoted      string // as JSON
		sampled           string // the bare one, where nobody has declared the type
		written, writtenQ string
	}{
		{typ: "string", bare: `""`, quoted: `""`, sampled: bad, written: `""`, writtenQ: `""`},
		{typ: "string?", bare: "null", quoted: `""`, sampled: "null", written: "", writtenQ: `""`},
		{typ: "bytes", bare: `""`, quoted: `""`, sampled: `""`, written: `""`, writtenQ: `""`},
		{typ: "bytes?", bare: "null", quoted: `""`, sampled: "null", written: "", writtenQ: `""`},
		{typ: "int", bare: bad, quoted: bad, sampled: bad},
		{typ: "int?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "float", bare: bad, quoted: bad, sampled: bad},
		{typ: "float?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "bool?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "time?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "date?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "date", bare: bad, quoted: bad, sampled: bad},
		{typ: "duration?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "decimal(9,2)?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "enum(a|b)?", bare: "null", quoted: "null", sampled: "null"},
		{typ: "enum(a|b)", bare: bad, quoted: bad, sampled: bad},
	} {
		for _, comma := range []byte{',', '\t'} {
			typ := mustType(t, "{id: int, x: "+c.typ+"}")
			dialect := Standard
			dialect.Comma = comma
			for _, of := range []struct {
				cell, want, written string
				sampled             bool
			}{{"", c.bare, c.written, false}, {`""`, c.quoted, c.writtenQ, false}, {"", c.sampled, c.written, true}, {`""`, c.quoted, c.writtenQ, true}} {
				about := fmt.Sprintf("%s, delimiter %q, cell %q, sampled %v", c.typ, comma, of.cell, of.sampled)
				s, err := New(typ, []string{"id", "x"}, Options{Dialect: dialect, Sampled: of.sampled})
				if err != nil {
					t.Fatal(err)
				}
				row := "1" + string(comma) + of.cell + "\n"
				got, problems := scanAll(t, s, typ, row, 10)
				if of.want == bad {
					if len(problems) != 1 || problems[0].Field != "x" || problems[0].Reason != "is empty, but "+c.typ+" is not nullable" {
						t.Errorf("%s: read as %s, %v; want a bad row", about, got, problems)
					}
					continue
				}
				if want := `{"id":1,"x":` + of.want + "}\n"; got != want || problems != nil {
					t.Errorf("%s: read as %s, %v; want %s", about, got, problems, want)
					continue
				}
				if got, want := rewritten(t, s, typ, dialect, row), "1"+string(comma)+of.written+"\n"; got != want {
					t.Errorf("%s: written as %q, want %q", about, got, want)
				}
			}
		}
	}
}

// rewritten reads rows and writes them.
func rewritten(t *testing.T, s *Scanner, typ *types.Type, d Dialect, rows string) string {
	t.Helper()
	b := record.New(typ)
	defer b.Release()
	if _, bad := s.Scan([]byte(rows), 0, b, 10); bad != nil {
		t.Fatal(bad)
	}
	enc, err := NewEncoder(typ, d)
	if err != nil {
		t.Fatal(err)
	}
	return string(enc.AppendBatch(nil, b))
}

// Where one column is all there is, nothing is an empty line. Behind a sample without one
// it is no row that may be passed over.
func TestLinesWithNothing(t *testing.T) {
	for _, c := range []struct {
		typ     string
		sampled bool
		want    string
		bad     int
	}{
		{"string", false, `{"x":"a"}{"x":""}{"x":"b"}`, 0},
		{"string", true, `{"x":"a"}{"x":""}{"x":"b"}`, 1},
		{"string?", false, `{"x":"a"}{"x":null}{"x":""}{"x":"b"}`, 0},
		{"string?", true, `{"x":"a"}{"x":null}{"x":""}{"x":"b"}`, 0},
	} {
		typ := mustType(t, "{x: "+c.typ+"}")
		s, err := New(typ, []string{"x"}, Options{Dialect: Standard, Sampled: c.sampled, Extra: text.ExtraError})
		if err != nil {
			t.Fatal(err)
		}
		got, bad := scanAll(t, s, typ, "a\n\n\"\"\nb\n", 10)
		if strings.ReplaceAll(got, "\n", "") != c.want || len(bad) != c.bad {
			t.Errorf("%s, sampled %v: %s, %v; want %s and %d bad rows", c.typ, c.sampled, got, bad, c.want, c.bad)
		}
	}
}
