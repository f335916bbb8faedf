package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// A checkCall is a call of the verb check.
type checkCall struct {
	*call
	set    *assignments
	json   bool
	strict strictness
}

func checkVerb(c *call) *cobra.Command {
	k := &checkCall{call: c}
	verb := &cobra.Command{
		Use:     "check FLOW...",
		Aliases: []string{"lint", "validate"},
		GroupID: groupFlow,
		Short:   "Report everything that is wrong with flows",
		Long: `Compiles flows without running them and reports every problem at once: syntax,
settings, wiring, types, expressions, files that are not there, queues that could
block each other. A folder, or dir/..., stands for all flows below it.

Ends with 2 if there is an error, or with --strict a warning.`,
		Example: `  flowrun check flow.yaml
  flowrun check ./... --strict
  flowrun check flow.yaml --json | jq '.[].code'`,
		Args:              wantFlow(true),
		ValidArgsFunction: completeFlows,
	}
	k.set = settable(verb)
	verb.Flags().BoolVar(&k.json, "json", false, "print the problems as a JSON array on standard output")
	k.strict.flag(verb)
	verb.RunE = func(_ *cobra.Command, args []string) error { return k.check(args) }
	return verb
}

// check says what is wrong with flows and with those in folders.
func (k *checkCall) check(args []string) error {
	paths, err := expand(args)
	if err != nil {
		return err
	}
	all := diag.List{}
	bad := false
	for _, path := range paths {
		flow, list := k.asking().load(path, *k.set)
		all = append(all, list...)
		wrong := k.strict.forbids(list)
		bad = bad || wrong
		if k.json {
			continue
		}
		if err := k.verdict(path, flow, list, wrong); err != nil {
			return err
		}
	}
	if k.json {
		if err := writeJSON(k.stdout, all); err != nil {
			return err
		}
	}
	if bad {
		return said(codeOfProblems(all))
	}
	return nil
}

// verdict prints what is to be said about one flow.
func (k *checkCall) verdict(path string, flow *graph.Flow, list diag.List, wrong bool) error {
	k.print(list)
	if wrong {
		fmt.Fprintln(k.stderr, tally(path, list))
		return nil
	}
	if path == "-" {
		path = stdinName
	}
	text := fmt.Sprintf("%s: %s, %s, %s", path, k.ink(k.stdout).green("ok"), plural(len(flow.Nodes), "node"), plural(len(flow.Edges), "edge"))
	if len(list) > 0 {
		text += ", " + plural(len(list), "warning")
	}
	text += "\n"
	for _, n := range flow.Nodes {
		if n.Sample != nil && !n.Sample.Whole {
			text += fmt.Sprintf("  %s: its type was sampled from %s\n", n.ID, n.Sample.Rows)
		}
	}
	_, err := io.WriteString(k.stdout, text)
	return err
}
