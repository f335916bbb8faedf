package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

func (c *call) checkVerb() *cobra.Command {
	var json bool
	var strict strictness
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
	set := settable(verb)
	verb.Flags().BoolVar(&json, "json", false, "print the problems as a JSON array on standard output")
	strict.flag(verb)
	verb.RunE = func(_ *cobra.Command, args []string) error {
		paths, err := expand(args)
		if err != nil {
			return err
		}
		all := diag.List{}
		bad := false
		for _, path := range paths {
			flow, list := c.load(path, *set)
			all = append(all, list...)
			wrong := strict.forbids(list)
			bad = bad || wrong
			if json {
				continue
			}
			if err := c.verdict(path, flow, list, wrong); err != nil {
				return err
			}
		}
		if json {
			if err := writeJSON(c.stdout, all); err != nil {
				return err
			}
		}
		if bad {
			return said(codeMisuse)
		}
		return nil
	}
	return verb
}

// verdict prints what is to be said about one flow.
func (c *call) verdict(path string, flow *graph.Flow, list diag.List, wrong bool) error {
	c.print(list)
	if wrong {
		fmt.Fprintln(c.stderr, tally(path, list))
		return nil
	}
	if path == "-" {
		path = stdinName
	}
	text := fmt.Sprintf("%s: %s, %s, %s", path, c.ink(c.stdout).green("ok"), plural(len(flow.Nodes), "node"), plural(len(flow.Edges), "edge"))
	if len(list) > 0 {
		text += ", " + plural(len(list), "warning")
	}
	_, err := fmt.Fprintln(c.stdout, text)
	return err
}
