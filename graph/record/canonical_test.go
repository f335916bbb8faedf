package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

// Rows of texts that say the same; texts of different rows do not.
var sayings = [][]string{
	{`"é"`, `"\u00e9"`, `"\u00E9"`, ` "é" `},
	{`"e\u0301"`, "\"e\u0301\""}, // another text, which looks the same
	{`"\ud83d\ude00"`, `"😀"`, `"\uD83D\uDE00"`},
	{`"\ud83d"`, `"\uD83D"`}, {`"\ude00\ud83d"`},
	{`"/"`, `"\/"`, `"\u002f"`}, {`"\""`, `"\u0022"`}, {`"\\"`, `"\u005c"`}, {`"\\u0041"`}, {`"A"`, `"\u0041"`},
	{`"\n"`, `"\u000a"`, `"\u000A"`}, {`"\b\f\r\t"`, `"\u0008\u000c\u000d\u0009"`},
	{`7`, `7.0`, `70e-1`, `0.7e1`, `7E+0`, ` 7 `}, {`-7`, `-7.00`}, {`"7"`},
	{`0`, `-0`, `0.0`, `0e9`, `-0.0e-3`},
	{`100`, `1e2`, `1.00e+2`, `10e1`}, {`1e400`, `10e399`}, {`0.1`, `1e-1`, `0.10`},
	{`9007199254740993`, `9007199254740993.0`}, {`9007199254740992`, `9.007199254740992e15`},
	{`123456789012345678901`, `123456789012345678901.0`}, {`123456789012345678902`},
	{`{"a":1}`, `{ "a" : 1 }`, `{"\u0061":1.0}`, "{\n\t\"a\": 1\r\n}"},
	{`{"a":1,"b":[2,3]}`, `{"b":[2, 3.0],"a":1}`}, {`{"a":1,"b":[3,2]}`}, {`{"a":1,"b":null}`},
	{`{"ab":1}`}, {`{"a":"b\":1"}`}, {`{}`, `{ }`}, {`[]`, `[ ]`}, {`[[]]`, `[ [ ] ]`}, {`[{}]`}, {`[1,2]`, `[ 1 , 2 ]`}, {`[12]`}, {`["1,2"]`}, {`[1,"2"]`},
	{`true`, ` true`}, {`false`}, {`"true"`}, {`null`}, {`"null"`}, {`""`}, {`" "`, `"\u0020"`},
	{`{"a":{"y":1,"x":2}}`, `{"a":{"x":2,"y":1}}`},
}

func TestCanonical(t *testing.T) {
	seen := map[string]string{}
	for _, row := range sayings {
		first := string(AppendCanonical(nil, row[0]))
		if other, ok := seen[first]; ok {
			t.Errorf("%s and %s are not the same", row[0], other)
		}
		seen[first] = row[0]
		for _, s := range row {
			if got := string(AppendCanonical(nil, s)); got != first {
				t.Errorf("%s is %s, %s is %s", s, got, row[0], first)
			}
		}
		if again := string(AppendCanonical(nil, first)); again != first && !strings.Contains(first, "\n") {
			t.Errorf("%s becomes %s the second time", first, again)
		}
	}
}

func TestKeysOfJSON(t *testing.T) {
	var texts []string
	var numbers []int32
	for i, row := range sayings {
		for _, s := range row {
			texts, numbers = append(texts, s), append(numbers, int32(i))
		}
	}
	list := keyBatch(types.List(types.Any), len(texts), func(c *Column, i int) {
		c.Elem.Resize(i + 1)
		c.Elem.Str[i], c.Ends[i] = texts[i], int32(i+1)
	})
	nested := keyBatch(types.Record(types.Field{Name: "n", Type: types.Int}, types.Field{Name: "x", Type: types.Any}), len(texts), func(c *Column, i int) {
		c.Fields[1].Str[i] = texts[i]
	})
	for name, b := range map[string]*Batch{
		"any":       keyBatch(types.Any, len(texts), func(c *Column, i int) { c.Str[i] = texts[i] }),
		"in a list": list, "in a record": nested,
	} {
		k := NewKeys(b.Type)
		want(t, add(k, b), numbers)
		want(t, find(k, b), numbers)
		hashes := StableHashes(b, nil)
		for i, n := range numbers {
			if i > 0 && (n == numbers[i-1]) != (hashes[i] == hashes[i-1]) {
				t.Errorf("%s: the partitions of %s and %s", name, texts[i-1], texts[i])
			}
		}
	}
	// Text is another matter.
	text := keyBatch(types.String, 2, func(c *Column, i int) { c.Str[i] = []string{"7", "7.0"}[i] })
	want(t, add(NewKeys(text.Type), text), []int32{0, 1})
}

func FuzzCanonical(f *testing.F) {
	for _, row := range sayings {
		for _, s := range row {
			f.Add(s)
		}
	}
	for _, s := range []string{`{"a`, `{"a":`, `[1,`, `"\u12`, `"\`, `1e99999999999`, `{,}`, `]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, b := AppendCanonical(nil, s), AppendCanonical([]byte("x"), " "+s); fmt.Sprint(string(a)) != string(b[1:]) {
			t.Errorf("%q: %q and %q", s, a, b)
		}
	})
}
