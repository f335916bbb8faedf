// Package std lists all packs that come with flowrun. A program with kinds of its own
// adds its packs to these:
//
//	func main() { cli.Main(std.Nodes, mine.Nodes) }
package std

import (
	"slices"

	"github.com/flowrun/flowrun/nodes/exec"
	"github.com/flowrun/flowrun/nodes/file"
	"github.com/flowrun/flowrun/nodes/flow"
	"github.com/flowrun/flowrun/nodes/http"
	"github.com/flowrun/flowrun/nodes/join"
	"github.com/flowrun/flowrun/nodes/socket"
	"github.com/flowrun/flowrun/nodes/timing"
	"github.com/flowrun/flowrun/nodes/window"
)

// Nodes are the kinds of all packs.
var Nodes = slices.Concat(exec.Nodes, file.Nodes, flow.Nodes, http.Nodes, join.Nodes, socket.Nodes, timing.Nodes, window.Nodes)
