// Package early listens to signals while the packages of a program are initialised, which
// takes a tenth of a second, and more on a busy machine: one that comes then is for the
// run that is about to begin, which reports that it was stopped.
//
//	import "github.com/flowrun/flowrun/cmd/flowrun/early"
//
//	func main() {
//		cli.Signals = early.Signals
//		cli.Main(std.Nodes)
//	}
//
// Packages that are ready are initialised in the order of their paths, and this one needs
// hardly more than the standard library.
package early

import (
	"os"
	"os/signal"

	"github.com/flowrun/flowrun/cmd/flowrun/internal/stopsignal"
)

// Signals are those that stop a flow and have come since the program began.
var Signals = listen()

func listen() chan os.Signal {
	c := make(chan os.Signal, 2)
	signal.Notify(c, stopsignal.All()...)
	return c
}
