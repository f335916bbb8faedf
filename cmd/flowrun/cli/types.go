package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the verb types.

func typesVerb(c *call) *cobra.Command {
	var json, pin bool
	verb := &cobra.Command{
		Use:     "types FLOW",
		GroupID: groupFlow,
		Short:   "Show the type on every port, and where each field came from",
		Long: `Shows what every port of every node carries: its type, for each field of a record
what introduced it, and whether a later node reads it. Fields that nobody reads
are not carried at run time.

The type of a source that was sampled is printed as it can be pasted under
"types:", so that later runs do not depend on the sample. Of a flow with errors
the types are shown that could be told.

With --pin, types that a database was asked for are written into the flow, as the
setting "as" of their nodes: then check asks nobody, and the flow also compiles
where it may not. Comments and layout stay.`,
		Example: `  flowrun types flow.yaml
  flowrun types flow.yaml --pin
  flowrun types flow.yaml --json | jq '.nodes[] | {id, out}'`,
		Args:              wantFlow(false),
		ValidArgsFunction: completeFlows,
	}
	set := settable(verb)
	verb.Flags().BoolVar(&json, "json", false, "print JSON")
	verb.Flags().BoolVar(&pin, "pin", false, "write types that a database was asked for into the flow")
	verb.RunE = func(_ *cobra.Command, args []string) error {
		flow, list := c.asking().load(args[0], *set)
		if pin && !list.HasErrors() {
			return c.pin(args[0], flow)
		}
		if json {
			if err := writeJSON(c.stdout, typesOf(flow, list)); err != nil {
				return err
			}
		} else {
			c.print(list)
			if flow != nil {
				if err := writeTypes(c.stdout, typesOf(flow, nil), c.ink(c.stdout)); err != nil {
					return err
				}
			}
		}
		if list.HasErrors() {
			if !json {
				fmt.Fprintln(c.stderr, tally(args[0], list))
			}
			return said(codeOfProblems(list))
		}
		return nil
	}
	return verb
}

// The JSON of `types --json`.
type (
	flowTypes struct {
		Flow     string      `json:"flow"`
		Nodes    []nodeTypes `json:"nodes"`
		Problems diag.List   `json:"diagnostics,omitempty"`
	}
	nodeTypes struct {
		ID   string    `json:"id"`
		Kind string    `json:"kind"`
		In   []inType  `json:"in"`
		Out  []outType `json:"out"`
	}
	inType struct {
		Port string `json:"port"`
		From string `json:"from"` // node.port
		Type string `json:"type"`
	}
	outType struct {
		Port     string      `json:"port"`
		Type     string      `json:"type"`
		Expanded string      `json:"expanded,omitempty"` // what a declared name stands for
		To       []string    `json:"to,omitempty"`       // node.port
		Fields   []fieldType `json:"fields,omitempty"`
		Declare  string      `json:"declare,omitempty"` // YAML for `types:`, of a sampled source
		Sampled  string      `json:"sampled,omitempty"` // from which data the type was inferred
		Unread   string      `json:"unread,omitempty"`  // whether fields that nobody reads are checked to be of their type: checked, unchecked
	}
	fieldType struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		Origin origin `json:"origin"`
		Read   bool   `json:"read"`
	}
	origin struct {
		How  string `json:"how,omitempty"`
		Node string `json:"node,omitempty"`
		File string `json:"file,omitempty"`
		Line int    `json:"line,omitempty"`
		Col  int    `json:"column,omitempty"`
	}
)

// typesOf collects the types of a flow, which may have errors or be nil.
func typesOf(flow *graph.Flow, list diag.List) *flowTypes {
	all := &flowTypes{Nodes: []nodeTypes{}, Problems: list}
	if flow == nil {
		return all
	}
	all.Flow = flow.Name
	for _, n := range flow.Nodes {
		t := nodeTypes{ID: n.ID, Kind: n.Kind, In: []inType{}, Out: []outType{}}
		for _, in := range n.In {
			for _, e := range in.Edges {
				t.In = append(t.In, inType{in.Name, e.From.ID + "." + e.FromPort.Name, typeText(e.Type)})
			}
		}
		for _, out := range n.Out {
			if out.Name == graph.ErrorPort && len(out.Edges) == 0 {
				continue
			}
			t.Out = append(t.Out, outputType(n, out))
		}
		all.Nodes = append(all.Nodes, t)
	}
	return all
}

