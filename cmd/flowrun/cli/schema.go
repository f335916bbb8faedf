package cli

import (
	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// This file is the verb schema.

func schemaVerb(c *call) *cobra.Command {
	var tests bool
	verb := &cobra.Command{
		Use:     "schema",
		GroupID: groupLook,
		Short:   "Print the JSON Schema of flow files, for editors",
		Long: `Prints a JSON Schema (draft 2020-12) of flow files with all kinds that this
program knows, or of test files. An editor with a YAML language server uses it by a
first line

  # yaml-language-server: $schema=flow.schema.json`,
		Example:           "  flowrun schema > flow.schema.json\n  flowrun schema --tests > test.schema.json",
		Args:              atMost(0),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if tests {
				return writeJSON(c.stdout, flowtest.JSONSchema())
			}
			return writeJSON(c.stdout, graph.JSONSchema(c.registry))
		},
	}
	verb.Flags().BoolVar(&tests, "tests", false, "that of test files, *"+flowtest.Suffix)
	return verb
}
