package jsonl

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

func TestMain(m *testing.M) {
	record.Poison(true)
	os.Exit(m.Run())
}

func mustType(t testing.TB, s string) *types.Type {
	t.Helper()
	typ, err := types.Parse(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// scanAll reads a whole text in batches of at most rows rows and gives them as
// JSON Lines, and the errors of bad rows. It releases every batch.
func scanAll(t testing.TB, s *Scanner, typ *types.Type, src string, rows int) (string, []*text.RowError) {
	t.Helper()
	enc := NewEncoder(typ)
	var out []byte
	var bad []*text.RowError
	for p := 0; p < len(src); {
		b := record.New(typ)
		for b.Rows < rows && p < len(src) {
			next, e := s.Scan([]byte(src), p, b, rows)
			if e != nil {
				bad = append(bad, e)
			}
			if next <= p {
				t.Fatalf("no progress at byte %d of %q", p, src)
			}
			p = next
		}
		out = enc.AppendBatch(out, b)
		b.Release()
	}
	return string(out), bad
}

// scan is scanAll for one call.
func scan(t testing.TB, typ, src string, opts Options) (string, []*text.RowError) {
	t.Helper()
	parsed := mustType(t, typ)
	s, err := New(parsed, opts)
	if err != nil {
		t.Fatal(err)
	}
	return scanAll(t, s, parsed, src, record.MaxRows)
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ typ, in, want string }{
		{"{a: int}", `{"a":1}`, `{"a":1}`},
		{"{a: int}", " \t{ \"a\" :\t-9223372036854775808 } \r", `{"a":-9223372036854775808}`},
		{"{a: int}", `{"a":9223372036854775807}`, `{"a":9223372036854775807}`},
		{"{a: int}", `{"a":-0}`, `{"a":0}`},
		{"{a: int}", `{"a":1.0}`, `!field "a": want int, got 1.0`},
		{"{a: int}", `{"a":1e2}`, `!field "a": want int, got 1e2`},
		{"{a: int}", `{"a":9223372036854775808}`, `!field "a": want int, got 9223372036854775808`},
		{"{a: int}", `{"a":"abc"}`, `!field "a": want int, got "abc"`},
		{"{a: int}", `{"a":null}`, `!field "a" is null, but int is not nullable`},
		{"{a: int}", `{}`, `!field "a" is missing`},
		{"{a: int?, b: int?}", `{"b":2}`, `{"a":null,"b":2}`},
		{"{a: int}", `{"a":{"b":1}}`, `!field "a": want int, got an object`},
		{"{a: int}", `{"a":[1]}`, `!field "a": want int, got an array`},
		{"{a: int}", `{"a":01}`, `!field "a": not JSON at byte 6 of the line: this is no number, got "0"`},
		{"{a: float}", `{"a":-0}`, `{"a":-0}`},
		{"{a: float}", `{"a":1e400}`, `!field "a": want float, got 1e400`},
		{"{a: float}", `{"a":9007199254740993}`, `{"a":9007199254740992}`},
		{"{a: float}", `{"a":1e-400}`, `{"a":0}`},
		{"{a: bool}", `{"a":true}`, `{"a":true}`},
		{"{a: bool}", `{"a":truE}`, `!field "a": not JSON at byte 6 of the line: want a value, got "t"`},
		{"{a: bool}", `{"a":0}`, `!field "a": want bool, got 0`},
		{"{a: string}", `{"a":"x\u00e9\n\"\\\/\ud83d\ude00"}`, `{"a":"xé\n\"\\/😀"}`},
		{"{a: string}", `{"a":"\ud800"}`, `{"a":"�"}`},
		{"{a: string}", `{"a":"\ud800\u0041\udc00"}`, `{"a":"�A�"}`},
		{"{a: string}", `{"a":12}`, `!field "a": want string, got 12`},
		{"{a: string}", `{"a":nul}`, `!field "a": not JSON at byte 6 of the line: want a value, got "n"`},
		{"{a: string?}", `{"a":null}`, `{"a":null}`},
		{"{a: string}", `{"a":""}`, `{"a":""}`},
		{"{a: time}", `{"a":"2001-01-01T00:01:00.5+01:00"}`, `{"a":"2000-12-31T23:01:00.5Z"}`},
		{"{a: time}", `{"a":"2001-01-01"}`, `!field "a": want time like 2006-01-02T15:04:05Z, got "2001-01-01"; that is a date: declare the field as date, or say format: date`},
		{"{a: time}", `{"a":"03.01.2026"}`, `!field "a": want time like 2006-01-02T15:04:05Z, got "03.01.2026"; another form is declared by format:, such as format: 02.01.2006`},
		{"{a: time}", `{"a":"9999-12-31T00:00:00Z"}`, `!field "a": want time like 2006-01-02T15:04:05Z, got "9999-12-31T00:00:00Z"; times go from 1677-09-21 to 2262-04-11; a date goes to the year 9999`},
		{"{a: date}", `{"a":"9999-12-31"}`, `{"a":"9999-12-31"}`},
		{"{a: date?}", `{"a":null}`, `{"a":null}`},
		{"{a: [date]}", `{"a":["0001-01-01","1970-01-01"]}`, `{"a":["0001-01-01","1970-01-01"]}`},
		{"{a: date}", `{"a":"2001-02-29"}`, `!field "a": want date like 2006-01-02, got "2001-02-29"; another form is declared by format:, such as format: 02.01.2006`},
		{"{a: date}", `{"a":20010229}`, `!field "a": want date like 2006-01-02, got 20010229`},
		{"{a: time}", `{"a":"2001-01-01T00:00:00\u005a"}`, `{"a":"2001-01-01T00:00:00Z"}`},
		{"{a: duration}", `{"a":"1h30m"}`, `{"a":"1h30m0s"}`},
		{"{a: duration}", `{"a":1500000000}`, `{"a":"1.5s"}`},
		{"{a: duration}", `{"a":"soon"}`, `!field "a": want duration, got "soon"`},
		{"{a: bytes}", `{"a":"aGVsbG8="}`, `{"a":"aGVsbG8="}`},
		{"{a: bytes}", `{"a":"aGVsbG8"}`, `!field "a": want bytes, got "aGVsbG8"`},
		{"{a: decimal(9,2)}", `{"a":12.5}`, `{"a":12.50}`},
		{"{a: decimal(9,2)}", `{"a":"-0.05"}`, `{"a":-0.05}`},
		{"{a: decimal(9,2)}", `{"a":12.345}`, `!field "a": want decimal(9,2), got 12.345`},
		{"{a: decimal(9,2)}", `{"a":"1 "}`, `!field "a": want decimal(9,2), got "1 "`},
		{"{a: enum(x|y)}", `{"a":"y"}`, `{"a":"y"}`},
		{"{a: enum(x|y)}", `{"a":"z"}`, `!field "a": want enum(x|y), got "z"`},
		{"{a: any}", `{"a": [1, {"b" : "\u0041"}] }`, `{"a":[1, {"b" : "\u0041"}]}`},
		{"{a: any}", `{"a":null}`, `{"a":null}`},
		{"{a: any}", `{}`, `{"a":null}`},
		{"{a: any}", `{"a":1e400}`, `{"a":1e400}`},
		{"{a: [int]}", `{"a":[]}`, `{"a":[]}`},
		{"{a: [int]}", `{"a":[1, 2 ,3]}`, `{"a":[1,2,3]}`},
		{"{a: [int]}", `{"a":[1,"x"]}`, `!field "a[1]": want int, got "x"`},
		{"{a: [int]}", `{"a":[1,null]}`, `!field "a[1]": want int, got null`},
		{"{a: [int?]?}", `{"a":[null,2]}`, `{"a":[null,2]}`},
		{"{a: [int]}", `{"a":[1,]}`, `!field "a[1]": not JSON at byte 9 of the line: want a value, got "]"`},
		{"{a: [[string]]}", `{"a":[["x"],[],["y","z"]]}`, `{"a":[["x"],[],["y","z"]]}`},
		{"{a: {b: {c: int?}}}", `{"a":{"b":{"c":1}}}`, `{"a":{"b":{"c":1}}}`},
		{"{a: {b: {c: int}}}", `{"a":{"b":{}}}`, `!field "a.b.c" is missing`},
		{"{a: [{b: int}]}", `{"a":[{"b":1},{"b":"x"}]}`, `!field "a[1].b": want int, got "x"`},
		{"{a: {b: int}?}", `{"a":null}`, `{"a":null}`},
		{"{a: {b: int}}", `{"a":1}`, `!field "a": want an object, got 1`},
		{"{a: int}", `{"a":1,"a":2}`, `{"a":2}`},
		{"{a: int?}", `{"a":null,"a":1}`, `{"a":1}`},
		{"{a: int?}", `{"a":1,"a":null}`, `{"a":null}`},
		{"{a: {b: [int]?, c: int?}}", `{"a":{"b":[1,2],"c":3},"a":{"b":[4]}}`, `{"a":{"b":[4],"c":null}}`},
		{"{a: int}", `{"\u0061":1}`, `{"a":1}`},
		{`{"b/c": int}`, `{"b\/c":1}`, `{"b/c":1}`},
		{"{a: int}", `{"A":1,"a":2}`, `{"a":2}`},
		{"{a: int}", `{"a":1} x`, `!not JSON at byte 9 of the line: the line goes on after its value, got "x"`},
		{"{a: int}", `{"a":1}{"a":2}`, `!not JSON at byte 8 of the line: the line goes on after its value, got "{"`},
		{"{a: int}", `{"a":1`, `!not JSON at byte 7 of the line: want , or } after a value, got the end of the line`},
		{"{a: int}", `{"a":1,}`, `!not JSON at byte 8 of the line: want a key in double quotes, got "}"`},
		{"{a: int}", `{"a" 1}`, `!not JSON at byte 6 of the line: want : after a key, got "1"`},
		{"{a: int}", `[1]`, `!want an object, got an array`},
		{"{a: int}", `null`, `!want an object, got null`},
		{"{a: int}", "\xEF\xBB\xBF{\"a\":1}", `!not JSON at byte 1 of the line: want a value, got a byte order mark`},
		{"{a: int}", "{\"a\":1,\"b\":\"\xff\"}", `!not JSON at byte 13 of the line: a string is not UTF-8, got "\xff"`},
		{"{a: int}", "{\"a\":1,\"\xff\":2}", `!not JSON at byte 9 of the line: a string is not UTF-8, got "\xff"`},
		{"{a: int}", "{\"a\":1,\"b\":\"\x01\"}", `!not JSON at byte 13 of the line: control characters must be escaped in a string, got "\x01"`},
		{"{a: int}", `{"a":1,"b":"\x"}`, `!not JSON at byte 14 of the line: want one of "\/bfnrtu after a backslash, and four hex digits after \u, got "x"`},
		{"{a: int}", `{"a":1,"b":[1,{"c":tru}]}`, `!not JSON at byte 20 of the line: want a value, got "t"`},
		{"{a: int}", `{"a":1,"b":[1}]}`, `!not JSON at byte 14 of the line: want , or ] after an item, got "}"`},
		{"{a: int}", `{"a":1,"b":-}`, `!not JSON at byte 12 of the line: this is no number, got "-"`},
		{"{a: int}", `{"a":1,"b":"x`, `!not JSON at byte 14 of the line: a string is not closed, got the end of the line`},
		{"[int]", `[1,2]`, `[1,2]`},
		{"int", ` 12 `, `12`},
		{"int", `null`, `!want int, got null`},
		{"string?", `null`, `null`},
		{"any", `{"a":1}`, `{"a":1}`},
		{"{a: int}?", `null`, `null`},
		{"{a: int}?", `{"a":5}`, `{"a":5}`},
	} {
		got, bad := scan(t, c.typ, c.in+"\n", Options{})
		got = strings.TrimSuffix(got, "\n")
		if len(bad) > 0 {
			got += "!" + bad[0].Error()
		}
		if got != c.want {
			t.Errorf("%s as %s\n got %s\nwant %s", c.in, c.typ, got, c.want)
		}
	}
}

func TestBadRowsTakeNothingWithThem(t *testing.T) {
	src := `{"a":1,"l":[1,2],"s":"one"}
{"a":null,"l":[3,4,5,"x"],"s":null}

{"a":2,"l":[6],"s":"two\t"}
oops
{"a":3,"l":[],"s":"th` + "\"}\r\n" + `{"a":"x"}
`
	want := `{"a":1,"l":[1,2],"s":"one"}
{"a":2,"l":[6],"s":"two\t"}
{"a":3,"l":[],"s":"th"}
`
	typ := mustType(t, "{a: int?, l: [int]?, s: string?}")
	for rows := 1; rows <= 4; rows++ {
		s, err := New(typ, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, bad := scanAll(t, s, typ, src, rows)
		if got != want {
			t.Errorf("batches of %d:\n got %s\nwant %s", rows, got, want)
		}
		var raw []string
		for _, e := range bad {
			raw = append(raw, e.Raw)
			if !strings.HasPrefix(src[e.Offset:], e.Raw) || src[e.End-1] != '\n' {
				t.Errorf("bad row %q is said to be at [%d, %d)", e.Raw, e.Offset, e.End)
			}
		}
		if !slices.Equal(raw, []string{`{"a":null,"l":[3,4,5,"x"],"s":null}`, "oops", `{"a":"x"}`}) {
			t.Errorf("bad rows %q", raw)
		}
	}
}

// A batch must not show nulls of a row that turned out to be bad.
func TestBadLastRowLeavesNoNull(t *testing.T) {
	typ := mustType(t, "{a: int?, l: [int?]?, b: int}")
	s, _ := New(typ, Options{})
	b := record.New(typ)
	defer b.Release()
	s.Scan([]byte("{\"a\":1,\"l\":[1],\"b\":2}\n{\"a\":null,\"l\":[2,null],\"b\":null}\n"), 0, b, 10)
	for i, c := range []*record.Column{b.Cols[0], b.Cols[1], b.Cols[1].Elem} {
		c.Resize(5)
		for row := range 5 {
			if c.IsNull(row) {
				t.Errorf("column %d: row %d is null", i, row)
			}
		}
	}
}

func TestManyFields(t *testing.T) {
	for _, n := range []int{63, 64, 65, 200, 1500} {
		var fields, all, some, want []string
		for i := range n {
			fields = append(fields, fmt.Sprintf("f%d: int?", i))
			all = append(all, fmt.Sprintf(`"f%d":%d`, i, i))
			if i%3 == 0 {
				some = append(some, all[i])
				want = append(want, all[i])
			} else {
				want = append(want, fmt.Sprintf(`"f%d":null`, i))
			}
		}
		back := slices.Clone(all)
		slices.Reverse(back)
		line := func(f []string) string { return "{" + strings.Join(f, ",") + "}\n" }
		got, bad := scan(t, "{"+strings.Join(fields, ",")+"}", line(all)+line(some)+line(back)+line(all), Options{})
		if len(bad) > 0 || got != line(all)+line(want)+line(all)+line(all) {
			t.Errorf("%d fields: %v\n%s", n, bad, got)
		}
		fields[n-1] = strings.TrimSuffix(fields[n-1], "?")
		if _, bad := scan(t, "{"+strings.Join(fields, ",")+"}", line(all[:n-1]), Options{}); len(bad) != 1 || bad[0].Field != fmt.Sprintf("f%d", n-1) {
			t.Errorf("%d fields, the last missing: %v", n, bad)
		}
	}
}

func TestDepth(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		typ, line string
		ok        bool
	}{
		{"any", deep(10_000), true},
		{"any", deep(10_001), false},
		{"{a: any}", `{"a":` + deep(9_999) + "}", true},
		{"{a: any}", `{"a":` + deep(10_000) + "}", false},
		{"{a: [{b: any}]}", `{"a":[{"b":` + deep(9_997) + "}]}", true},
		{"{r: {x: int}, l: [int], a: any}", `{"r":{"x":1},"l":[1],"a":` + deep(9_999) + "}", true},
		{"{a: [{b: any}]}", `{"a":[{"b":` + deep(9_998) + "}]}", false},
		{"{a: int?}", `{"x":` + strings.Repeat(`{"a":`, 5_000_000), false},
	} {
		if _, bad := scan(t, c.typ, c.line+"\n", Options{}); (len(bad) == 0) != c.ok {
			t.Errorf("%.20s… of %d bytes as %s: %v", c.line, len(c.line), c.typ, bad[0])
		}
	}
}

func TestLongLine(t *testing.T) {
	long := strings.Repeat(`xyz\n`, 2_500_000)
	got, bad := scan(t, "{a: string, b: int}", `{"a":"`+long+`","b":1}`, Options{})
	if want := `{"a":"` + long + "\",\"b\":1}\n"; len(bad) > 0 || got != want {
		t.Errorf("a line of 10 MB: %v, %d bytes", bad, len(got))
	}
}

func TestUnterminatedLastLine(t *testing.T) {
	for _, src := range []string{`{"a":"x"}`, `{"a":"x"} `, "{\"a\":\"x\"}\r"} {
		if got, bad := scan(t, "{a: string}", src, Options{}); got != "{\"a\":\"x\"}\n" || len(bad) > 0 {
			t.Errorf("%q gives %q, %v", src, got, bad)
		}
	}
	for _, src := range []string{"", "\n", " \r\n\n"} {
		if got, bad := scan(t, "{a: string}", src, Options{}); got != "" || len(bad) > 0 {
			t.Errorf("%q gives %q, %v", src, got, bad)
		}
	}
}

func reading(name string, typ *types.Type, r types.Reading) types.Field {
	return types.Field{Name: name, Type: typ, Reading: &r}
}

func TestReadings(t *testing.T) {
	typ := types.Record(
		reading("when", types.Time, types.Reading{From: "Release Date", Format: "Jan 2 2006"}),
		reading("at", types.Time.Opt(), types.Reading{Format: "unix_ms"}),
		reading("n", types.Int, types.Reading{Default: "7", Has: true}),
		reading("s", types.String, types.Reading{Default: "a \"b\"", Has: true}),
		reading("l", types.List(types.Int), types.Reading{Default: "[1,2]", Has: true}),
		reading("days", types.List(types.Time), types.Reading{Format: "date"}),
	)
	s, err := New(typ, Options{})
	if err != nil {
		t.Fatal(err)
	}
	src := `{"Release Date":"Jun 12 1998","at":1517966773840,"n":1,"s":"x","l":[],"days":["2000-01-01"]}
{"Release Date":"Jun 12 1998","at":"1517966773840"}
{"n":null,"Release Date":"Jan 01 1970","l":null,"days":[]}
{"when":"Jan 01 1970"}
`
	want := `{"when":"1998-06-12T00:00:00Z","at":"2018-02-07T01:26:13.84Z","n":1,"s":"x","l":[],"days":["2000-01-01T00:00:00Z"]}
{"when":"1970-01-01T00:00:00Z","at":null,"n":7,"s":"a \"b\"","l":[1,2],"days":[]}
`
	got, bad := scanAll(t, s, typ, src, 100)
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if len(bad) != 2 || bad[0].Error() != `field "at": want time as a number, unix_ms, got "1517966773840"` || bad[1].Error() != `field "when" is missing` {
		t.Errorf("bad rows: %v", bad)
	}
}

func TestWrongReadings(t *testing.T) {
	for want, fields := range map[string][]types.Field{
		`fields "a" and "b" are both read from "x"`:    {reading("a", types.Int, types.Reading{From: "x"}), reading("b", types.Int, types.Reading{From: "x"})},
		`field "a": the default x is no int`:           {reading("a", types.Int.Opt(), types.Reading{Default: "x", Has: true})},
		`field "a": the default 1.5 is no int`:         {reading("a", types.Int, types.Reading{Default: "1.5", Has: true})},
		`field "a": the default is null`:               {reading("a", types.Any, types.Reading{Default: "null", Has: true})},
		`field "a": the time format "Y" names no part`: {reading("a", types.Time, types.Reading{Format: "Y"})},
	} {
		if _, err := New(types.Record(fields...), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestStrict(t *testing.T) {
	src := "{\"a\":1,\"b\":2}\n{\"a\":2}\n"
	if _, bad := scan(t, "{a: int}", src, Options{Extra: text.ExtraError}); len(bad) != 1 || bad[0].Error() != `unknown field "b"` {
		t.Errorf("closed: %v", bad)
	}
	if got, bad := scan(t, "{a: int, ...}", src, Options{Extra: text.ExtraError}); len(bad) != 0 || got != "{\"a\":1}\n{\"a\":2}\n" {
		t.Errorf("open: %v %s", bad, got)
	}
	if _, bad := scan(t, "{r: {a: int}}", `{"r":{"a":1,"b":2}}`, Options{Extra: text.ExtraError}); len(bad) != 1 || bad[0].Error() != `field "r": unknown field "b"` {
		t.Errorf("nested: %v", bad)
	}
}

// Fields that nobody needs are not built, but the row is as strict.
func TestUnneeded(t *testing.T) {
	typ := mustType(t, "{a: int, b: string, c: {d: int}, e: [int]}")
	s, _ := New(typ, Options{Extra: text.ExtraError})
	b := record.NewNeeded(typ, []bool{true, false, false, false})
	defer b.Release()
	src := []byte(`{"b":"x","a":1,"c":{"d":1},"e":[]}
{"a":2,"c":"no record"}
{"a":3,"b":tru}
{"a":4,"z":1}
`)
	var bad []string
	for p := 0; p < len(src); {
		var e *text.RowError
		if p, e = s.Scan(src, p, b, 100); e != nil {
			bad = append(bad, e.Reason)
		}
	}
	if !slices.Equal(b.Cols[0].Int, []int64{1, 2}) || len(bad) != 2 {
		t.Errorf("rows %v, bad %q", b.Cols[0].Int, bad)
	}
	if b.Cols[1] != nil || b.Cols[2] != nil {
		t.Error("columns that nobody needs were made")
	}
}

// A field that the type does not list is found in a record that nobody needs as well,
// wherever that stands; what else is in it does not matter.
func TestUnneededRecordsAreLookedInto(t *testing.T) {
	typ := mustType(t, "{a: int, r: {x: int, in: {y: int}?}?, l: [[{z: int}]]?, o: {b: {c: int}, ...}?, v: any}")
	for _, c := range []struct{ row, want string }{
		{`{"a":1,"r":{"x":1,"in":{"y":2}},"l":[[{"z":1},{"z":2}],[]],"o":{"n":1,"b":{"c":1}},"v":{"p":{}}}`, ""},
		{`{"a":1,"r":{"x":"no int","in":7},"l":[{},["no record"]],"o":[{"d":1}]}`, ""},
		{`{"a":1,"r":null,"l":null,"o":null}`, ""},
		{`{"a":1,"r":{},"l":[ [ { } , { } ] , [ ] ]}`, ""},
		{`{"a":1,"r":{"x":1,"new":{"x":1}}}`, `field "r": unknown field "new"`},
		{`{"a":1,"r":{"in":{"y":1,"new":2}}}`, `field "r.in": unknown field "new"`},
		{`{"a":1,"l":[[],[{"z":1},{"new":2}]]}`, `field "l[1][1]": unknown field "new"`},
		{`{"a":1,"o":{"new":1,"b":{"n\u0065w":1}}}`, `field "o.b": unknown field "new"`},
		{`{"a":1,"l":[[{"z":1}}]}`, `field "l[0]": not JSON at byte 21 of the line: want , or ] after an item, got "}"`},
		{`{"a":1,"l":[[{"z":1}`, `field "l[0]": not JSON at byte 21 of the line: want , or ] after an item, got the end of the line`},
		{`{"a":1,"r":{"x":tru}}`, `field "r": not JSON at byte 17 of the line: want a value, got "t"`},
	} {
		for _, extra := range []text.Extra{text.ExtraError, text.ExtraDrop} {
			s, _ := New(typ, Options{Extra: extra})
			// The second batch comes after one in which the records had columns.
			for _, needed := range [][]bool{{true, false, false, false, false}, nil, {true, false, false, false, false}} {
				b := record.NewNeeded(typ, needed)
				_, bad := s.Scan([]byte(c.row+"\n"), 0, b, 10)
				b.Release()
				if needed == nil {
					continue
				}
				got := ""
				if bad != nil {
					got = bad.Error()
				}
				if extra == text.ExtraDrop && !strings.Contains(c.want, "not JSON") {
					if got != "" {
						t.Errorf("%s: %q where fields may be left out", c.row, got)
					}
				} else if extra == text.ExtraError && got != c.want {
					t.Errorf("%s: %q, want %q", c.row, got, c.want)
				}
			}
		}
	}
}

func TestValuesOfManyLines(t *testing.T) {
	src := `{"a": 1,
  "b": [1,
2]}, {"a":2} {"a":3,
"b": nul, "x":"}"
}
{"a":4}`
	got, bad := scan(t, "{a: int, b: any}", src, Options{Values: true})
	want := "{\"a\":1,\"b\":[1,2]}\n{\"a\":2,\"b\":null}\n{\"a\":4,\"b\":null}\n"
	if got != want || len(bad) != 1 || !strings.HasPrefix(bad[0].Raw, `{"a":3`) || !strings.HasSuffix(bad[0].Raw, "\"}\"\n}") {
		t.Errorf("got %s bad %q", got, bad)
	}
}

func TestEncodeWhatIsNoJSON(t *testing.T) {
	typ := mustType(t, "{f: float, s: string, a: any, e: float?}")
	b := record.New(typ)
	defer b.Release()
	for _, c := range b.Cols {
		c.Resize(3)
	}
	b.Rows = 3
	copy(b.Cols[0].Float, []float64{math.NaN(), math.Inf(1), math.Inf(-1)})
	copy(b.Cols[1].Str, []string{"a\xffb", "\xe2\x82", "\u2028<&>\x7f\x00"})
	copy(b.Cols[2].Str, []string{"", "[1,\n\t2]", `"x"`})
	b.Sel = []uint16{0, 1, 2}
	want := `{"f":null,"s":"a�b","a":null,"e":0}
{"f":null,"s":"��","a":[1,2],"e":0}
{"f":null,"s":"` + "\u2028<&>\x7f\\u0000" + `","a":"x","e":0}
`
	if got := string(NewEncoder(typ).AppendBatch(nil, b)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	b.Sel = []uint16{2}
	if got := string(NewEncoder(typ).AppendBatch(nil, b)); strings.Count(got, "\n") != 1 {
		t.Errorf("a selection of one row gives %q", got)
	}
	if got := string(AppendValue(nil, typ.Fields[2].Type, b.Cols[2], 1)); got != "[1,2]" {
		t.Errorf("AppendValue gives %s", got)
	}
	b.Cols[1], b.Cols[0] = nil, nil
	if got := string(NewEncoder(typ).AppendRow(nil, b, 2)); got != `{"a":"x","e":0}` {
		t.Errorf("without columns: %s", got)
	}
}

// A text without a last newline must not be copied for each batch.
func TestUnterminatedTextIsReadInLinearMemory(t *testing.T) {
	src := []byte(strings.TrimSuffix(strings.Repeat(`{"a":"some text of a row"}`+"\n", 40_000), "\n"))
	typ := mustType(t, "{a: string}")
	for _, values := range []bool{false, true} {
		s, _ := New(typ, Options{Values: values})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rows := 0
		for p := 0; p < len(src); {
			b := record.New(typ)
			p, _ = s.Scan(src, p, b, 100)
			rows += b.Rows
			b.Release()
		}
		runtime.ReadMemStats(&after)
		if rows != 40_000 || after.TotalAlloc-before.TotalAlloc > uint64(8*len(src)) {
			t.Errorf("values %t: %d rows, %d bytes allocated for %d", values, rows, after.TotalAlloc-before.TotalAlloc, len(src))
		}
	}
}
