package config

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// In each text the scalar at `a` is searched for the word "xyz", whose place must
// be where "xyz" stands in the text, however it got there.
func TestAt(t *testing.T) {
	for name, text := range map[string]string{
		"plain":                        "a: b + xyz\n",
		"plain, accents before":        "a: é日 + xyz\n",
		"plain, two lines":             "a: b +\n   c\n    xyz d\n",
		"plain, empty lines":           "a: b +   \n\n\n\n   \t\n  xyz d\n",
		"plain, carriage returns":      "a: b +\r\n  \r\n   xyz d\r\n",
		"plain, in brackets":           "{b: 1, a: c +\nxyz ?? 0}\n",
		"plain, behind tag and anchor": "a: &n !!str\n   # why\n   b xyz\n",
		"single":                       "a: 'b + xyz'\n",
		"single, quotes":               "a: 'it''s xyz'\n",
		"single, two lines":            "a: 'b +  \n\n   it''s  xyz'\n",
		"double":                       "a: \"b + xyz\"\n",
		"double, escapes":              `a: "\ta\x41\u00e9\U0001F600\"\\ \/ xyz"` + "\n",
		"double, folded":               "a: \"b \\\n   \\  c \n\n  d\\\n\n xyz\"\n",
		"double, a break that stays":   "a: \"b\\n xyz\"\n",
		"literal":                      "a: |\n  b +\n  c xyz\n",
		"literal, indented more":       "a: |\n  b +\n     c xyz\n",
		"literal, empty lines":         "a: |\n\n\n  b +\n\n    \n  c xyz\n\n",
		"literal, keep":                "a: |+ # why + not\n  b +\n  c xyz\n\n\n",
		"literal, strip":               "a: |-\n  b +\n  c xyz",
		"literal, indicator":           "a: |2\n     b +\n    c xyz\n",
		"literal, indicator in depth":  "b:\n  - c:\n      a: |1-\n          b +\n         c xyz\n",
		"literal, in a list":           "- a: |\n    b\n    xyz\n",
		"literal, tabs":                "a: |\n  b\n  \txyz\n",
		"folded":                       "a: >\n  b +\n  c\n  xyz d\n",
		"folded, paragraphs":           "a: >-\n  b +\n\n  c\n\n\n  xyz d\n",
		"folded, indented more":        "a: >\n  b\n   c\n   d\n\n  e\n  xyz d\n",
		"folded, indicator":            "a: >1\n   b\n\n  c\n  xyz\n",
		"folded, accents":              "a: >\n  é日\n  日 xyz\n",
		"folded, carriage returns":     "a: >\r\n  b\r\n\r\n  xyz\r\n",
		"a line end of old":            "a: b\u2028 xyz\n",
		"byte order mark":              "\uFEFFa: b xyz\n",
		"through an alias":             "b: &n x xyz\na: *n\n",
	} {
		text = strings.ReplaceAll(text, `\/`, `\_`)
		v := find(parse(t, text), "a")
		at := strings.Index(v.Text, "xyz")
		if at < 0 {
			t.Fatalf("%s: no xyz in %q", name, v.Text)
		}
		got := v.At(utf8.RuneCountInString(v.Text[:at]), 3)
		before := text[:strings.Index(text, "xyz")]
		line := strings.Count(before, "\n") + 1
		col := utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:]) + 1
		if got.Line != line || got.Col != col || got.Width != 3 {
			t.Errorf("%s: %d:%d+%d, want %d:%d+3\n%s", name, got.Line, got.Col, got.Width, line, col, text)
		}
	}
}

func find(v *Value, key string) *Value {
	if found := v.Get(key); found != nil {
		return found
	}
	for _, e := range v.Entries {
		if found := find(e.Value, key); found != nil {
			return found
		}
	}
	for _, item := range v.Items {
		if found := find(item, key); found != nil {
			return found
		}
	}
	return nil
}

// Places other than that of a word on one line.
func TestAtEdges(t *testing.T) {
	for _, c := range []struct {
		text          string
		offset, width int
		want          string
		wide          int
	}{
		{"a: bcd", 0, 3, "a.yaml:1:4", 3},
		{"a: bcd", 1, 99, "a.yaml:1:5", 2},
		{"a: bcd", 3, 1, "a.yaml:1:7", 0},
		{"a: bcd", -1, 0, "a.yaml:1:4", 1},
		{"a: 'bcd'", 3, 1, "a.yaml:1:8", 1},      // the quote
		{"a: |\n  bcd\n", 4, 1, "a.yaml:2:6", 0}, // behind the last that shows
		{"a: |\n  bcd\n", 3, 1, "a.yaml:2:6", 0}, // the line end
		{"a: b\n c", 0, 3, "a.yaml:1:4", 1},      // the first line of it
		{"a: b\n c", 1, 1, "a.yaml:1:5", 0},      // the blank that a line end became
		{`a: "\u00e9b"`, 0, 1, "a.yaml:1:5", 6},  // an escape
		{"a: ''", 0, 1, "a.yaml:1:4", 2},         // nothing in it
		{"a: [x]", 0, 1, "a.yaml:1:4", 3},        // no scalar
	} {
		got := parse(t, c.text).Get("a").At(c.offset, c.width)
		if got.String() != c.want || got.Width != c.wide {
			t.Errorf("%q %d+%d: %v+%d, want %s+%d", c.text, c.offset, c.width, got, got.Width, c.want, c.wide)
		}
	}
	if got := (&Value{Kind: Scalar, Text: "x"}).At(0, 1); !got.IsZero() {
		t.Errorf("a value without origin stands at %v", got)
	}
	if got := (*Value)(nil).At(0, 1); !got.IsZero() {
		t.Errorf("nil stands at %v", got)
	}
}
