// Package flowtest reads files that say how a flow must behave, and runs them.
//
// Terms. A test file, NAME_test.yaml, stands beside the flow NAME.yaml and has
// cases. A case feeds sources or inputs with items, stubs nodes, makes nodes fail
// on purpose, runs the flow once and expects items on ports, files, an end and a
// duration. A step of a feed is an item, a pause, a bad item or a failure. A watch is
// a node that keeps what a port gives; a tap keeps what arrives at a sink. A
// difference is one thing that did not come as expected, with its place in the file.
//
// Laws.
//  1. The flow under test is the flow of the file: it is compiled from its own text,
//     and only nodes that a case names, and sinks, are exchanged. Nothing in the
//     scheduler knows of tests.
//  2. What is fed and expected has the type of its port. Everything that is wrong
//     in a file is found before any of its cases runs.
//  3. A case writes nothing outside a folder of its own, unless it says so. Sinks
//     that write a file (they have a setting `path`) write it there; other sinks
//     keep their items and do nothing.
//  4. Time is virtual: it moves when every goroutine of the run waits for it, so
//     hours pass at once and durations are exact. So that they can be foretold, waits
//     between tries have no jitter. A case with `clock: real` runs by the clock on the
//     wall.
//  5. A case leaves no goroutine behind, unless it had to be given up after its
//     time on the wall.
//
// How it works: graph.Load hands over the tree of the flow (Options.Edit) before it
// compiles it. The case exchanges the kinds of some nodes there for kinds of this
// package and adds watches; so wiring, types and needs are those of the compiler, and
// its messages point into the test file where the case wrote something.
//
//	file, problems := flowtest.Load(src, registry, flowtest.Options{})
//	for _, c := range file.Cases {
//		result := c.Run()
//	}
package flowtest
