package flow_test

import (
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// kit runs flows with all kinds that come with flowrun.
var kit = nodetest.New(std.Nodes)
