package nodetest_test

import (
	"runtime/debug"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// Runs are many and short, and each of them reads into new memory: collecting it as
// often as in a program would take a third of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	m.Run()
}

// Every kind that comes with flowrun.
func TestStandardKinds(t *testing.T) { nodetest.New(std.Nodes).Conform(t, std.Nodes...) }
