package expr

import (
	"net/url"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/types"
)

// What url_encode gives is one part of an address, whatever is in the text, and url_decode
// gives the text back.
func FuzzURLParts(f *testing.F) {
	for _, s := range []string{"", "abc-._~19AZ", "a/b?c=#d", "a b+c", "100%", "%2F", "Ærø 7", "x&y=z;", "\x00\n", `"`, "../..", "@:[]!$'()*,"} {
		f.Add(s)
	}
	env := types.Record(types.Field{Name: "s", Type: types.String})
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		b := batchOf(env, []any{s})
		e := mustCheck(t, `let part = url_encode(s); url_decode(part) == s && part not matches "[^-A-Za-z0-9._~%]"`, env)
		if got := eval(e.Compile(), b)[0]; got != "true" {
			t.Fatalf("%q does not come back: %s", s, got)
		}
		e = mustCheck(t, `url_encode(s) == "`+strings.ReplaceAll(url.QueryEscape(s), "+", "%20")+`"`, env)
		if got := eval(e.Compile(), b)[0]; got != "true" {
			t.Fatalf("%q is encoded otherwise", s)
		}
	})
}

func TestURLDecodeRefuses(t *testing.T) {
	env := types.Record(types.Field{Name: "s", Type: types.String})
	e := mustCheck(t, "url_decode(s)", env)
	for s, want := range map[string]string{"100%": "two hexadecimal digits", "%2": "two hexadecimal digits", "%gg": "two hexadecimal digits", "%ff": "not UTF-8"} {
		if got := eval(e.Compile(), batchOf(env, []any{s}))[0]; !strings.Contains(got, want) {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}
