package cli

import (
	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/graph/diag"
)

// This file lays out the help, and is the verb help.

// usageTemplate lays out the help of a verb.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} VERB ...{{else}}{{.UseLine}}{{end}}{{if .Aliases}}

Also called:
  {{range $i, $a := .Aliases}}{{if $i}}, {{end}}{{$a}}{{end}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$verbs := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $verbs}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Everywhere:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

Ends with 0 done, 1 failed while running, 2 the flow or the call is wrong,
3 something it needs is unreachable, 130 or 143 stopped by a signal before its end.
{{.CommandPath}} VERB --help says more of a verb.{{end}}
`

// helpVerb is `help VERB`, the same as `VERB --help`.
func helpVerb(c *call) *cobra.Command {
	return &cobra.Command{
		Use:     "help [VERB]",
		GroupID: groupLook,
		Short:   "Say what a verb does",
		Args:    atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.tree.Help()
			}
			for _, known := range c.tree.Commands() {
				if known.Name() == args[0] || known.HasAlias(args[0]) {
					known.InitDefaultHelpFlag()
					return known.Help()
				}
			}
			end := misuse("there is no verb %q", args[0]).or("%s help lists the verbs", c.command)
			if near := diag.Nearest(args[0], verbNames(c.tree)); near != "" {
				end.or("did you mean %q?", near)
			}
			return end
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			for _, known := range c.tree.Commands() {
				if known.IsAvailableCommand() && len(args) == 0 {
					names = append(names, cobra.CompletionWithDesc(known.Name(), known.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
