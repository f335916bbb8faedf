// Package scheduler runs a graph: one bounded queue per edge, any number of workers
// per node. It drives every node in one way: see nodes.Operator.
//
// Terms. A Run is one execution of a flow. An envelope is what travels on an edge. A
// worker is a goroutine of a node; it takes a task, works on it and leaves what it made;
// a task with what came of it is a job. A task is some items of an input, a piece of a
// source, a time that has come or the end of an edge: all of them have a place in the
// order of the input. The jobs of a node that are under way stand in a reorder buffer,
// so that results leave in the order of the input however many workers there are:
// whoever leaves the job whose turn it is delivers it, and all behind it that are ready.
//
// Laws.
//  1. Data is immutable once sent, and counted: whoever receives it releases it.
//  2. Only the scheduler ends an edge, after the last worker of the sending node has
//     ended. A reader that wants no more refuses the edge, and what is sent there later
//     is thrown away and counted.
//  3. Items keep their order on an edge. One goroutine at a time sends on it: the
//     one whose turn it is, or, without order, the one that holds the node's send
//     token.
//  4. Output does not depend on the number of workers, on how items are grouped
//     into batches, or on capacities, unless a kind declares that it interleaves.
//  5. Every goroutine that a Run starts has ended when Run returns.
//  6. The books balance: see package metrics.
//  7. What is due comes before what arrives, and both before the end of an input.
//  8. No worker is idle while another one has items that have not begun, and after a
//     failure or a cancel no further item begins: but for what comes before the item
//     that failed, so that the first failure is the first in the order of the input.
//  9. No lock is held in the code of a kind.
//
// A cut is "up to here" in all streams of a flow at once, drawn without stopping it: so a
// source can be told up to where everything that it gave has been dealt with. An epoch is
// one such cut. The sources are cut where they are, and every node is when its inputs have
// come to the cut: it sends it on and flushes.
//
//	C1. A cut counts as no item. It is never dropped or delayed, and nothing overtakes it
//	    but what waits on an edge that lets it pass.
//	C2. A node meets a cut in a turn: all before it is delivered, with its errors, and
//	    nothing behind it has left. A source is cut where it has taken up to: what it took
//	    before leaves before the cut, however long that takes, and nobody needs to wake it.
//	C3. A node sends a cut on every output, errors included, before anything behind it. So
//	    ways that part and meet again cannot wait for each other.
//	C4. It takes nothing behind the cut of one input until all inputs that have not ended
//	    have come to it.
//	C5. What waits outside of nodes belongs to its edge, and the cut passes by: what is in
//	    a heap, a list or an overflow, in a batch that is being put together, and what was
//	    read over an edge that the operator does not want yet. For a node that refuses an
//	    input for reasons of its own is overruled, and what comes is kept for it.
//	C6. An input that has ended has come to every cut.
//	C7. At each cut, for each edge, sent = received + held + dropped, or the run fails.
//
// A cut that waits for a node which does nothing is given up without harm.
//
// There are two stops, and they differ: Stop ends the sources and lets everything
// drain; cancelling the context of Run kills, and what is on its way is lost and
// counted as held.
//
// Pause is neither: the sources take nothing more until Resume, and what is on its way
// goes on. A Tap looks at some of the items of an edge; it costs the sender one look
// at a pointer while nobody taps, and never holds the flow up.
//
// # Where things are
//
// From the top down; what stands lower knows nothing of what stands above it.
//
//	build.go      makes a run of a flow
//	run.go        a Run: begin, stop, pause, taps, end, report
//	serial.go     the same operators on one goroutine, an item at a time: the baseline, and
//	              the oracle of tests; serial_cut.go cuts it
//	drive.go      a driver: the life of a node, alone or with the workers of a pool
//	pool.go       workers that share what is taken; keyed.go deals it out by keys instead
//	deliver.go    works on a job and delivers it
//	next.go       what a node takes next: what is due (pull.go of a source), a cut (align.go),
//	              items (fetch.go), as the rate and the breaker let them pass (admit.go)
//	elastic.go    how many workers there should be; watch.go finds flows that are stuck
//	epochs.go     says when there is a cut, who has met it, and tells sources (acks.go)
//	topology.go   who leads to whom
//	driver.go     a node with its intake, its order and its staff
//	intake.go     which edges are read, how much at once; inlet.go is one of them
//	order.go      the reorder buffer, of jobs (job.go), and the cuts among them
//	output.go     where a call emits; call.go calls the operator
//	node.go       a node: its operator, its edges, what it counts, how it meets a cut
//	edge.go       an edge; full.go what it does when it is full, brake.go what keeps it from
//	              growing by cuts, rank.go where items go on one that reorders
//	worker.go     a goroutine, and where it waits; workplace.go what those of a node share
//	              holding.go flight.go valve.go batcher.go events.go bell.go errors.go
//	options.go    and life.go
//
// Package queue is what an edge is made of, control how fast and by how many a flow works,
// tap how others look on, metrics what is counted.
//
// # Locks and tokens
//
// A mutex is held for a few steps, never while waiting, sending or in a kind's code.
// Where one is taken while another is held, it is in this order; all others are taken
// alone.
//
//	Run.mu        -> valve.mu, tap.Set.mu
//	tap.Set.mu    -> Tap.mu
//	order.mu      -> epochs.mu, that of a queue (of a source that is cut)
//	epochs.mu     -> brake.mu
//
// A token is a channel with room for one, which may be held for long; a mutex held so
// would stop virtual time. They are taken in this order:
//
//	pool.take     taking, and the intake with it; serial calls never need it
//	serialToken   a call of the serial part, where no order sees to it
//	pacing        sending at the rate of a source
//	sendToken     sending, where no order sees to it
//	serial.turn   calling operators in a serial run: the run's goroutine has it but while it
//	              waits, whoever coordinates the cuts takes it then
package scheduler
