package nodetest_test

import (
	"runtime/debug"
	"testing"

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

func standard(t testing.TB) *nodes.Registry {
	t.Helper()
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

// Every kind that comes with flowrun.
func TestStandardKinds(t *testing.T) { nodetest.ConformAll(t, standard(t)) }
