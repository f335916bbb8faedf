package flowtest

import (
	"bufio"
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// warnings are those of the flow as it stands, with the variables and the standard input
// of the case, which is compiled. What is wrong with it there, such as a file that is not
// there because the case feeds its rows, is left out.
func (c *Case) warnings() diag.List {
	_, found := graph.Load(c.file.src, c.file.kinds, graph.Options{
		Set: c.set, LookupEnv: c.file.options.LookupEnv, Stdin: bufio.NewReaderSize(&stdin{c: c}, 1<<16),
	})
	return slices.DeleteFunc(found, func(d diag.Diagnostic) bool { return d.Severity == diag.Error })
}
