package expr

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// partsOf cuts a text at ${V}, which stands for value.
func partsOf(source, value string, t *types.Type) (parts []Part) {
	for i, written := range strings.Split(source, "${V}") {
		if i > 0 {
			parts = append(parts, Part{Text: value, Value: true, Type: t})
		}
		if written != "" {
			parts = append(parts, Part{Text: written})
		}
	}
	return parts
}

func TestFill(t *testing.T) {
	for _, c := range []struct {
		source, value string
		typ           *types.Type
		want          string
	}{
		{`c == ${V}`, `7`, nil, `c == 7`},
		{`c == ${V}`, `-7.5e3`, nil, `c == (-7.5e3)`},
		{`c == ${V}`, `true`, nil, `c == true`},
		{`c == ${V}`, `null`, nil, `c == "null"`},
		{`c == ${V}`, ``, nil, `c == ""`},
		{`c == ${V}`, `01234`, nil, `c == "01234"`}, // a postcode, not an octal number
		{`c == ${V}`, `1_000`, nil, `c == "1_000"`},
		{`c == ${V}`, `+5`, nil, `c == "+5"`},
		{`c == ${V}`, `O'Neil "x" \n`, nil, `c == "O'Neil \"x\" \\n"`},
		{`c == ${V}`, "two\nlines\r", nil, `c == "two\nlines\r"`},
		{`c == ${V}`, `a" || true || "`, nil, `c == "a\" || true || \""`},
		{`c == ${V}`, `7`, types.String, `c == "7"`},
		{`c == ${V}`, `7`, types.Float, `c == 7.0`},
		{`c == ${V}`, `-1e300`, types.Float, `c == (-1e+300)`},
		{`c == ${V}`, `inf`, types.Float, `c == float("inf")`},
		{`c == ${V}`, `007`, types.Int, `c == 7`},
		{`c == ${V}`, `1m30s`, types.Duration, `c == duration("1m30s")`},
		{`c == "x ${V} y"`, `a"b'c\`, nil, `c == "x a\"b'c\\ y"`},
		{`c == 'x ${V} y'`, `a"b'c\`, nil, `c == 'x a"b\'c\\ y'`},
		{`c == "\"${V}"`, `"`, nil, `c == "\"\""`},
		{`c == "\\" + ${V}`, `x`, nil, `c == "\\" + "x"`},
		{`c matches r"^\d${V}$"`, `"q\`, nil, `c matches "^\\d\"q\\$"`},
		{`c matches r'^\d${V}$' or ${V}`, `x`, nil, `c matches '^\\dx$' or "x"`},
		{`r"a\"+${V}`, `x`, nil, `"a\\"+"x"`},
		{`bar"${V}"`, `x`, nil, `bar"x"`}, // wrong, and left to the parser
		{"`${V} total` > 1", "US`s", nil, "`US``s total` > 1"},
		{"c /* ${V} */ == ${V}", "*/", nil, "c /*  */ == \"*/\""},
		{"c /*/ ${V} */ == 1", "x", nil, "c /*/  */ == 1"},
		{`"/*" + ${V}`, "x", nil, `"/*" + "x"`},
		{`"é${V}é"`, "日", nil, `"é日é"`},
	} {
		f, touching := Fill(partsOf(c.source, c.value, c.typ))
		if f.Source != c.want || touching >= 0 {
			t.Errorf("%s with %q is %s, want %s", c.source, c.value, f.Source, c.want)
		}
		if len(f.Origin) != utf8.RuneCountInString(f.Source) {
			t.Errorf("%s with %q: %d characters, %d origins", c.source, c.value, utf8.RuneCountInString(f.Source), len(f.Origin))
		}
	}
	for source, want := range map[string]int{
		`${V}_id > 1`: 0, `a${V} > 1`: 1, `r.${V}`: 1, `${V}(a)`: 0, `${V}${V} > 1`: 0, "`a`${V}": 1, "1 + 2${V}": 1,
		`1..${V}`: -1, `r?.${V}`: 1, `r[${V}]`: -1, `${V}.x`: -1, `-${V}`: -1, `(${V})`: -1, `"${V}${V}_x"`: -1, "`${V}_x`": -1, `a.r"${V}"`: -1,
	} {
		if _, touching := Fill(partsOf(source, "v", nil)); touching != want {
			t.Errorf("%s: the variable %d touches, want %d", source, touching, want)
		}
	}
}

// FuzzFill: whatever a variable stands for, it is that text and nothing else, wherever in
// an expression it stands.
func FuzzFill(f *testing.F) {
	for _, v := range []string{"", `"`, `'`, `\`, "`", `\"`, "\n", "\r\n", "*/", "7", "-7", "true", `" + "`, "r'", "é\x00日"} {
		f.Add(v)
	}
	env := types.Record(types.Field{Name: "s", Type: types.String})
	f.Fuzz(func(t *testing.T, value string) {
		if !utf8.ValidString(value) || len(value) > 1000 {
			return
		}
		for source, want := range map[string]string{
			`string(${V})`: value, `"${V}"`: value, `'${V}'`: value, `r"${V}"`: value, `r'${V}'`: value,
			`"<" + ${V} + ">"`: "<" + value + ">", `'<${V}>' + "${V}"`: "<" + value + ">" + value,
			`/* ${V} */ "x" /* ${V} */`: "x",
		} {
			filled, touching := Fill(partsOf(source, value, types.String))
			var list diag.List
			e := Check(text("("+filled.Source+") == s"), env, &list)
			if touching >= 0 || list.HasErrors() {
				t.Fatalf("%s with %q is %s: %v", source, value, filled.Source, list)
			}
			if got := eval(e.Compile(), batchOf(env, []any{want}))[0]; got != "true" {
				t.Fatalf("%s with %q is %s, which is not %q: %s", source, value, filled.Source, want, got)
			}
		}
	})
}
