package cli

import (
	"github.com/spf13/cobra"
)

// This file is the verb completion.

func completionVerb(c *call) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:     "completion SHELL",
		GroupID: groupLook,
		Short:   "Print the completion of bash, zsh, fish or powershell",
		Long:    "Prints a script that completes verbs, flags, kinds and flow files in a shell.",
		Example: `  source <(flowrun completion bash)
  flowrun completion zsh > "${fpath[1]}/_flowrun"
  flowrun completion fish > ~/.config/fish/completions/flowrun.fish`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return misuse("completion takes one shell").or("one of bash, zsh, fish, powershell")
			}
			return nil
		},
		RunE: func(verb *cobra.Command, args []string) error {
			root := verb.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.data(), true)
			case "zsh":
				return root.GenZshCompletion(c.data())
			case "fish":
				return root.GenFishCompletion(c.data(), true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(c.data())
			}
			return misuse("there is no completion for %q", args[0]).didYouMean(args[0], shells)
		},
	}
}
