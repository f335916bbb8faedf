package types

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseAndPrint(t *testing.T) {
	names := map[string]*Type{"Flight": Record(Field{Name: "delay", Type: Int}).Named("Flight")}
	for _, c := range []struct{ text, want string }{
		{"int", "int"},
		{"  int ?", "int?"},
		{"any", "any"},
		{"any?", "any"},
		{"[float?]?", "[float?]?"},
		{"{a:int,b:[string]}", "{a: int, b: [string]}"},
		{"{ a : int , }", ""},
		{"{a: int, ...}", "{a: int, ...}"},
		{"{...}", "{...}"},
		{`{"US Gross": float?}`, `{"US Gross": float?}`},
		{"{'it\"s': int}", `{"it\"s": int}`},
		{"{`a'b`: int}", `{"a'b": int}`},
		{`{"tab\there \\ \"q\"": int}`, `{"tab\there \\ \"q\"": int}`},
		{"{größe: int, 名前: string}", "{größe: int, 名前: string}"},
		{`{"€": int, "1st": int, "": int}`, `{"€": int, "1st": int, "": int}`},
		{"decimal(12,2)", "decimal(12,2)"},
		{"decimal( 5 )", "decimal(5,0)"},
		{"enum(a| b c |d)", "enum(a|b c|d)"},
		{"Flight?", "Flight?"},
		{"[Flight]", "[Flight]"},
		{"{f: Flight}?", "{f: Flight}?"},
	} {
		got, err := Parse(c.text, names)
		if c.want == "" {
			if err == nil {
				t.Errorf("Parse(%q) gives %s, want an error", c.text, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): %v", c.text, err)
			continue
		}
		if got.String() != c.want {
			t.Errorf("Parse(%q) prints %s, want %s", c.text, got, c.want)
		}
		again, err := Parse(got.String(), names)
		if err != nil || !Equal(got, again) {
			t.Errorf("%s does not come back from its own text: %v %v", got, again, err)
		}
	}
}

func TestExpanded(t *testing.T) {
	inner := Record(Field{Name: "x", Type: Int}).Named("P")
	outer := Record(Field{Name: "p", Type: inner.Opt()}).Named("Q").Opt()
	if got, want := outer.String(), "Q?"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := outer.Expanded(), "{p: P?}?"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	names := map[string]*Type{"Flight": Int}
	for _, c := range []struct{ text, want string }{
		{"", "1:1+1 E306 a type is missing"},
		{"   ", "1:4+1 E306 a type is missing"},
		{"[int", "1:5+1 E306 want ] after the type of a list"},
		{"[]", `1:2+1 E306 want a type, got "]"`},
		{"int float", `1:5+1 E306 unexpected "float" after the type int`},
		{"{a int}", `1:4+1 E306 want : after the field name "a"`},
		{"{a: int b: int}", "1:9+1 E306 want , or } in a record"},
		{"{a: int, ..., b: int}", "1:13+1 E306 ... must be the last in a record"},
		{"{a: int, a: int}", `1:10+1 E307 field "a" appears twice`},
		{`{"a: int}`, "1:10+1 E306 a quote is not closed"},
		{"{: int}", "1:2+1 E306 want a field name"},
		{"{a: intt}", `1:5+4 E305 unknown type "intt"; did you mean "int"?`},
		{"{a: Fligth}", `1:5+6 E305 unknown type "Fligth"; did you mean "Flight"?`},
		{"integer", `1:1+7 E305 unknown type "integer"; did you mean "int"?`},
		{"VARCHAR", `1:1+7 E305 unknown type "VARCHAR"; did you mean "string"?`},
		{"decimal", "1:8+1 E306 want decimal(precision,scale), such as decimal(12,2)"},
		{"decimal(19,2)", "1:1+13 E306 decimal(19,2): precision goes from 1 to 18, scale from 0 to precision"},
		{"decimal(2,3)", "1:1+12 E306 decimal(2,3): precision goes from 1 to 18, scale from 0 to precision"},
		{"decimal(x)", "1:9+1 E306 want a number"},
		{`{"a\q": int}`, `1:2+5 E306 "a\q" is no quoted name; write \\ for a backslash`},
		{"enum", "1:5+1 E306 want enum(a|b), the words it may be"},
		{"enum(a|a)", `1:9+1 E306 the words of an enum must not be empty or repeated, got "a"`},
		{"enum(a|)", `1:8+1 E306 the words of an enum must not be empty or repeated, got ""`},
		{"enum(a", "1:7+1 E306 want | or ) in an enum"},
		{strings.Repeat("[", 40), "1:33+1 E306 types may be nested 32 deep at most"},
	} {
		_, err := Parse(c.text, names)
		e, ok := err.(*SyntaxError)
		if !ok {
			t.Errorf("Parse(%q) gives %v", c.text, err)
			continue
		}
		got := fmt.Sprintf("1:%d+%d %s %s", e.Offset+1, e.Width, e.Code, e.Message)
		if e.Hint != "" {
			got += "; " + e.Hint
		}
		if got != c.want {
			t.Errorf("Parse(%q)\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// randomType gives any type that a person can write.
func randomType(r *rand.Rand, depth int) *Type {
	n := 12
	if depth == 0 {
		n = 10
	}
	var t *Type
	switch k := r.IntN(n); k {
	default:
		t = []*Type{Any, Bool, Int, Float, String, Time, Duration, Bytes}[k]
	case 8:
		t = Decimal(1+r.IntN(18), 0)
	case 9:
		t = Enum("a", "b c", "d-e")
	case 10:
		t = List(randomType(r, depth-1))
	case 11:
		t = &Type{Kind: KindRecord, Open: r.IntN(3) == 0}
		names := []string{"a", "b_2", "US Gross", `"`, "`'", "€", "größe", "x\n", "\\", "名"}
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names[:1+r.IntN(4)] {
			t.Fields = append(t.Fields, Field{Name: name, Type: randomType(r, depth-1)})
		}
	}
	return t.WithOpt(r.IntN(3) == 0)
}

func TestRandomTypesRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		typ := randomType(r, 4)
		got, err := Parse(typ.String(), nil)
		if err != nil || !Equal(got, typ) {
			t.Fatalf("%s comes back as %v: %v", typ, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"int?", "[{a: int, ...}]", "enum(a|b)", "decimal(12,2)", "{\"a b\": T}", "{`x`: {y: [any]}}"} {
		f.Add(s)
	}
	names := map[string]*Type{"T": Int}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := Parse(s, names)
		if err != nil {
			e, ok := err.(*SyntaxError)
			if !ok || e.Offset < 0 || e.Offset > len([]rune(s)) || e.Message == "" {
				t.Fatalf("Parse(%q): %#v", s, err)
			}
			return
		}
		again, err := Parse(typ.String(), names)
		if err != nil || !Equal(typ, again) {
			t.Fatalf("%q is %s, which comes back as %v: %v", s, typ, again, err)
		}
	})
}

func parse(t *testing.T, s string) *Type {
	t.Helper()
	if s == "null" {
		return Null
	}
	typ, err := Parse(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestBound(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"int", "int", "int"},
		{"int", "float", "float"},
		{"int?", "float", "float?"},
		{"int", "null", "int?"},
		{"null", "null", "null"},
		{"int?", "int", "int?"},
		{"any", "any", "any"},
		{"any", "null", "any"},
		{"any", "int", "any and int"},
		{"int", "string", "int and string"},
		{"int", "decimal(5,2)", "int and decimal(5,2)"},
		{"float", "decimal(5,2)", "float"},
		{"decimal(5,2)", "decimal(5,4)", "decimal(7,4)"},
		{"decimal(18,0)", "decimal(18,18)", "decimal(18,0) and decimal(18,18)"},
		{"enum(a|b)", "enum(a|b)", "enum(a|b)"},
		{"enum(a|b)", "enum(a)", "string"},
		{"enum(a)?", "string", "string?"},
		{"time", "duration", "time and duration"},
		{"[int]", "[float?]", "[float?]"},
		{"[int]?", "[int]", "[int]?"},
		{"[int]", "[string]", "items of the list: int and string"},
		{"{id: int, x: float}", "{id: float, y: string}", "{id: float, x: float?, y: string?}"},
		{"{a: int}", "{a: int, ...}", "{a: int, ...}"},
		{"{a: int}?", "{b: int}", "{a: int?, b: int?}?"},
		{"{a: {b: int}}", "{a: {b: string}}", `field "a": field "b": int and string`},
		{"{a: int, b: int}", "{b: int, a: int}", "{a: int, b: int}"},
		{"{a: int}", "int", "{a: int} and int"},
	} {
		a, b := parse(t, c.a), parse(t, c.b)
		got, err := Bound(a, b)
		text := fmt.Sprint(got)
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("Bound(%s, %s) is %s, want %s", c.a, c.b, text, c.want)
		}
		if _, other := Bound(b, a); (err == nil) != (other == nil) {
			t.Errorf("Bound(%s, %s): %v, the other way round: %v", c.a, c.b, err, other)
		}
		if err == nil {
			for _, side := range []*Type{a, b} {
				if why, ok := Fits(side, got); !ok && side.Kind != KindDecimal {
					t.Errorf("%s does not fit the bound %s: %s", side, got, why)
				}
			}
		}
	}
	if got, err := Bound(Error, Int); err != nil || got != Int {
		t.Errorf("the bound with an error is %v, %v", got, err)
	}
}

// Laws of a least upper bound, on random types.
func TestBoundLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	bounds := 0
	for range 3000 {
		a, b := randomType(r, 2), randomType(r, 2)
		if got, err := Bound(a, a); err != nil || !Equal(got, a) {
			t.Fatalf("Bound(%s, %s) is %v, %v", a, a, got, err)
		}
		ab, err := Bound(a, b)
		ba, err2 := Bound(b, a)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("Bound of %s and %s: %v and %v", a, b, err, err2)
		}
		if err != nil {
			continue
		}
		bounds++
		if _, ok := Fits(ab, ba); !ok {
			t.Fatalf("Bound(%s, %s) is %s, the other way round %s", a, b, ab, ba)
		}
		if got, err := Bound(ab, a); err != nil || !Equal(got, ab) {
			t.Fatalf("Bound(%s, %s) is %v, %v: a bound is above both", ab, a, got, err)
		}
	}
	if bounds < 100 {
		t.Errorf("only %d pairs had a bound", bounds)
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct{ from, to, why string }{
		{"int", "int", ""},
		{"int", "int?", ""},
		{"int?", "int", "int? may be null, int must not be"},
		{"null", "int?", ""},
		{"null", "int", "int cannot be null"},
		{"int", "float", ""},
		{"[int]", "[float]", ""},
		{"float", "int", "float is not int"},
		{"enum(a)", "string", ""},
		{"string", "enum(a)", "string is not enum(a)"},
		{"enum(a)", "enum(b|a)", ""},
		{"enum(a|c)", "enum(a|b)", `"c" is not one of enum(a|b)`},
		{"int", "any", ""},
		{"{a: int}?", "any", ""},
		{"any", "int", "any may be null, int must not be"},
		{"any", "int?", "any is not int?"},
		{"decimal(5,2)", "decimal(6,3)", ""},
		{"decimal(5,2)", "decimal(5,3)", "decimal(5,2) does not fit into decimal(5,3)"},
		{"{a: int, b: int}", "{b: int}", ""},
		{"{a: int}", "{a: float?, b: string?}", ""},
		{"{a: int}", "{b: string}", `field "b" is missing`},
		{"{a: {b: int?}}", "{a: {b: int}}", `field "a": field "b": int? may be null, int must not be`},
		{"[{a: int}]", "[{a: string}]", `field "a": int is not string`},
		{"{a: int}", "{...}", ""},
	} {
		why, ok := Fits(parse(t, c.from), parse(t, c.to))
		if ok != (c.why == "") || !ok && why != c.why {
			t.Errorf("Fits(%s, %s) is %v, %q, want %q", c.from, c.to, ok, why, c.why)
		}
	}
	opaque := FromGo(reflect.TypeFor[chan int]())
	if why, ok := Fits(opaque, Any); ok || !strings.Contains(why, "chan int") {
		t.Errorf("an opaque type fits any: %q", why)
	}
	if _, ok := Fits(opaque, opaque); !ok {
		t.Error("an opaque type does not fit itself")
	}
	if _, ok := Fits(opaque, FromGo(reflect.TypeFor[chan string]())); ok {
		t.Error("an opaque type fits another one")
	}
	for _, pair := range [][2]*Type{{Error, Int}, {Int, Error}, {Int, Variable("T")}} {
		if why, ok := Fits(pair[0], pair[1]); !ok {
			t.Errorf("%s does not fit %s: %s", pair[0], pair[1], why)
		}
	}
}

func TestEqual(t *testing.T) {
	named := Record(Field{Name: "a", Type: Int, Origin: Origin{Node: "x"}, Reading: &Reading{From: "A"}}).Named("N")
	if !Equal(named, parse(t, "{a: int}")) {
		t.Error("a name or an origin makes a type another one")
	}
	different := []string{"int", "int?", "float", "[int]", "[int?]", "{a: int}", "{a: int, ...}", "{b: int}", "{a: int, b: int}", "{b: int, a: int}",
		"enum(a|b)", "enum(b|a)", "decimal(5,2)", "decimal(5,1)", "any", "null"}
	for i, a := range different {
		for j, b := range different {
			if got := Equal(parse(t, a), parse(t, b)); got != (i == j) {
				t.Errorf("Equal(%s, %s) is %v", a, b, got)
			}
		}
	}
}

func TestFlawed(t *testing.T) {
	within := func(typ *Type) []*Type {
		return []*Type{typ, {Kind: KindList, Elem: typ}, Record(Field{Name: "a", Type: Int}, Field{Name: "b", Type: typ}), {Kind: KindList, Elem: Record(Field{Name: "c", Type: typ})}}
	}
	for _, typ := range within(Error) {
		if !typ.Flawed() {
			t.Errorf("%s is not flawed", typ)
		}
	}
	for _, typ := range append(within(String), Any, Null) {
		if typ.Flawed() {
			t.Errorf("%s is flawed", typ)
		}
	}
}

func TestOptAndNotNull(t *testing.T) {
	if Int.Nullable || !Int.Opt().Nullable || Int.Nullable {
		t.Error("Opt changed its receiver")
	}
	for _, typ := range []*Type{Int, Int.Opt(), Any, Null, Error} {
		if got := typ.Opt().Opt(); !Equal(got, typ.Opt()) {
			t.Errorf("%s twice optional is %s", typ, got)
		}
	}
	if got := Null.NotNull(); got != Null {
		t.Errorf("null without null is %s", got)
	}
	if got := Any.NotNull(); got != Any {
		t.Errorf("any without null is %s", got)
	}
}

type loop struct {
	Left, Right *loop
	N           int
}

type base struct{ Depth int }

type tagged struct {
	base
	MeanDelay   float32 `flow:"mean"`
	HTTPCode    int     `json:"code,omitempty"`
	HTTPServer2 string
	ID          *uint64
	When        time.Time
	For         time.Duration
	Raw         json.RawMessage
	Anything    any
	Blob        []byte
	Tags        []string
	Point       *struct{ X, Y float64 }
	Skipped     chan int `flow:"-"`
	JSONSkip    func()   `json:"-"`
	_           int
}

func TestFromGo(t *testing.T) {
	for _, c := range []struct {
		of   reflect.Type
		want string
	}{
		{reflect.TypeFor[int64](), "int"},
		{reflect.TypeFor[uint8](), "int"},
		{reflect.TypeFor[float32](), "float"},
		{reflect.TypeFor[[]byte](), "bytes"},
		{reflect.TypeFor[[][]string](), "[[string]]"},
		{reflect.TypeFor[*int](), "int?"},
		{reflect.TypeFor[**int](), "go:**int"},
		{reflect.TypeFor[any](), "any"},
		{reflect.TypeFor[error](), "go:error"},
		{reflect.TypeFor[map[string]int](), "go:map[string]int"},
		{reflect.TypeFor[[3]int](), "go:[3]int"},
		{reflect.TypeFor[struct{}](), "go:struct {}"},
		{reflect.TypeFor[struct{ C chan int }](), "go:struct { C chan int }"},
		{reflect.TypeFor[loop](), "go:types.loop"},
		{reflect.TypeFor[struct {
			A int `flow:"x"`
			B int `flow:"x"`
		}](), "go:struct { A int \"flow:\\\"x\\\"\"; B int \"flow:\\\"x\\\"\" }"},
		{reflect.TypeFor[tagged](), "{depth: int, mean: float, code: int, http_server2: string, id: int?, when: time, for: duration, raw: any, " +
			"anything: any, blob: bytes, tags: [string], point: {x: float, y: float}?}"},
	} {
		if got := FromGo(c.of).String(); got != c.want {
			t.Errorf("%s is %s, want %s", c.of, got, c.want)
		}
	}
}

func TestGoFieldsLeadToTheField(t *testing.T) {
	v := reflect.ValueOf(tagged{base: base{3}, HTTPCode: 404})
	got := map[string]any{}
	for _, f := range GoFields(v.Type()) {
		got[f.Name] = v.FieldByIndex(f.Index).Interface()
	}
	if got["depth"] != 3 || got["code"] != 404 {
		t.Errorf("got %v", got)
	}
}

func TestWords(t *testing.T) {
	for s, want := range map[string]bool{"a": true, "_": true, "a1": true, "1a": false, "": false, "a b": false, "größe": true, "名前": true, "€": false, "a-b": false, "a٣": true} {
		if got := IsWord(s); got != want {
			t.Errorf("IsWord(%q) is %v", s, got)
		}
		if want {
			if _, err := Parse("{"+s+": int}", nil); err != nil {
				t.Errorf("the word %q is no field name: %v", s, err)
			}
		}
	}
}
