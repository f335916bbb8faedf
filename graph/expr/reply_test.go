package expr

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// No function makes anything of a reply, alone, in a list or in a record, and neither do the
// operators: what holds one is carried and compared. The length of a list of them may be known.
func TestFunctionsOfReplies(t *testing.T) {
	reply := types.Reply("ask")
	env := types.Record(types.Field{Name: "r", Type: reply}, types.Field{Name: "o", Type: reply.Opt()}, types.Field{Name: "rs", Type: types.List(reply)},
		types.Field{Name: "x", Type: types.Record(types.Field{Name: "r", Type: reply}, types.Field{Name: "n", Type: types.Int})},
		types.Field{Name: "xs", Type: types.List(types.Record(types.Field{Name: "r", Type: reply}))},
		types.Field{Name: "n", Type: types.Int}, types.Field{Name: "s", Type: types.String}, types.Field{Name: "l", Type: types.List(types.Int)}, types.Field{Name: "a", Type: types.Any})
	holders := []string{"r", "o", "[r]", "rs", "{r: r}", "x", "[x]", "xs", "[[r]]"}
	others := []string{"n", "s", "l", "a", "null", "r", "rs", "x", `"{}"`, "n > 1", "# > 1", "#.r", "{r: #}", "#", "#.n", "#.r == r"}
	typeOf := func(of string) (*types.Type, bool) {
		var list diag.List
		e := Check(text(of), env, &list)
		return e.Type(), !list.HasErrors() && e.Type().Kind != types.KindError
	}
	accepts := func(of string) bool {
		_, ok := typeOf(of)
		return ok
	}
	loops := map[string]bool{"map": true, "filter": true, "all": true, "any": true, "one": true, "none": true, "count": true, "sum": true, "reduce": true, "findIndex": true, "findLastIndex": true}
	names := map[string]bool{"filter": true, "map": true, "all": true, "any": true, "one": true, "none": true, "count": true, "find": true, "sortBy": true, "sum": true, "reduce": true, "try": true}
	for _, f := range allFunctions() {
		names[f.name] = true
	}
	for name := range names {
		for _, h := range holders {
			calls := []string{name + "(" + h + ")"}
			for _, o := range others {
				if h == "{r: r}" || h == "[x]" { // as x and xs
					continue
				}
				calls = append(calls, name+"("+h+", "+o+")", name+"("+o+", "+h+")", name+"("+h+", "+o+", "+o+")", name+"("+o+", "+h+", "+o+")", name+"("+o+", "+o+", "+h+")")
			}
			for _, call := range calls {
				same := call == "coalesce("+h+")" || call == "list("+h+")" // they give what they get
				t0, ok := typeOf(call)
				switch {
				case !ok || same || strings.HasPrefix(call, "len("):
				case loops[name] && !t0.HoldsReply(): // as of its type, nothing of a reply is in it
				case name == "map" && (call == "map("+h+", #.r)" || call == "map("+h+", #)"): // all of them
				default:
					t.Errorf("%s is accepted", call)
				}
			}
		}
	}
	for _, h := range holders {
		for _, text := range []string{"-H", "!H", "not H", "H + n", "H + H", "s + H", "n + H", "H < H", "H >= H", "H && H", "H ?? H", "H ?? n", "n > 1 ? H : H", "n > 1 ? H : null", "H ? n : n", "H matches s", "s contains H",
			"H[0]", "H[n]", "H[0:1]", "H..n", "H | len()", "l[H]", "a[H]", "s[H]", `"${H}"`, "map(l, H)", "map(xs, H)", "map(xs, {r: #.r})", "filter(xs, true)", "map(filter(xs, #.r == r), #.r)", "map(xs, string(#.r))", "map(xs, json(#))", "map(xs[0:1], #.r)", "filter(l, H == r)[0]", "try(H)", "let v = H; v ?? v"} {
			text = strings.ReplaceAll(text, "H", h)
			if accepts(text) && !strings.HasPrefix(text, "filter(l") && !strings.Contains(text, "len()") && !strings.HasPrefix(text, `"$`) {
				t.Errorf("%s is accepted", text)
			}
		}
	}
	for text, want := range map[string]bool{
		"count(r)": true, "distinct(r)": true, "collect(r)": true, "collect({a: r})": true, "len(collect(r))": true, "{all: collect(r), n: count()}": true,
		"first(r)": false, "last(r)": false, "last({a: r})": false, "first(rs)": false, "max(r)": false, "collect(r)[0]": false, "collect(rs)[0]": false, "max(collect(r))": false,
		"collect(n > 1 ? r : null)": false, "collect(o ?? r)": false, "count() > 1 ? collect(r) : []": false, "unique(collect(r))": false, "collect(string(r))": false,
	} {
		var list diag.List
		if e := CheckAggregate(script{diag.NewSource("flow.yaml", []byte(text))}, env, &list); want != (!list.HasErrors() && e.Type().Kind != types.KindError) {
			t.Errorf("%s: %v", text, list)
		}
	}
	for _, text := range []string{"r", "{a: r}", "[r, r]", "x.r", "r == r", "o == null", "o != r", "r in rs", "r in [r]", "len(rs)", "let v = r; {w: v}", "rs == rs", "map(xs, #.r)", "map([x], #.n)", "all(xs, #.r == r)", "map(xs, n)", "count(xs, true)"} {
		if !accepts(text) {
			t.Errorf("%s is refused", text)
		}
	}
}
