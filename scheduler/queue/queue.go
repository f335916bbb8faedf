// Package queue has what an edge may be made of: a bounded channel, a log that spills
// to a file, a list that can drop, a heap that lets items leave in another order.
//
// Terms. An Envelope is data on its way, with what the edge knows of it. A Mark is a place
// among envelopes. A Queue
// stores envelopes between one sender and one reader. It knows records, and nothing
// of edges, nodes or runs: who waits, who is woken, what is counted and what happens
// when there is no room is for the edge.
//
// Laws.
//  1. One goroutine at a time puts, one at a time takes; the two may run at once.
//  2. Neither Put nor Take waits.
//  3. What was put comes out once, whole or in parts, or is released by Close.
//  4. Envelopes keep their order, but for those of a Heap.
//  5. What was put behind a mark is not taken before the reader has come to the mark.
//
// Example.
//
//	q := queue.NewChannel(64)
//	q.Put(queue.Envelope{Data: batch, Items: batch.Len()})
//	env, ok := q.Take(false, 0)
package queue

import (
	"time"

	"github.com/flowrun/flowrun/graph/record"
)

// An Envelope is what travels on an edge. It is not generic: only the code at the
// two ends of an edge knows what the data holds. Whoever has the envelope owns a
// reference to the data.
type Envelope struct {
	Data  record.Data
	Items int
	Bytes int
	Order *[]Rank       // where the items go in a Heap; else nil. Small: each slot of a Channel has one
	Sent  time.Duration // when it was sent, since the run began
}

// A Queue is the store of an edge.
type Queue interface {
	// Full reports whether there is no slot for another envelope. Only a Take makes one.
	Full() bool
	// Put stores an envelope, of a queue that is not full.
	Put(env Envelope)
	// Take gives the next envelope that is ready. A queue that makes batches of single
	// items puts at most most of them into one. In a hurry nothing waits for its time.
	Take(hurry bool, most int) (env Envelope, ok bool)
	// Due is when something that waits for its time will be ready; zero: nothing does.
	Due() time.Time
	// Err says why nothing more can be taken although something was put, nil if that is
	// not so.
	Err() error
	// Mark puts a mark behind what was put, for the reader. It takes no room. One that the
	// reader has not come to is replaced. Whoever may put may mark.
	Mark(m Mark)
	// Marked gives the mark if the reader has come to it, once. Until then Take gives
	// nothing that was put behind it. Whoever may take may ask.
	Marked() (m Mark, ok bool)
	// Close releases what is left.
	Close()
}
