package cli

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file writes flows of kinds in a row, for the verb new.

// starters are settings of kinds that fit the starter data.
var starters = map[string]string{
	"file.read":  "path: NAME.csv",
	"file.write": "path: NAME-result.jsonl",
	"filter":     "where: amount >= 20",
	"map":        "set: {total: amount * quantity}",
	"group":      "by: [customer]\nset: {orders: count(), spent: sum(amount)}",
	"sort":       "by: [-amount]",
	"unique":     "by: [customer]",
	"route":      "cases: {large: amount >= 20}",
}

// A chain writes flows of kinds that read each other.
type chain struct{ registry *nodes.Registry }

// write gives the text of a flow of some kinds.
func (c chain) write(name string, kinds []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# PROGRAM nodes KIND explains the settings of a kind.\n\nflow: %s\n\nnodes:\n", name)
	ids := map[string]int{}
	source := ""
	for i, kind := range kinds {
		spec, _ := c.registry.Spec(kind)
		id := nodeID(kind)
		if ids[id]++; ids[id] > 1 {
			id = fmt.Sprintf("%s_%d", id, ids[id])
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "  # %s\n  %s:\n    use: %s\n", spec.Summary, id, kind)
		writeIn(&b, spec, source)
		writeWith(&b, spec)
		source = c.outputOf(b.String(), id)
	}
	return b.String()
}

// nodeID makes an id from a kind: file.read gives read.
func nodeID(kind string) string {
	id := kind[strings.LastIndexByte(kind, '.')+1:]
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(id))
}

// writeIn wires the first input of a kind and leaves the others to be filled in.
func writeIn(b *strings.Builder, spec *graph.Spec, source string) {
	if source == "" {
		source = "SOURCE"
	}
	switch len(spec.In) {
	case 0:
	case 1:
		fmt.Fprintf(b, "    in: %s\n", source)
	default:
		b.WriteString("    in:\n")
		for i, p := range spec.In {
			if i > 0 {
				source = "SOURCE"
			}
			fmt.Fprintf(b, "      %s: %s\n", p.Name, source)
		}
	}
}

// writeWith writes the settings of a kind: those that are known to fit, or those
// of its example, or what is required; the others as comments.
func writeWith(b *strings.Builder, spec *graph.Spec) {
	fields := spec.Config.Fields()
	if len(fields) == 0 {
		return
	}
	b.WriteString("    with:\n")
	known := starters[spec.Kind]
	for line := range strings.Lines(known) {
		fmt.Fprintf(b, "      %s\n", strings.TrimRight(line, "\n"))
	}
	for _, f := range fields {
		if strings.Contains(f.Name, ".") || strings.HasPrefix(known, f.Name+":") || strings.Contains(known, "\n"+f.Name+":") {
			continue
		}
		if f.Required {
			fmt.Fprintf(b, "      %s: FILL_IN # %s: %s\n", f.Name, f.Type, f.Doc)
			continue
		}
		preset := f.Default
		if preset != "" {
			preset = " " + preset
		}
		fmt.Fprintf(b, "      # %s:%s # %s: %s\n", f.Name, preset, f.Type, f.Doc)
	}
}

// outputOf names the output of a node that the next one reads: its out, or the
// first of those that its settings make.
func (c chain) outputOf(text, id string) string {
	flow, _ := graph.Load(diag.NewSource("new", []byte(text)), c.registry, graph.Options{})
	if flow == nil {
		return id
	}
	n := flow.Node(id)
	if n == nil || n.Output("out") != nil || len(n.Out) < 2 {
		return id
	}
	return id + "." + n.Out[0].Name
}
