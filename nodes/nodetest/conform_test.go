package nodetest_test

import (
	"testing"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

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
