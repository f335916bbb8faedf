// Command flowrun checks, draws and runs dataflow graphs. See package cli.
package main

import (
	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/cmd/flowrun/early"
	"github.com/flowrun/flowrun/nodes/connect/all"
)

func main() {
	cli.Signals = early.Signals
	cli.Main(all.Nodes)
}
