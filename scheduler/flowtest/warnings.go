package flowtest

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// warnings are those of the flow as it stands, with the variables of the case. What is
// wrong with it there, such as a file that the case feeds, is left to those who compile
// the case.
func (c *Case) warnings() diag.List {
	_, found := graph.Load(c.file.src, c.file.kinds, graph.Options{Set: c.set, LookupEnv: c.file.options.LookupEnv})
	return slices.DeleteFunc(found, func(d diag.Diagnostic) bool { return d.Severity == diag.Error })
}
