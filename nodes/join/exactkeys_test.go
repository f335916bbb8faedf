package join_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// bigKeys are ints that no float is, beside some that one is.
var bigKeys = map[string]string{
	"l.jsonl": lines(`{"k":9007199254740993,"a":1}`, `{"k":null,"a":2}`, `{"k":5,"a":3}`, `{"k":9007199254740992,"a":4}`, `{"k":-9223372036854775807,"a":5}`),
	"r.jsonl": lines(`{"k":9007199254740992.0,"b":1}`, `{"k":2.5,"b":2}`, `{"k":5.0,"b":3}`, `{"k":5.0,"b":4}`, `{"k":null,"b":5}`),
}

// An int comes out as it came in, or its item fails: where the key of both sides is one
// column of floats, it would be rounded.
func TestKeysComeOutUnchanged(t *testing.T) {
	pairs := []string{`{"k":5,"a":3,"b":3}`, `{"k":5,"a":3,"b":4}`, `{"k":9007199254740992,"a":4,"b":1}`}
	refused := []string{`{"k":9007199254740993,"a":1}`, `{"k":-9223372036854775807,"a":5}`}
	check := func(t *testing.T, flow string, files map[string]string, want, failed []string) {
		t.Helper()
		flow = strings.Replace(flow, "}, with: {on", "}, on_error: dead, with: {on", 1)
		flow += "  dead: {use: map, in: join.errors, with: {set: {item: item, error: error}, select: [item, error]}}\n  failed: {use: file.write, in: dead, with: {path: failed.jsonl}}\n"
		for _, setup := range nodetest.Few() {
			r := kit.Run(t, flow, files, setup)
			if r.Err != nil {
				t.Fatalf("%s: %v", setup, r.Err)
			}
			if got := r.File("-"); got != lines(want...) {
				t.Fatalf("%s: got\n%s\nwant\n%s", setup, got, lines(want...))
			}
			dead := r.File("failed.jsonl")
			for _, item := range failed {
				if !strings.Contains(dead, `"item":`+item) || !strings.Contains(dead, "k has more digits than a float keeps: it is int here, and float in the key that `kind: ") {
					t.Fatalf("%s: %s is not among those that failed:\n%s", setup, item, dead)
				}
			}
			if n := strings.Count(dead, "\n"); n != len(failed) {
				t.Fatalf("%s: %d items failed, want %d:\n%s", setup, n, len(failed), dead)
			}
		}
	}
	left := []string{`{"k":9007199254740993,"a":1,"b":null}`, `{"k":null,"a":2,"b":null}`, pairs[0], pairs[1], pairs[2], `{"k":-9223372036854775807,"a":5,"b":null}`}
	rest := []string{`{"k":2.5,"a":null,"b":2}`, `{"k":null,"a":null,"b":5}`}
	for kind, c := range map[string]struct{ want, failed []string }{
		"inner": {pairs, nil},
		"left":  {left, nil},
		"right": {append(pairs[:3:3], rest...), nil},
		"full":  {append([]string{left[1], pairs[0], pairs[1], pairs[2]}, rest...), refused},
		"anti":  {[]string{refused[0], `{"k":null,"a":2}`, refused[1]}, nil},
	} {
		t.Run(kind, func(t *testing.T) {
			flow, _, _ := strings.Cut(joining("{k: int?, a: int}", "{k: float?, b: int}", "{on: k, kind: "+kind+"}"), "  lone:")
			check(t, flow, bigKeys, c.want, c.failed)
		})
	}
	// The ints on the right.
	in := map[string]string{"l.jsonl": strings.ReplaceAll(bigKeys["r.jsonl"], `"b"`, `"a"`), "r.jsonl": strings.ReplaceAll(bigKeys["l.jsonl"], `"a"`, `"b"`)}
	mirrored := []string{`{"k":9007199254740992,"a":1,"b":4}`, `{"k":5,"a":3,"b":3}`, `{"k":5,"a":4,"b":3}`}
	refused = []string{`{"k":9007199254740993,"b":1}`, `{"k":-9223372036854775807,"b":5}`}
	null := `{"k":null,"a":null,"b":2}`
	for kind, c := range map[string]struct{ want, failed []string }{
		"inner": {mirrored, nil},
		"right": {append(mirrored[:3:3], null), refused},
		"full":  {[]string{mirrored[0], `{"k":2.5,"a":2,"b":null}`, mirrored[1], mirrored[2], `{"k":null,"a":5,"b":null}`, null}, refused},
	} {
		t.Run("mirrored "+kind, func(t *testing.T) {
			flow, _, _ := strings.Cut(joining("{k: float?, a: int}", "{k: int?, b: int}", "{on: k, kind: "+kind+"}"), "  lone:")
			check(t, flow, in, c.want, c.failed)
		})
	}
}

// A decimal equals the float that is written with its digits, and what is in a list or a
// record counts as what stands alone.
func TestKeysThatFloatsDoNotHold(t *testing.T) {
	for _, c := range []struct{ left, right, l, r, want string }{
		{"float", "decimal(18,2)", "0.1 1234567890123456.78 9007199254740992.0 7", "0.10 1234567890123456.78 9007199254740992.00 9007199254740993.00 7.00", "0.1 9007199254740992 7"},
		{"[float]", "[int]", "[1,9007199254740992.0] [1.0] [9007199254740992.0]", "[1,9007199254740993] [1] [9007199254740992]", "[1] [9007199254740992]"},
		{"{x: float}", "{x: int}", `{"x":9007199254740992.0} {"x":2.0}`, `{"x":9007199254740993} {"x":2}`, `{"x":2}`},
		{"decimal(18,3)", "decimal(5,1)", "1.500 2.001", "1.5 2.0", "1.500"},
	} {
		file := func(keys string) string {
			return `{"k":` + strings.Join(strings.Fields(keys), "}\n{\"k\":") + "}\n"
		}
		flow, _, _ := strings.Cut(joining("{k: '"+c.left+"'}", "{k: '"+c.right+"'}", "{on: k, kind: semi}"), "  lone:")
		kit.Check(t, flow, map[string]string{"l.jsonl": file(c.l), "r.jsonl": file(c.r)}, map[string]string{"-": file(c.want)})
	}
}
