package jsonl

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

func TestSample(t *testing.T) {
	for _, c := range []struct {
		src, want string
		warnings  []string
	}{
		{`{"a":1,"b":"x"} {"a":2.5,"c":null} {"b":null,"a":3,"d":true}`, "{a: float, b: string?, c: any, d: bool?}", nil},
		{`{"t":"2001-01-01T00:00:00Z"} {"t":null} {"t":"2001-01-01T00:00:00+00:00"}`, "{t: time?}", nil},
		{`{"t":"2001-01-01T00:00:00Z"} {"t":null} {"t":"2001-01-01T00:00:00+01:00"}`, "{t: string?}", nil},
		{`{"t":"2001-01-01T00:00:00+01:00"}`, "{t: string}", nil},
		{`{"t":"2001-01-01"} {"t":"9999-12-31"} {"t":null}`, "{t: date?}", nil},
		{`{"t":"2001-01-01"} {"t":"2001-01-01T00:00:00Z"}`, "{t: string}", []string{`field "t" is a time in line 2 and a date in line 1; it is read as string`}},
		{`{"t":"2001-01-01T00:00:00Z"} {"t":"yesterday"}`, "{t: string}", nil},
		{`{"t":"3001-01-01T00:00:00Z"}`, "{t: string}", nil},
		{`{"zip":"00501","n":"12"}`, "{zip: string, n: string}", nil},
		{`{"a":1} {"a":"x"}`, "{a: any}", []string{`field "a" is int in line 1 and string in line 2; it is read as any`}},
		{`{"a":"x"} {"a":1} {"a":[]}`, "{a: any}", []string{`field "a" is int in line 2 and an array in line 3; it is read as any`}},
		{`{"a":12345678901234567890}`, "{a: any}", []string{`field "a" is a number of too many digits in line 1; it is read as any`}},
		{`{"a":9007199254740993} {"a":1.5}`, "{a: any}", []string{`field "a" is float in line 2, but an int in line 1 has more digits than a float; it is read as any`}},
		{`{"a":9007199254740993} {"a":1}`, "{a: int}", nil},
		{`{"a":-0} {"a":1}`, "{a: float}", nil},
		{`{"a":{"x":1,"y":[1,2.5]}} {"a":{"x":null,"y":[]}}`, "{a: {x: int?, y: [float]}}", nil},
		{`{"a":{"x":1}} {"a":null} {"a":{}}`, "{a: {x: int?}?}", nil},
		{`{"a":[{"x":1},{"y":"q"}]}`, "{a: [{x: int?, y: string?}]}", nil},
		{`{"a":[1,"x"]}`, "{a: [any]}", []string{`field "a[]" is int in line 1 and string in line 1; it is read as any`}},
		{`{"a":{"b":1}} {"a":{"b":true}}`, "{a: {b: any}}", []string{`field "a.b" is int in line 1 and bool in line 2; it is read as any`}},
		{`{"a":[]} {"a":{}}`, "{a: any}", []string{`field "a" is an array in line 1 and an object in line 2; it is read as any`}},
		{`{"a":[],"b":{},"c":[null]}`, "{a: [any], b: any, c: [any]}", nil},
		{`{"a":1,"a":"x"}`, "{a: any}", []string{`field "a" is int in line 1 and string in line 1; it is read as any`}},
		{`{"\u0061":1} {"a":2}`, "{a: int}", nil},
		{`{"a":1} oops {"a":2}`, "{a: int}", nil},
		{`1 2.5 null`, "float?", nil},
		{`[1] [null]`, "[int?]", nil},
		{`{}`, "{}", nil},
		{`{"a":1} 2`, "any", []string{"the items are an object in line 1 and int in line 2; it is read as any"}},
		{`{"a":` + strings.Repeat(`[`, 30) + strings.Repeat(`]`, 30) + `}`, "{a: " + strings.Repeat("[", maxSampleDepth-1) + "any" + strings.Repeat("]", maxSampleDepth-1) + "}", nil},
	} {
		src := strings.ReplaceAll(c.src, " ", "\n")
		got, warnings, err := Sample([]byte(src), Options{}, types.Origin{})
		slices.Sort(warnings)
		if err != nil || got.String() != c.want {
			t.Errorf("%s\n got %v, %v\nwant %s", c.src, got, err, c.want)
		}
		for i := range c.warnings {
			if i >= len(warnings) || warnings[i] != c.warnings[i] {
				t.Errorf("%s warns %q, want %q", c.src, warnings, c.warnings)
			}
		}
		if len(c.warnings) != len(warnings) {
			t.Errorf("%s warns %q, want %q", c.src, warnings, c.warnings)
		}
	}
}

func TestSampleOfNothing(t *testing.T) {
	for src, want := range map[string]string{
		"":            "there is nothing to take a sample of",
		" \n\n":       "there is nothing to take a sample of",
		"\noops\nno":  `line 2: not JSON at byte 1 of the line: want a value, got "o"`,
		"{\"a\":1} 2": `line 1: not JSON at byte 9 of the line: the line goes on after its value, got "2"`,
	} {
		if _, _, err := Sample([]byte(src), Options{}, types.Origin{}); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestSampleOfManyFields(t *testing.T) {
	var src strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&src, "{\"by_user\":{\"u%d\":%d}}\n", i, i)
	}
	got, warnings, err := Sample([]byte(src.String()), Options{}, types.Origin{})
	if err != nil || got.String() != "{by_user: any}" || len(warnings) != 1 || !strings.Contains(warnings[0], "more than 1000 different fields") {
		t.Errorf("got %v, %q, %v", got, warnings, err)
	}
}

func TestSampleSetsOrigin(t *testing.T) {
	got, _, _ := Sample([]byte(`{"a":{"b":1}}`), Options{}, types.Origin{How: "sampled from x.jsonl"})
	if f := got.Fields[0]; f.Origin.How != "sampled from x.jsonl" || f.Type.Fields[0].Origin != f.Origin {
		t.Errorf("origin %+v", f.Origin)
	}
}

// What was sampled must be read: no row of the sample may be bad, and the values
// come out as they went in.
func TestSampledRowsAreRead(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	values := []string{"1", "-2", "2.5", "1e3", "true", "null", `"x"`, `"2001-01-01T00:00:00Z"`, "[]", "[1]", "[null,2]", `["a"]`, "{}", `{"x":1}`, `{"x":"q","y":[{}]}`,
		"12345678901234567890", "9007199254740993", `{"x":{"x":null}}`}
	for range 3000 {
		pick := values
		if rng.IntN(3) > 0 { // few kinds, so that not all is any
			at := rng.IntN(len(values) - 3)
			pick = values[at : at+3]
		}
		var src strings.Builder
		for range 1 + rng.IntN(5) {
			var members []string
			for _, k := range []string{"a", "b", "c"} {
				if rng.IntN(4) > 0 {
					members = append(members, fmt.Sprintf(`"%s":%s`, k, pick[rng.IntN(len(pick))]))
				}
			}
			src.WriteString("{" + strings.Join(members, ",") + "}\n")
		}
		typ, _, err := Sample([]byte(src.String()), Options{}, types.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(typ, Options{Extra: text.ExtraError})
		if err != nil {
			t.Fatal(err)
		}
		if _, bad := scanAll(t, s, typ, src.String(), 2); len(bad) > 0 {
			t.Fatalf("sample\n%sis %s, but %q is bad: %v", src.String(), typ, bad[0].Raw, bad[0])
		}
	}
}
