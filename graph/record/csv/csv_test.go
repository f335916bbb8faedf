package csv

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
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

// scanAll reads rows in batches of at most rows rows and gives them as JSON Lines,
// and the errors of bad rows. It releases every batch.
func scanAll(t testing.TB, s *Scanner, typ *types.Type, src string, rows int) (string, []*text.RowError) {
	t.Helper()
	enc := jsonl.NewEncoder(typ)
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

// scanFile reads a file with a header.
func scanFile(t testing.TB, typ *types.Type, src string, opts Options, rows int) (string, []*text.RowError, error) {
	t.Helper()
	names, next, err := opts.Header([]byte(src))
	if err != nil {
		return "", nil, err
	}
	s, err := New(typ, names, opts)
	if err != nil {
		return "", nil, err
	}
	out, bad := scanAll(t, s, typ, src[next:], rows)
	return out, bad, nil
}

func TestCells(t *testing.T) {
	nulls := Standard
	nulls.Null = []string{"NA", "-999"}
	lazy := Standard
	lazy.Lazy = true
	tabs := Dialect{Comma: '\t', Comment: '#'}
	for _, c := range []struct {
		typ, in, want string
		d             Dialect
	}{
		{"{a: int}", "12", `{"a":12}`, Standard},
		{"{a: int}", "1.0", `!field "a": want int, got "1.0"`, Standard},
		{"{a: int}", " 12", `{"a":12}`, Standard},
		{"{a: int}", "+12", `{"a":12}`, Standard},
		{"{a: int}", "\t-7 ", `{"a":-7}`, Standard},
		{"{a: int}", "\" 7\"", `{"a":7}`, Standard},
		{"{a: int}", "7.", `{"a":7}`, Standard},
		{"{a: int}", "+-7", `!field "a": want int, got "+-7"`, Standard},
		{"{a: int}", "- 7", `!field "a": want int, got "- 7"`, Standard},
		{"{a: int}", " ", `!field "a": want int, got " "`, Standard},
		{"{a: int}", "1 2", `!field "a": want int, got "1 2"`, Standard},
		{"{a: int}", "+007", `!field "a": want int, got "+007"`, Standard},
		{"{a: int}", " 9223372036854775808", `!field "a": want int, got " 9223372036854775808"`, Standard},
		{"{a: float}", ".097", `{"a":0.097}`, Standard},
		{"{a: float}", "-.5", `{"a":-0.5}`, Standard},
		{"{a: float}", "+4", `{"a":4}`, Standard},
		{"{a: float}", "5.", `{"a":5}`, Standard},
		{"{a: float}", " 7", `{"a":7}`, Standard},
		{"{a: float}", "+.5e-3 ", `{"a":0.0005}`, Standard},
		{"{a: float}", "5.E2", `{"a":500}`, Standard},
		{"{a: float}", ".", `!field "a": want float, got "."`, Standard},
		{"{a: float}", "-.e1", `!field "a": want float, got "-.e1"`, Standard},
		{"{a: float}", ".5e", `!field "a": want float, got ".5e"`, Standard},
		{"{a: float}", ".5.", `!field "a": want float, got ".5."`, Standard},
		{"{a: float}", "0..0", `!field "a": want float, got "0..0"`, Standard},
		{"{a: float}", "+inf", `!field "a": want float, got "+inf"`, Standard},
		{"{a: float}", "+0x1", `!field "a": want float, got "+0x1"`, Standard},
		{"{a: float}", "12345678901234567890", `{"a":12345678901234567000}`, Standard},
		{"{a: decimal(9,2)}", ".97", `{"a":0.97}`, Standard},
		{"{a: decimal(9,2)}", " +4.5", `{"a":4.50}`, Standard},
		{"{a: int}", "012", `!field "a": want int, got "012"`, Standard},
		{"{a: int}", `"12"`, `{"a":12}`, Standard},
		{"{a: int}", `"1""2"`, `!field "a": want int, got "1\"2"`, Standard},
		{"{a: int}", "9223372036854775808", `!field "a": want int, got "9223372036854775808"`, Standard},
		{"{a: int, b: int}", ",1", `!field "a" is empty, but int is not nullable`, Standard},
		{"{a: int, b: int?}", "1,", `{"a":1,"b":null}`, Standard},
		{"{a: int?, b: int?}", `"",""`, `{"a":null,"b":null}`, Standard},
		{"{a: float}", "1e2", `{"a":100}`, Standard},
		{"{a: float}", "1e400", `!field "a": want float, got "1e400"`, Standard},
		{"{a: float}", "NaN", `!field "a": want float, got "NaN"`, Standard},
		{"{a: float}", "3.14159265358979323846264", `{"a":3.141592653589793}`, Standard},
		{"{a: bool, b: bool}", "TRUE,False", `{"a":true,"b":false}`, Standard},
		{"{a: bool}", "1", `!field "a": want bool, got "1"`, Standard},
		{"{a: bool}", "nope", `!field "a": want bool, got "nope"`, Standard},
		{"{a: string, b: string}", "x,", `{"a":"x","b":""}`, Standard},
		{"{a: string?, b: string?}", `"",`, `{"a":"","b":null}`, Standard},
		{"{a: string}", `"a ""b"", c"`, `{"a":"a \"b\", c"}`, Standard},
		{"{a: string}", "\"a\r\nb\rc\n\"", `{"a":"a\r\nb\rc\n"}`, Standard},
		{"{a: string}", "a\rb", `{"a":"a\rb"}`, Standard},
		{"{a: string}", `a"b`, `!field "a": a quote stands inside a cell that is not quoted`, Standard},
		{"{a: string}", `"a"b`, `!field "a": the cell goes on with "b" after its closing quote`, Standard},
		{"{a: string}", `"ab`, `!field "a": a quote is not closed`, Standard},
		{"{a: string}", "caf\xe9", `!field "a": the text is not UTF-8 (byte 0xe9)`, Standard},
		{"{a: string}", "\"caf\xe9\"", `!field "a": the text is not UTF-8 (byte 0xe9)`, Standard},
		{"{a: string, b: string}", `x`, `!the row has 1 cells, want 2`, Standard},
		{"{a: string, b: string}", `x,y,z,`, `!the row has 4 cells, want 2`, Standard},
		{"{a: time}", "2001-01-01T00:01:00Z", `{"a":"2001-01-01T00:01:00Z"}`, Standard},
		{"{a: duration, b: duration}", "1h,1000", `{"a":"1h0m0s","b":"1µs"}`, Standard},
		{"{a: decimal(9,2)}", "-12.5", `{"a":-12.50}`, Standard},
		{"{a: decimal(9,2)}", "12.345", `!field "a": want decimal(9,2), got "12.345"`, Standard},
		{"{a: enum(x|y)}", "y", `{"a":"y"}`, Standard},
		{"{a: enum(x|y)}", "z", `!field "a": want enum(x|y), got "z"`, Standard},
		{"{a: bytes, b: bytes}", "aGk=,", `{"a":"aGk=","b":""}`, Standard},
		{"{a: int?, b: string?, c: string?}", `NA,NA,"NA"`, `{"a":null,"b":null,"c":"NA"}`, nulls},
		{"{a: int?, b: float?, c: int}", `-999,-999,-998`, `{"a":null,"b":null,"c":-998}`, nulls},
		{"{a: int}", `NA`, `!field "a" is "NA", which stands for null, but int is not nullable`, nulls},
		{"{a: string}", `NA`, `!field "a" is "NA", which stands for null, but string is not nullable`, nulls},
		{"{a: string, b: string}", `a"b,"c"d",`, `!the row has 3 cells, want 2`, lazy},
		{"{a: string, b: string}", `a"b,"c"d"`, `{"a":"a\"b","b":"c\"d"}`, lazy},
		{"{a: string}", `"ab`, `!field "a": a quote is not closed`, lazy},
		{"{a: string, b: string}", "# no row\n\"a\"\t\"b", `{"a":"\"a\"","b":"\"b"}`, tabs},
	} {
		typ := mustType(t, c.typ)
		s, err := New(typ, nil, Options{Dialect: c.d})
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"", "\n", "\r\n", "\n\n\r\n"} {
			got, bad := scanAll(t, s, typ, c.in+end, 10)
			got = strings.TrimSuffix(got, "\n")
			if len(bad) > 0 {
				got += "!" + bad[0].Error()
				if strings.TrimRight(bad[0].Raw, "\r\n") != c.in {
					t.Errorf("raw row %q, want %q", bad[0].Raw, c.in)
				}
			}
			if got != c.want {
				t.Errorf("%q as %s\n got %s\nwant %s", c.in+end, c.typ, got, c.want)
			}
		}
	}
}

