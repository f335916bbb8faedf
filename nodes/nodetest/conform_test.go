package nodetest_test

import (
	"runtime/debug"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// Runs are many and short, and each of them reads into new memory: collecting it as
// often as in a program would take a third of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	m.Run()
}

// Every kind that comes with flowrun; those that are called by somebody are tested in their
// packs, which have who calls. So is exec.write: virtual time stands still while a program
// waits for the flow.
func TestStandardKinds(t *testing.T) {
	called := func(d nodes.Decl) bool {
		return d.Spec.Kind == "exec.write" || slices.ContainsFunc(d.Spec.Examples, func(e graph.Example) bool { return e.Peer != "" })
	}
	nodetest.New(std.Nodes).Conform(t, slices.DeleteFunc(slices.Clone(std.Nodes), called)...)
}
