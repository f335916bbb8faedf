package sql

import (
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes, Nodes)

func TestKinds(t *testing.T) { kit.Conform(t, Nodes...) }
