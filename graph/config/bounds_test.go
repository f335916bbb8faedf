package config

import (
	"math"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

// Lengths, of texts, lists and mappings.
func TestLengths(t *testing.T) {
	type lengths struct {
		Code Map[string] `yaml:"code" doc:"." min:"1" max:"2" enum:"a|b"`
		Word string      `yaml:"word" doc:"." min:"2" max:"3"`
		List []int       `yaml:"list" doc:"." min:"2"`
	}
	s, err := Of(&lengths{})
	if err != nil {
		t.Fatal(err)
	}
	text := "code: {}\nword: é\nlist: [1]\n"
	var list diag.List
	s.Decode(parse(t, text), &lengths{}, &list)
	s.Decode(parse(t, "code: {x: c, y: b}\nword: éöü\nlist: [1, 2]"), &lengths{}, &list)
	s.Decode(parse(t, "code: x:y\n"+strings.Repeat("k", 100)+": 1"), &lengths{}, &list)
	comparePicture(t, text, list, `
a.yaml:1:7: want 1 to 2 entries, got 0 [E103]
    1 | code: {}
      |       ^^
a.yaml:2:7: want 2 to 3 characters, got 1 [E103]
    2 | word: é
      |       ^
a.yaml:3:7: want at least 2 items, got 1 [E103]
    3 | list: [1]
      |       ^^^
a.yaml:1:11: want a or b, got text "c" [E103]
    1 | code: {x: c, y: b}
      |           ^
a.yaml:1:7: want a mapping, got text "x:y" [E103]
    1 | code: x:y
      |       ^^^
  hint: put a space after the colon
a.yaml:2:1: unknown key "`+strings.Repeat("k", 39)+`…" [E101]
    2 | `+strings.Repeat("k", 100)+`: 1
      | `+strings.Repeat("^", 100)+`
`)
}

func TestIntegers(t *testing.T) {
	type all struct {
		I64 int64   `yaml:"i64" doc:"."`
		U64 uint64  `yaml:"u64" doc:"."`
		I32 int32   `yaml:"i32" doc:"."`
		U8  uint8   `yaml:"u8" doc:"."`
		F32 float32 `yaml:"f32" doc:"."`
		Cap int8    `yaml:"cap" doc:"." min:"-1000" max:"5"`
	}
	s, err := Of(&all{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"i64: 9223372036854775807":  "",
		"i64: -9223372036854775808": "",
		"i64: 9223372036854775808":  "integer too large",
		"u64: 9223372036854775807":  "",
		"u64: -1":                   "want at least 0, got -1",
		"i32: 2147483647":           "",
		"i32: 2147483648":           "want -2147483648 to 2147483647, got 2147483648",
		"u8: 0xFF":                  "",
		"u8: 256":                   "want 0 to 255, got 256",
		"f32: 1e38":                 "",
		"f32: 1e39":                 "want a finite number",
		"f32: 9223372036854775808":  "",
		"cap: -128":                 "",
		"cap: -129":                 "want -128 to 5",
		"cap: 6":                    "want -128 to 5",
	} {
		var list diag.List
		var into all
		s.Decode(parse(t, text), &into, &list)
		if got := list.Error(); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	var into all
	s.Decode(parse(t, "{i64: -9223372036854775808, u64: 9223372036854775807, u8: 255, f32: 9223372036854775808}"), &into, new(diag.List))
	if want := (all{I64: math.MinInt64, U64: math.MaxInt64, U8: 255, F32: 1 << 63}); into != want {
		t.Errorf("%+v", into)
	}
}
