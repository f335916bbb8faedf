//go:build !gc || !go1.26 || go1.27 || vizstart_eager

package vizstart

// This file is for a Go whose way to initialise packages is not known here: go-graphviz
// starts with the program.

// restore puts back the TMPDIR that the program was started with.
var restore func()

func init() { restore = withFolder() }

// Ready is called when go-graphviz is initialised, by the init of whoever imports both.
func Ready() { restore() }

// Start is for other versions of Go.
func Start() {}
