package expr

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// jsonNames are the names in random documents.
var jsonNames = []string{"a", "b", "ä", `q"q`, "n\nl", "", "a.b", "\\"}

// document makes a random JSON value.
func document(r *rand.Rand, depth int) any {
	switch n := r.IntN(8); {
	case depth > 0 && n < 3:
		m := map[string]any{}
		for range r.IntN(4) {
			m[jsonNames[r.IntN(len(jsonNames))]] = document(r, depth-1)
		}
		return m
	case depth > 0 && n < 5:
		l := []any{}
		for range r.IntN(4) {
			l = append(l, document(r, depth-1))
		}
		return l
	case n == 5:
		return nil
	case n == 6:
		return []any{true, -12.5e3, 0.0, "x,]}", `"{`}[r.IntN(5)]
	}
	return jsonNames[r.IntN(len(jsonNames))]
}

// TestJSONAgainstTheLibrary walks paths in random documents with and without white
// space and compares with what encoding/json decodes.
func TestJSONAgainstTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	found := 0
	for range 20_000 {
		doc := document(r, 4)
		raw, _ := json.Marshal(doc)
		if r.IntN(2) == 0 {
			raw, _ = json.MarshalIndent(doc, " ", "\t")
		}
		s, at, ok := string(raw), doc, doc != nil
		for range r.IntN(4) {
			if r.IntN(2) == 0 {
				name := jsonNames[r.IntN(len(jsonNames))]
				s, ok = jsonMember(s, name)
				m, _ := at.(map[string]any)
				at = m[name]
			} else {
				i := r.IntN(6) - 3
				s, ok = jsonIndex(s, int64(i))
				l, _ := at.([]any)
				if i < 0 {
					i += len(l)
				}
				if at = nil; i >= 0 && i < len(l) {
					at = l[i]
				}
			}
			if !ok {
				break
			}
		}
		if ok != (at != nil) {
			t.Fatalf("%s: found %v, want %v", raw, ok, at)
		}
		if !ok {
			continue
		}
		found++
		var got any
		if err := json.Unmarshal([]byte(s), &got); err != nil {
			t.Fatalf("%s: %q is no JSON", raw, s)
		}
		var want any
		again, _ := json.Marshal(at)
		json.Unmarshal(again, &want)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %v, want %v", raw, got, want)
		}
		if text, isText := at.(string); isText && jsonText(s) != text {
			t.Fatalf("%q is %q, want %q", s, jsonText(s), text)
		}
	}
	if found < 3_000 {
		t.Errorf("only %d paths lead anywhere", found)
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{"a": "[{a 0 false}]", "a.b[0]": "[{a 0 false} {b 0 false} { 0 true}]", `["x.y"].z`: "[{x.y 0 false} {z 0 false}]", "[-1][2]": "[{ -1 true} { 2 true}]",
		`a["]"]`: "[{a 0 false} {] 0 false}]"} {
		if got, err := parsePath(path); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v %v", path, got, err)
		}
	}
	for _, path := range []string{"", ".", "a.", "a..b", "a[", "a[x]", "a[1", "a[0]b", `["a`, "[]"} {
		if got, err := parsePath(path); err == nil {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// What is trusted to be JSON and is not must not do more harm than to be wrong.
func TestBrokenJSON(t *testing.T) {
	whole := `{"a": [1, {"b": "c\"d"}, null], "e": {"f": true}}`
	for i := range whole {
		for _, s := range []string{whole[:i], whole[i:], whole[:i] + whole[min(i+2, len(whole)):], strings.Repeat("[", i)} {
			jsonMember(s, "a")
			jsonIndex(s, -1)
			jsonText(s)
			follow(s, []step{{name: "e"}, {name: "f"}, {isIdx: true}})
		}
	}
}
