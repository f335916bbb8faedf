// Package advise predicts how fast a flow can be, says what bounds it, and proposes
// what to change.
//
// Terms. A Model says what an item of the sources costs at each node. The span is
// the time between two items of the sources when the flow runs as fast as it can, so
// its inverse is the rate. A bound is what makes the span as long as it is. The rest
// is the part of a measured run that no bound explains: the start, the end, inputs
// that are read one after the other.
//
// The law is that of operational analysis (Denning and Buzen, The Operational
// Analysis of Queueing Network Models, 1978): no flow is faster than any of its
// parts, so with B the time that a node is busy for an item of the sources, S the
// part of it that one worker at a time does, w its workers and C the processor time
// of everything together,
//
//	span = max( max over nodes of max(B/w, S),  C/cores,  sum of B / limits.workers )
//
// and no shorter than a rate allows. Bounded queues let a flow come near: the slowest
// part never waits for the others for long. Workers share the cores: a node that
// computes gains from more of them no more than the cores that are free, one that
// waits gains until the next part bounds.
//
// Laws.
//  1. Nothing here runs, reads a file or looks at a clock.
//  2. All times of a Model are nanoseconds for each item of the sources, whichever
//     source it came from.
//  3. What was not measured or given is not guessed: a node without a cost bounds
//     nothing.
//
// An example: one node that waits 3 ms for each item, on one worker.
//
//	m, err := advise.New(flow, advise.Options{Wait: map[string]time.Duration{"lookup": 3 * time.Millisecond}})
//	m.Predict().Rate    // 333 a second, bound by lookup
//	m.Propose(64)       // lookup: 64 workers
package advise