func TestHeader(t *testing.T) {
	for src, want := range map[string]string{
		"a,b\n1,2":              "[a b] 4 <nil>",
		"\r\n\na,\"b \"\"c\"":   `[a b "c] 12 <nil>`,
		",x,\n":                 "[column_1 x column_3] 4 <nil>",
		"x,x,x_2,x\n":           "[x x_2 x_2_2 x_3] 10 <nil>",
		"":                      "[] 0 the file is empty: it has no header",
		"\n\n":                  "[] 0 the file is empty: it has no header",
		"a,\"b\n":               "[] 0 the header: a quote is not closed",
		"\"a\nb\",c\r\nd,e\r\n": "[a\nb c] 9 <nil>",
	} {
		names, next, err := Standard.Header([]byte(src))
		if got := fmt.Sprint(names, " ", next, " ", err); got != want {
			t.Errorf("header of %q is %s, want %s", src, got, want)
		}
	}
	if names, err := Standard.ColumnNames([]byte("7,8\n")); fmt.Sprint(names, err) != "[column_1 column_2] <nil>" {
		t.Errorf("names %q, %v", names, err)
	}
}

func TestColumnsAreFoundByName(t *testing.T) {
	typ := types.Record(
		types.Field{Name: "b", Type: types.Int},
		types.Field{Name: "when", Type: types.Time, Reading: &types.Reading{From: "date", Format: "Jan 2 2006"}},
		types.Field{Name: "none", Type: types.String.Opt()},
		types.Field{Name: "def", Type: types.Int, Reading: &types.Reading{Default: "7", Has: true}},
		types.Field{Name: "a", Type: types.Int, Reading: &types.Reading{Default: "9", Has: true}},
	)
	got, bad, err := scanFile(t, typ, "a,date,x,b\n1,Mar 1 2000,q,2\n,Mar 1 2000,,3\n", Options{Dialect: Standard}, 10)
	want := `{"b":2,"when":"2000-03-01T00:00:00Z","none":null,"def":7,"a":1}
{"b":3,"when":"2000-03-01T00:00:00Z","none":null,"def":7,"a":9}
`
	if got != want || len(bad) > 0 || err != nil {
		t.Errorf("got %s %v %v", got, bad, err)
	}
	f := func(name, typ string, r *types.Reading) types.Field {
		return types.Field{Name: name, Type: mustType(t, typ), Reading: r}
	}
	for want, typ := range map[string]*types.Type{
		`field "delay": the file has no column "delay", and int is not nullable; did you mean "delays"?`: types.Record(f("delay", "int", nil)),
		`field "q": the file has no column "q", and int is not nullable; the header has a, delays, x`:    types.Record(f("q", "int", nil)),
		`fields "a" and "b" are both read from column "a"`:                                               types.Record(f("a", "int", nil), f("b", "int", &types.Reading{From: "a"})),
		`field "a": no cell can hold [int]`:                                                              types.Record(f("a", "[int]", nil)),
		`field "a": no cell can hold any`:                                                                types.Record(f("a", "any", nil)),
		`field "a": the default x is no int`:                                                             types.Record(f("a", "int", &types.Reading{Default: "x", Has: true})),
		`column "delays" is no field of the type`:                                                        types.Record(f("a", "int", nil)),
		`the rows of a CSV file are records, not int`:                                                    types.Int,
	} {
		s, err := New(typ, []string{"a", "delays", "x"}, Options{Dialect: Standard, Extra: text.ExtraError})
		if err == nil {
			err = s.Mismatch()
		}
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func TestBadRowsTakeNothingWithThem(t *testing.T) {
	src := "a,b\n1,x\n,\"y\n\"\n2,\"z\"w\n3\nx,\"q\nr\"\n4,\"\"\"s\"\"\"\n5,t\"\"\n6,\"open\n7,x\n"
	typ := mustType(t, "{a: int?, b: string?}")
	for rows := 1; rows < 5; rows++ {
		got, bad, err := scanFile(t, typ, src, Options{Dialect: Standard}, rows)
		want := "{\"a\":1,\"b\":\"x\"}\n{\"a\":null,\"b\":\"y\\n\"}\n{\"a\":4,\"b\":\"\\\"s\\\"\"}\n{\"a\":7,\"b\":\"x\"}\n"
		if got != want || err != nil {
			t.Errorf("batches of %d:\n got %s\nwant %s", rows, got, want)
		}
		var raw []string
		for _, e := range bad {
			raw = append(raw, e.Raw)
		}
		if !slices.Equal(raw, []string{`2,"z"w`, "3", "x,\"q\nr\"", `5,t""`, `6,"open`}) {
			t.Errorf("bad rows %q", raw)
		}
	}
}

func TestManyColumns(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 200} {
		var fields, names, cells []string
		for i := range n {
			fields = append(fields, fmt.Sprintf("f%d: int?", i))
			names = append(names, fmt.Sprintf("f%d", n-1-i))
			cells = append(cells, fmt.Sprint(n-1-i))
		}
		typ := mustType(t, "{"+strings.Join(fields, ",")+"}")
		got, bad, err := scanFile(t, typ, strings.Join(names, ",")+"\n"+strings.Join(cells, ",")+"\n", Options{Dialect: Standard}, 10)
		if err != nil || len(bad) > 0 || !strings.HasSuffix(got, fmt.Sprintf("\"f%d\":%d}\n", n-1, n-1)) {
			t.Errorf("%d columns: %s, %v, %v", n, got, bad, err)
		}
	}
}

func TestUnneeded(t *testing.T) {
	typ := mustType(t, "{a: int, b: int, c: string}")
	s, _ := New(typ, nil, Options{Dialect: Standard})
	b := record.NewNeeded(typ, []bool{false, true, false})
	defer b.Release()
	src := []byte("x,1,\"q\"\"\"\nx,2,\"q\"q\nx,3,\xff\n\"x,y\",4,z\n")
	for p := 0; p < len(src); {
		p, _ = s.Scan(src, p, b, 10)
	}
	if !slices.Equal(b.Cols[1].Int, []int64{1, 4}) || b.Cols[0] != nil {
		t.Errorf("rows %v", b.Cols[1].Int)
	}
}

func TestDialectCheck(t *testing.T) {
	for want, d := range map[string]Dialect{
		"there is no delimiter":                      {Quote: '"'},
		`'\n' cannot be a delimiter: it must be one`: {Comma: '\n'},
		`'Ã' cannot be a quote`:                      {Comma: ',', Quote: 0xC3},
		`'"' has two meanings: it is the comment`:    {Comma: ',', Quote: '"', Comment: '"'},
		`"N,A" cannot stand for null`:                {Comma: ',', Quote: '"', Null: []string{"N,A"}},
	} {
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestEncode(t *testing.T) {
	typ := mustType(t, "{s: string, o: string?, i: int?, f: float, t: time, d: duration, m: decimal(9,2), b: bool, e: enum(x|y), z: bytes}")
	lines := []string{
		`{"s":"plain","o":null,"i":1,"f":0.5,"t":"2001-01-01T00:00:00.5Z","d":"1m","m":1.5,"b":true,"e":"x","z":"aGk="}`,
		`{"s":"a,b","o":"","i":null,"f":-0,"t":"2001-01-01T00:00:00Z","d":0,"m":-1,"b":false,"e":"y","z":""}`,
		`{"s":"say \"hi\"\r\n","o":" x","i":-5,"f":1e21,"t":"2001-01-01T00:00:00Z","d":"1ns","m":0,"b":true,"e":"y","z":""}`,
	}
	js, err := jsonl.New(typ, jsonl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := record.New(typ)
	defer b.Release()
	if _, bad := js.Scan([]byte(strings.Join(lines, "\n")+"\n"), 0, b, 10); bad != nil {
		t.Fatal(bad)
	}
	enc, err := NewEncoder(typ, Standard)
	if err != nil {
		t.Fatal(err)
	}
	got := string(enc.AppendBatch(enc.AppendHeader(nil), b))
	want := "s,o,i,f,t,d,m,b,e,z\n" +
		"plain,,1,0.5,2001-01-01T00:00:00.5Z,1m0s,1.50,true,x,aGk=\n" +
		"\"a,b\",\"\",,-0,2001-01-01T00:00:00Z,0s,-1.00,false,y,\"\"\n" +
		"\"say \"\"hi\"\"\r\n\",\" x\",-5,1e+21,2001-01-01T00:00:00Z,1ns,0.00,true,y,\"\"\n"
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	b.Sel = []uint16{1}
	odd, err := NewEncoder(typ, Dialect{Comma: '-', Quote: '\'', Comment: 'a', Null: []string{"1ns", "NULL", "0s"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(odd.AppendBatch(nil, b)), "'a,b'-''-1ns-'-0'-'2001-01-01T00:00:00Z'-'0s'-'-1.00'-false-y-''\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for typ, want := range map[string]string{"{a: [int]}": `field "a": no cell can hold [int]`, "int": "the rows of a CSV file are records, not int", "{}": "there are no columns"} {
		if _, err := NewEncoder(mustType(t, typ), Standard); err == nil || err.Error() != want {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

func TestSample(t *testing.T) {
	d := Standard
	d.Null = []string{"NA"}
	numbers := strings.Repeat("1\n", 20)
	loosely := func(cell string, line int) string {
		return fmt.Sprintf(`column "x" has numbers in another way of writing, such as %q in line %d; it is read as string, and as numbers if it is declared as float or int`, cell, line)
	}
	for _, c := range []struct{ cells, want, warning string }{
		{"1\n-2\n", "int", ""},
		{"1\n2.50\n", "float", ""},
		{"1\n\"\"\n", "int?", ""},
		{"1\nNA\n", "int?", ""},
		{"00501\n12\n", "string", ""},
		{"+1\n", "string", loosely("+1", 2)},
		{".097\n", "string", loosely(".097", 2)},
		{"1\n-.5\n2.5\n\n", "string?", loosely("-.5", 3)},
		{"5.\n", "string", loosely("5.", 2)},
		{"1\n 7\n", "string", loosely(" 7", 3)},
		{"+00501\n", "string", ""},
		{"+49123\nx\n", "string", ""},
		{"-0\n", "float", ""},
		{"-0.0\n", "float", ""},
		{"1e400\n", "string", ""},
		{"9223372036854775808\n", "string", ""},
		{"9007199254740993\n1\n", "int", ""},
		{"9007199254740993\n0.5\n", "string", `column "x" is int but for a few cells, such as "0.5" in line 3; it is read as string`},
		{"true\nFALSE\n", "bool", ""},
		{"true\n1\n", "string", `column "x" is int but for a few cells, such as "true" in line 2; it is read as string`},
		{"2001-01-01T00:00:00Z\n2001-01-01T00:00:00+00:00\n", "time", ""},
		{"2001-01-01T00:00:00+01:00\n", "string", ""},
		{"2001-01-01T00:00:00-10:00\n", "string", ""},
		{"2001-01-01T00:00:00+00:30\n", "string", ""},
		{"2001-01-01T00:00:00Z\n2001-01-01T00:00:00+01:00\n", "string", ""},
		{"2001-01-01T00:00:00Z\nx\n", "string", ""},
		{"2001-01-01\n9999-12-31\n", "date", ""},
		{"x\n\"\"\n", "string", ""},
		{"x\n\"\"\nNA\n", "string?", ""},
		{"x\n\"\"\n\n", "string?", ""},
		{"\"\"\n", "string", ""},
		{"\n", "string?", ""},
		{"true\n\"\"\n", "bool?", ""},
		{"2001-01-01\n\"\"\n", "date?", ""},
		{"1\n.5\n\"\"\n", "string", loosely(".5", 3)},
		{"", "string", ""},
		{"1,2\n3\n", "int", ""},
		{numbers + "\"n/\na\"\n", "string", `column "x" is int but for a few cells, such as "n/\na" in line 22; it is read as string`},
	} {
		sampler := NewSampler(d)
		sampler.Add([]byte(c.cells), []string{"x"}, func(line int) string { return fmt.Sprintf("line %d", line+1) })
		got, warnings := sampler.Type(types.Origin{How: "sampled"})
		if got.Fields[0].Type.String() != c.want || strings.Join(warnings, "") != c.warning || got.Fields[0].Origin.How != "sampled" {
			t.Errorf("%q is %s, %q; want %s, %q", c.cells, got, warnings, c.want, c.warning)
		}
		s, err := New(got, []string{"x"}, Options{Dialect: d})
		if err != nil {
			t.Fatal(err)
		}
		if _, bad := scanAll(t, s, got, c.cells, 10); len(bad) > strings.Count(c.cells, ",") {
			t.Errorf("%q was sampled as %s, but %v", c.cells, got, bad[0])
		}
	}
}

// Without a last newline only the last row is copied, wherever its cells end.
func TestUnterminatedText(t *testing.T) {
	typ := mustType(t, "{a: string, b: string?}")
	for _, c := range []struct{ src, want string }{
		{"x,y", `{"a":"x","b":"y"}`},
		{"x,\"p\nq", `!a quote is not closed!the row has 1 cells, want 2`},
		{"x,\"p\nq,r", `!a quote is not closed{"a":"q","b":"r"}`},
		{"x,\"p\nq\"", `{"a":"x","b":"p\nq"}`},
		{"v,w\nx,\"p\nq\"", `{"a":"v","b":"w"}{"a":"x","b":"p\nq"}`},
		{"v,w\nx,\"p\nq\",", `{"a":"v","b":"w"}!the row has 3 cells, want 2`},
		{"v,\"w\"w\nx,y", `!the cell goes on with "w" after its closing quote{"a":"x","b":"y"}`},
		{"v\nx,y", `!the row has 1 cells, want 2{"a":"x","b":"y"}`},
	} {
		s, _ := New(typ, nil, Options{Dialect: Standard})
		b := record.New(typ)
		got, enc := "", jsonl.NewEncoder(typ)
		for p := 0; p < len(c.src); {
			before := b.Rows
			next, bad := s.Scan([]byte(c.src), p, b, before+1)
			if b.Rows > before {
				got += string(enc.AppendRow(nil, b, before))
			}
			if bad != nil {
				got += "!" + bad.Reason
				if !strings.HasPrefix(c.src[bad.Offset:], bad.Raw) || bad.End != next {
					t.Errorf("%q: bad row %+v, next %d", c.src, *bad, next)
				}
			}
			p = next
		}
		b.Release()
		if got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

// In a type that was sampled a number is read only as a sample takes it for one, and none
// loses digits.
func TestSampledNumbers(t *testing.T) {
	typ := mustType(t, "{f: float, i: int}")
	for _, c := range []struct{ cells, want string }{
		{"0.1234567890123456,1", ""},
		{"-123456789.12345678,1", ""},
		{"1000000000000000.0,1", ""},
		{"9007199254740992,1", ""},
		{"1.0000000000000000000000,1", ""},
		{"1e300,1", ""},
		{"9007199254740993,1", `field "f": 9007199254740993 has more digits than a float keeps`},
		{"12345678901234567890,1", `field "f": 12345678901234567890 has more digits than a float keeps`},
		{"\"0.12345678901234567891\",1", `field "f": 0.12345678901234567891 has more digits than a float keeps`},
		{"1e400,1", `field "f": want float, got "1e400"`},
		{".5,1", `field "f": want float, got ".5"`},
		{"1,+5", `field "i": want int, got "+5"`},
		{"1, 5", `field "i": want int, got " 5"`},
	} {
		s, err := New(typ, []string{"f", "i"}, Options{Dialect: Standard, Sampled: true})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, bad := scanAll(t, s, typ, c.cells+"\n", 10); len(bad) > 0 {
			got = bad[0].Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.cells, got, c.want)
		}
	}
}
