// Package window is the pack of kinds that bring items together by time: window,
// within spans of one stream; window_join, across two; and gather, the parts of one
// whole.
//
// Terms. Event time is the time at which an item says that it happened; it is a field,
// and has nothing to do with the clock. A window is a span of event time: it includes
// its start and excludes its end. The watermark is the time up to which everything is taken
// to have come: the greatest time seen, less the lateness that the flow allows. A
// window is closed when the watermark reaches its end; an item that comes later is
// late.
//
// For example, windows of 10 minutes with a lateness of 3 minutes:
//
//	arrives   watermark  what happens
//	10:01 a   09:58      begins the window 10:00 to 10:10
//	10:08 b   10:05
//	10:12 c   10:09      begins 10:10 to 10:20; 10:00 to 10:10 stays open
//	10:09 d   10:09      out of order, but in time: it is in 10:00 to 10:10
//	10:13 e   10:10      closes 10:00 to 10:10, with a, b and d
//	10:07 f   10:10      late: it leaves by the port late
//	10:11 g   10:10      out of order, in time: it is in 10:10 to 10:20
//	the end              closes 10:10 to 10:20, with c, e and g
//
// With two inputs, each has a watermark of its own and the lesser one counts: had
// e come on the other input, where nothing was seen before but 10:04, the first
// window would have stayed open and f would have been in time.
//
// Laws, beyond those of package nodes.
//  1. The watermark moves with each item, in the order of arrival, so what is in a
//     window and what is late depends on that order alone: not on workers, batches
//     or queues. Of several inputs the one that has come least far is read next, so
//     there too the order follows from the items. Only gather's timeout and
//     window's idle look at the clock.
//  2. The watermark never goes back.
//  3. Windows leave in the order of their ends. What was closed is never opened
//     again, and its memory is freed.
//  4. Values are folded in the order of arrival, within a window as in group.
//  5. At the end of the input everything is closed.
package window

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes are the kinds of the pack.
var Nodes = nodes.Pack(docs, gatherDecl, windowDecl, windowJoinDecl)
