package expr

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
)

// FuzzCheckAndEval: whatever the text is, it is refused with a place inside it, or
// computed by both evaluators with one result.
func FuzzCheckAndEval(f *testing.F) {
	for _, c := range strings.Split(semantics, "\n") {
		source, _, _ := strings.Cut(strings.TrimSpace(c), "  => ")
		f.Add(source)
	}
	for _, fn := range Functions() {
		f.Add(fn.Example)
		f.Add(fn.Signature)
	}
	for _, s := range []string{"`a b` + ``", "count()", "mean(i) + count(k)", "a ?? b + c", "1..2..3", "let x = 1; x", "#.a", "map(l, {let y = #; y})", "\"\\x", "b'\\xff'", "a /* c */ // d", "$env", "::f()", "f?.[0]", "-9223372036854775808", "{a: {b: 1}}", "[[][0]]"} {
		f.Add(s)
	}
	env := mustType(f, fullType)
	g := &generator{Rand: rand.New(rand.NewPCG(7, 8))}
	batches := []*record.Batch{g.batch(env, 9, true), g.batch(env, 3, false)}
	f.Fuzz(func(t *testing.T, source string) {
		if heavy(source) {
			return
		}
		// Nothing that is small takes more than a moment; a busy machine makes that longer.
		defer time.AfterFunc(5*time.Minute, func() { panic(fmt.Sprintf("hangs at %q", source)) }).Stop()
		var list diag.List
		e := Check(text(source), env, &list)
		inside(t, source, list)
		if e.root != nil {
			for _, b := range batches {
				want, got := eval(e.compile(false), b), eval(e.Compile(), b)
				for i := range want {
					if want[i] != got[i] {
						t.Fatalf("row %d: closures %s, kernels %s\n%s", i, want[i], got[i], rowText(b, i))
					}
				}
			}
		} else if !list.HasErrors() {
			t.Fatal("no type and no problem")
		}
		list = nil
		a := CheckAggregate(text(source), env, &list)
		inside(t, source, list)
		if a.Final.root != nil {
			a.Final.Compile()
		}
	})
}

// heavy tells texts that take their time by right: big ranges and repetitions are
// bounded, but slow for a fuzzer. What now() gives is another thing each time.
func heavy(source string) bool {
	return strings.Contains(source, "now") || strings.Contains(source, "repeat") || strings.Contains(source, "pad") ||
		strings.Count(source, "..") > 1 || strings.Contains(source, "..") && longNumber.MatchString(source)
}

var longNumber = regexp.MustCompile(`\w{4}|[ijk` + "`" + `]`)

// inside checks that problems point into the text.
func inside(t *testing.T, source string, list diag.List) {
	t.Helper()
	lines := strings.Split(source, "\n")
	for _, d := range list {
		if d.Message == "" || d.At.Line < 1 || d.At.Line > len(lines) || d.At.Col < 1 || d.At.Col > len([]rune(lines[d.At.Line-1]))+1 || d.At.Width < 1 {
			t.Fatalf("%q: %s at %d:%d+%d", source, d.Message, d.At.Line, d.At.Col, d.At.Width)
		}
	}
}
