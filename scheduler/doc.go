// Package scheduler runs a graph: one bounded channel per edge, any number of
// workers per node.
//
// Terms. A Run is one execution of a flow. An envelope is what travels on a
// channel: an epoch and data. A worker is a goroutine of a node; it takes a piece
// of work, works on it and leaves what it made; a piece with what came of it is a
// job. The jobs of a node have turns, so that results leave in the order of the
// input however many workers there are: whoever leaves the job whose turn it is
// delivers it, and all behind it that are ready.
//
// Laws.
//  1. Data is immutable once sent, and counted: whoever receives it releases it.
//  2. Only the scheduler ends an edge: by closing its channel after the last
//     worker of the sending node has ended. A reader that wants no more refuses
//     the edge, and what is sent there later is thrown away and counted.
//  3. Items keep their order on an edge. One goroutine at a time sends on it: the
//     one whose turn it is, or, without order, the one that holds the node's send
//     token.
//  4. Output does not depend on the number of workers, on how items are grouped
//     into batches, or on capacities, unless a kind declares that it interleaves.
//  5. Every goroutine that a Run starts has ended when Run returns.
//  6. The books balance: see package metrics.
//
// There are two stops, and they differ: Stop ends the sources and lets everything
// drain; cancelling the context of Run kills, and what is on its way is lost and
// counted as held.
//
// Pause is neither: the sources take nothing more until Resume, and what is on its way
// goes on. A Tap looks at some of the items of an edge; it costs the sender one look
// at a pointer while nobody taps, and never holds the flow up.
//
// Files: run.go builds and runs, node.go drives a node, stage.go its workers, turns.go
// is the order of what they make, crew.go how many they are and elastic.go how many
// they should be, limits.go what bounds the flow as a whole. take.go is how workers take
// their input and keyed.go how they share it by keys; admit.go is what lets items pass
// before that: rate.go and breaker.go; batch.go puts them together, custom.go is what
// programs without stages read by. output.go is where nodes emit, edge.go the channel,
// spill.go its overflow, queue.go what stands in for a channel that cannot keep a
// contract. watch.go finds flows that are stuck, pause.go holds the sources up, tap.go
// shows items and hide.go what of them may be seen, events.go tells what happens.
// serial.go runs the same programs on one goroutine, one item at a time, as the
// baseline and the oracle of tests.
package scheduler
