// Package graph is what a flow is, and how a text becomes one.
//
// Terms. A Flow is a directed acyclic graph. A Node is an instance of a kind and
// has an id. A kind is described by its Spec, which a Catalog knows. A Port is
// where edges begin or end; an Edge leads from one output port to one input port
// and is one bounded channel when the flow runs. Several edges out of one port
// are a broadcast. Load compiles a text by passes, each in a file of its own; see
// `passes` for the list.
//
// Laws.
//  1. Nothing here runs: no goroutine, no clock, no file but those that a kind
//     samples to infer the type of a source.
//  2. Every problem is found in one call. Later passes work on what earlier ones
//     could make sense of, and the error type of package types keeps one mistake
//     from giving many messages.
//  3. A Flow from a Load without errors is acyclic, its nodes are in topological
//     order with ties in the order of the file, every port has a type, every
//     input that must have an edge has one, and bounded queues cannot block each
//     other for good.
//
// A flow as a person writes it:
//
//	flow: late-flights
//	nodes:
//	  flights: {use: file.read, with: {path: flights.csv}}
//	  late:    {use: filter, in: flights, with: {where: delay > 15}, workers: 2}
//	  report:  {use: file.write, in: late, with: {path: late.jsonl}}
package graph
