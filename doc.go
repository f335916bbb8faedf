// Package flowrun builds and runs dataflow graphs from Go: the engine that runs flow
// files, over plain functions and structs. It gives a program workers, order, bounded
// memory, retries and exact counts, and the program gives it functions.
//
//	g := flowrun.New("delays")
//	numbers := flowrun.Slice(g, "numbers", []int{3, 40, -5, 90})
//	late := flowrun.Filter(numbers, "late", func(d int) bool { return d > 15 })
//	texts := flowrun.Map(late, "texts", func(_ context.Context, d int) (string, error) {
//		return fmt.Sprintf("%d minutes", d), nil
//	}, flowrun.Workers(4))
//	out := flowrun.Collect(texts, "out")
//	report, err := g.Run(ctx)
//
// # Terms
//
// A [Graph] is a flow that a program builds. A [Stream] is the output of a node
// and has the type of its items; giving it to several functions is a broadcast.
// [Records] is the output of a node of the catalogue, which has the kinds that flow
// files use. Structs are records there, by their fields: time.Time is a time, [Date] a
// date, a pointer what may be null. Every node has an id, unique in its graph, by which reports and
// errors call it. Nothing runs before [Graph.Run].
//
// # Nodes
//
//   - Sources: [Slice], [Seq], [Chan], [Func], [ReadFrom] for what can go on where it
//     ended, and [Push] for items that the program submits.
//   - One item at a time, on any number of workers: [Map], [Apply], [Filter], [FlatMap],
//     [Fork], [Split].
//   - In the order of the input, with state: [Fold], [Reduce], [Scan], [Batch], [Limit].
//   - Several streams: [Join], [OuterJoin], [SemiJoin], [AntiJoin], [Zip], [Connect],
//     [Merge], [Concat].
//   - Sinks: [Collect], [Each], [Write], [WriteTo], [Drop].
//   - Items that failed: [Failures] as Go values, [Errors] as any node tells of them.
//   - The catalogue: [Graph.Use] and [As].
//
// Most take options: how many workers the node has ([Workers], [ElasticWorkers]), what becomes of items that fail ([OnError], [Retry], [Timeout],
// [Breaker]), how fast it goes ([Rate]), what the edges that it reads hold ([Capacity],
// [OnFull]). One that has no effect on a node is a warning of [Graph.Check].
//
// All of them are made of the adapters of package nodes, which the kinds of a program's
// own are made of, too.
//
// # Laws
//
//  1. Items keep their order on every edge and through every node, with any number
//     of workers, unless the node is a Merge, a Connect, a sink with several calls in
//     flight, or says [Unordered].
//  2. Between two nodes there is one bounded queue. A full one makes the sender
//     wait: memory is bounded, except where a node says that it holds items.
//  3. What a function is given is its own to keep, but what it points to is shared
//     with every other reader of the stream and must not be changed. Slices given
//     to Write are the exception: they must not be kept.
//  4. A panic or an error of a function is that of the item, which leaves nothing
//     behind. It does not stop its neighbours; [OnError] says whether it stops the flow.
//     If it does, or the run is cancelled, no further item begins; those that are under
//     way end.
//  5. When Run returns, every goroutine it started has ended. A function that is under
//     way is waited for: one that waits should look at its context.
//  6. A graph cannot have a cycle, for a stream is made before it is read. What
//     the compiler cannot see is found by [Graph.Check], all at once, with the line
//     of the program: ids that are taken, records that do not fit, queues that
//     could block each other for good. Run checks first.
//
// # Packages
//
// These are meant for other programs:
//
//   - this one, to build graphs in Go;
//   - nodes, to write kinds of nodes; nodes/std and the packs that it lists, to have those
//     that there are; nodes/nodetest, to test one's own;
//   - graph, to load and check flow files, with graph/types, the types of items,
//     graph/record, items in columns, and graph/diag, messages with their places;
//   - graph/config and graph/expr, which authors of kinds meet in their settings: values of
//     YAML with their places, and expressions over the fields of items;
//   - scheduler, to run what graph has loaded, and scheduler/metrics, to report on it;
//   - web, the page over a run; cmd/flowrun/cli, the command with kinds of one's own.
//
// All others are parts of these, and change without notice, also where they can be
// imported.
package flowrun
