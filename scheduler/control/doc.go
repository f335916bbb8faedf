// Package control decides how fast and by how many a flow works: the rate of a node, its
// circuit breaker, how many workers it has, and the limits of the flow as a whole.
//
//	Bucket      a token bucket: how many items of a rate may pass now
//	Breaker     a circuit breaker: whether a node that keeps failing is to be tried
//	Autoscaler  how many workers the load asks for
//	Gate        so many at work at once, those who ask served in turn
//	Memory      so many bytes for all edges together
//
// Laws.
//  1. Nothing here waits: it says until when, or gives a channel, and the engine waits.
//  2. Nothing here knows a node, a worker or an edge: who has to be told hands over a
//     function or a channel.
//  3. What is called by one goroutine at a time says so; everything else has a lock of its
//     own, which is a leaf: no other one is taken while it is held, but by those that are
//     told (see Breaker).
package control
