package cli

import (
	"os"

	"github.com/spf13/cobra"

	sample "github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web"
)

// This file lets readers of serve try flows that they write.

// trialVerb is the hidden verb that the playground starts for each sample run.
const trialVerb = "trial-worker"

// newPlayground is what serve lets readers do with flows that they write: look, and with
// allowRun run them on samples, each in a process that is this program again.
func newPlayground(root *os.Root, allowRun bool) *web.Playground {
	play := &web.Playground{Root: root}
	if self, err := os.Executable(); err == nil && allowRun {
		play.Try = sample.Child{Command: []string{self, trialVerb}}.Run
	}
	return play
}

// trialWorkerVerb is for the playground alone; see package trial.
func trialWorkerVerb(c *call) *cobra.Command {
	return &cobra.Command{
		Use: trialVerb, Hidden: true, Args: cobra.NoArgs,
		Short: "Run a flow on a sample for the playground",
		RunE:  func(*cobra.Command, []string) error { return sample.Work(c.stdin, bare(c.stdout), c.registry) },
	}
}
