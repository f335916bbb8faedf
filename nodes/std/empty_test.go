package std_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// Every kind can be checked while its settings are not written yet, as in an
// editor: what is required is reported, and nothing panics.
func TestKindsWithoutSettings(t *testing.T) {
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range registry.Kinds() {
		spec, _ := registry.Spec(kind)
		for _, with := range []string{"", "with: {}", "with: null", "with: {on: a, by: a, set: {a: b}, where: 1, for: x, id: a}"} {
			var b strings.Builder
			b.WriteString("nodes:\n  s: {use: generate}\n  k:\n    use: " + kind + "\n")
			if len(spec.In) > 0 {
				b.WriteString("    in:\n")
				for _, p := range spec.In {
					b.WriteString("      " + p.Name + ": s\n")
				}
			}
			if with != "" {
				b.WriteString("    " + with + "\n")
			}
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%s with %q: %v", kind, with, p)
					}
				}()
				graph.Load(diag.NewSource("empty.yaml", []byte(b.String())), registry, graph.Options{})
			}()
		}
	}
}
