package cli

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/diff"
	"github.com/flowrun/flowrun/graph/render"
)

// A diffCall is a call of the verb diff.
type diffCall struct {
	*call
	set      *assignments
	output   string
	format   string
	json     bool
	exitCode bool
}

func diffVerb(c *call) *cobra.Command {
	d := &diffCall{call: c}
	verb := &cobra.Command{
		Use:     "diff OLD NEW",
		GroupID: groupFlow,
		Short:   "Say or draw what differs between two versions of a flow",
		Long: `Compares two versions of a flow: which nodes and edges came, went, changed or were
renamed, which settings, from what to what, and which types follow. Nodes are the
same by their id; one whose id alone changed is said to be renamed. Of the two
versions one may be - for standard input.

Without -o the differences are printed. With -o both versions are drawn as one
picture, what differs marked by colour, sign and word, the rest faint. The exit
code is 0 whether or not there is a difference; --exit-code makes it 1 if there is
one. A flow with errors is not compared: its problems are printed, and the exit
code is 2.`,
		Example: `  flowrun diff before.yaml after.yaml
  flowrun diff before.yaml after.yaml -o change.svg
  git show HEAD:flow.yaml | flowrun diff - flow.yaml --exit-code`,
		Args:              wantTwoFlows,
		ValidArgsFunction: completeFlows,
	}
	d.set = settable(verb)
	f := verb.Flags()
	f.StringVarP(&d.output, "output", "o", "", "draw the difference into a `FILE`; - is standard output")
	f.StringVar(&d.format, "format", "", "svg, png, dot or mermaid (default: by the name of the output)")
	f.BoolVar(&d.json, "json", false, "print the differences as JSON")
	f.BoolVar(&d.exitCode, "exit-code", false, "end with 1 if there is a difference")
	verb.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"svg", "png", "dot", "mermaid"}, cobra.ShellCompDirectiveNoFileComp))
	verb.RunE = func(_ *cobra.Command, args []string) error { return d.diff(args[0], args[1]) }
	return verb
}

// diff says or draws what differs.
func (d *diffCall) diff(old, new string) error {
	if d.format != "" && d.output == "" {
		d.output = "-"
	}
	if d.json && d.output != "" {
		return misuse("--json prints the differences, -o draws them: one at a time")
	}
	found, err := d.compare(old, new)
	if err != nil {
		return err
	}
	switch {
	case d.output != "":
		err = d.draw(found)
	case d.json:
		err = writeJSON(d.stdout, found)
	default:
		err = found.Write(d.stdout, d.ink(d.stdout).mark)
	}
	if err == nil && d.exitCode && !found.Equal() {
		return said(codeFailed)
	}
	return err
}

// wantTwoFlows wants two flows, of which one may come from standard input.
func wantTwoFlows(verb *cobra.Command, args []string) error {
	switch {
	case len(args) != 2:
		return misuse("%s compares two flows, got %s", verb.Name(), plural(len(args), "argument")).or("%s OLD NEW", verb.CommandPath())
	case args[0] == "-" && args[1] == "-":
		return misuse("standard input can be one of the two flows only")
	}
	return nil
}

// compare loads two flows, which must be right, and compares them. The problems of
// both are printed.
func (d *diffCall) compare(old, new string) (*diff.Diff, error) {
	var flows [2]*graph.Flow
	var wrong diag.List
	oldText, oldTrouble := d.loader().source(old)
	newText, newTrouble := d.loader().source(new)
	texts, troubles := []*diag.Source{oldText, newText}, []diag.List{oldTrouble, newTrouble}
	for i, path := range []string{old, new} {
		flow, list := (*graph.Flow)(nil), troubles[i]
		if src := texts[i]; src != nil {
			flow, list = d.wondering().compile(src, concerning(*d.set, src, texts[1-i]), nil)
		}
		if list.HasErrors() {
			d.print(list)
			fmt.Fprintf(d.stderr, "%s; nothing was compared\n", tally(path, list))
			wrong = append(wrong, list...)
		}
		flows[i] = flow
	}
	if len(wrong) > 0 {
		return nil, said(codeOfProblems(wrong))
	}
	return diff.Compare(flows[0], flows[1]), nil
}

// concerning leaves out what is set for the other version alone: a variable often
// comes with the change. What neither mentions stays, and is told of.
func concerning(set map[string]string, src, other *diag.Source) map[string]string {
	mentions := func(s *diag.Source, name string) bool { return s != nil && bytes.Contains(s.Text, []byte(name)) }
	kept := map[string]string{}
	for name, value := range set {
		if mentions(src, name) || !mentions(other, name) {
			kept[name] = value
		}
	}
	return kept
}

// draw draws both versions as one.
func (d *diffCall) draw(found *diff.Diff) error {
	how, err := d.drawer(d.format, d.output, "change.png")
	if err != nil {
		return err
	}
	return how.draw(render.FromDiff(found))
}