func outputType(n *graph.Node, out *graph.Output) outType {
	t := outType{Port: out.Name, Type: typeText(out.Carries)}
	for _, e := range out.Edges {
		t.To = append(t.To, e.To.ID+"."+e.ToPort.Name)
	}
	if out.Carries == nil {
		return t
	}
	if out.Carries.Name != "" {
		t.Expanded = out.Carries.Expanded()
	}
	sampled := false
	for _, f := range out.Carries.Fields {
		o := f.Origin
		field := fieldType{f.Name, typeText(f.Type), origin{How: o.How, Node: o.Node, Line: o.At.Line, Col: o.At.Col}, out.Needed.Has(f.Name)}
		if o.At.Source != nil {
			field.Origin.File = o.At.Source.Name
		}
		t.Fields = append(t.Fields, field)
		sampled = sampled || strings.HasPrefix(o.How, "sampled")
	}
	if sampled && len(n.In) == 0 && out.Carries.Name == "" {
		t.Declare = declaration(typeName(n.ID), out.Carries)
		if n.Sample != nil {
			t.Sampled = n.Sample.Rows
		}
	}
	if v, ok := n.Config.(graph.Validator); ok && out.Carries.IsRecord() && slices.ContainsFunc(t.Fields, func(f fieldType) bool { return !f.Read }) && out.Name != graph.ErrorPort {
		t.Unread = "unchecked"
		if v.ValidatesUnread() {
			t.Unread = "checked"
		}
	}
	return t
}

// typeText writes a type; one that is not known is "unknown".
func typeText(t *types.Type) string {
	if t == nil || t.Kind == types.KindError {
		return "unknown"
	}
	return t.String()
}

// typeName makes the name of a type from that of a node: airports_2 gives
// Airports2.
func typeName(id string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(id, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// declaration writes a record type as YAML for `types:`, a line for each field.
func declaration(name string, t *types.Type) string {
	var b strings.Builder
	b.WriteString(name + ":\n")
	for _, f := range t.Fields {
		fmt.Fprintf(&b, "  %s: %s\n", yamlWord(f.Name), yamlWord(f.Type.String()))
	}
	if t.Open {
		b.WriteString("  ...:\n")
	}
	return b.String()
}

// yamlWord writes a text as a YAML scalar, which is read as this text whatever
// YAML makes of words such as yes and 1.5.
func yamlWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || '0' <= r && r <= '9'
	}
	word := strings.TrimSuffix(s, "?")
	switch strings.ToLower(word) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n", "":
		return "'" + s + "'"
	}
	if strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 && (word[0] < '0' || word[0] > '9') {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// maxTypeText bounds a type that is shown on a line of its own, in characters;
// its fields stand in the table below.
const maxTypeText = 72

// writeTypes prints the types for people.
func writeTypes(w io.Writer, all *flowTypes, on ink) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", on.bold(all.Flow), plural(len(all.Nodes), "node"))
	for _, n := range all.Nodes {
		fmt.Fprintf(&b, "\n%s %s\n", on.bold(n.ID), on.dim("("+n.Kind+")"))
		longest := 0
		for _, in := range n.In {
			longest = max(longest, cellsOf(in.Port))
		}
		for _, out := range n.Out {
			longest = max(longest, cellsOf(out.Port))
		}
		port := func(name, typ, to string) {
			fmt.Fprintf(&b, "  %s%s  %s  %s\n", name, strings.Repeat(" ", longest-cellsOf(name)), on.blue(fit(typ, maxTypeText)), on.dim(to))
		}
		for _, in := range n.In {
			port(in.Port, in.Type, "from "+in.From)
		}
		for _, out := range n.Out {
			to := "read by nobody"
			if len(out.To) > 0 {
				to = "to " + strings.Join(out.To, ", ")
			}
			port(out.Port, out.Type, to)
			writeFields(&b, n.ID, out.Fields, on)
			if out.Unread == "unchecked" {
				fmt.Fprintf(&b, "      %s\n", on.dim("# a value of a field that is not read need not be of its type; `validate: all` on the node checks them, too"))
			}
			writeDeclaration(&b, out.Declare, out.Sampled, on)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeDeclaration offers the type of a sample to be pasted.
func writeDeclaration(b *strings.Builder, text, sampled string, on ink) {
	if text == "" {
		return
	}
	name, _, _ := strings.Cut(text, ":")
	if sampled != "" {
		sampled = " from " + sampled
	}
	fmt.Fprintf(b, "      %s\n", on.dim("# sampled"+sampled+"; to pin it, paste this under `types:` and write `as: "+name+"` on the node"))
	for line := range strings.Lines(text) {
		b.WriteString("      " + line)
	}
}

// writeFields lists the fields of an output of a node.
func writeFields(b *strings.Builder, node string, fields []fieldType, on ink) {
	t := &table{heads: []head{{text: "field"}, {text: "type"}, {text: "read"}, {text: "from"}}}
	for _, f := range fields {
		read, from := "yes", f.Origin.How
		if !f.Read {
			read = "no"
		}
		if f.Origin.Node != "" && f.Origin.Node != node {
			from = f.Origin.Node + ": " + from
		}
		if f.Origin.Line > 0 {
			from += fmt.Sprintf(" (%s:%d:%d)", f.Origin.File, f.Origin.Line, f.Origin.Col)
		}
		row := plainRow(f.Name, fit(f.Type, maxTypeText), read, from)
		if !f.Read {
			row[2].paint = on.dim
		}
		t.add(row...)
	}
	if len(fields) == 0 {
		return
	}
	for _, line := range t.lines("      ", 0, on) {
		b.WriteString(line + "\n")
	}
}
