package flowrun_test

import (
	"os"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes/std"
)

// Streams of the wrong type do not compile. What only the check can see is said at
// once, with the line of the program.
func ExampleGraph_Check() {
	g := flowrun.New("wrong", std.Nodes)
	flights := flowrun.Slice(g, "flights", []Flight{{"LAS", 33}})
	late := g.Use("late", "filter", "where: dealy > 15", flights)
	flowrun.Drop(flowrun.As[Airport](late, "airports", flowrun.Workers(0)), "late")
	diag.Print(os.Stdout, g.Check(), diag.Style{})
	// Output:
	// example_check_test.go:16:42: unknown field "dealy" [E301]
	//    16 | 	late := g.Use("late", "filter", "where: dealy > 15", flights)
	//       | 	                                        ^^^^^
	//   hint: did you mean "delay"?
	// example_check_test.go:17:42: airports.in takes Airport, but late.out gives Flight: field "code" is missing [E300]
	//    17 | 	flowrun.Drop(flowrun.As[Airport](late, "airports", flowrun.Workers(0)), "late")
	//       | 	                                        ^^^^^^^^
	//   hint: fields are paired by name: that of the tag `flow` or `json`, else the Go name in snake case
	// example_check_test.go:17:61: want 1 to 10000, got 0 [E103]
	//    17 | 	flowrun.Drop(flowrun.As[Airport](late, "airports", flowrun.Workers(0)), "late")
	//       | 	                                                           ^^^^^^^
	// example_check_test.go:17:75: there are two nodes "late" [E003]
	//    17 | 	flowrun.Drop(flowrun.As[Airport](late, "airports", flowrun.Workers(0)), "late")
	//       | 	                                                                         ^^^^
	//   the first one (example_check_test.go:16:17)
	//    16 | 	late := g.Use("late", "filter", "where: dealy > 15", flights)
	//       | 	               ^^^^
}
