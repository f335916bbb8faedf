// Package history keeps what runs did, so that they can be looked at and compared
// when they are over.
//
//	follower := history.Follow(run.Stats)
//	report, err := run.Run(ctx)
//	id, err := history.Open(history.Beside(path)).Save(
//		history.Of(path, report, failures, follower.End(report)))
//
// # Terms
//
// A timeline is a number of points, each what the counters of all nodes and edges
// stood at. A record is a run in a file: its head, which a list shows, its report
// and its timeline. A store is the folder of records of the flows in one folder,
// .flowrun/runs beside them.
//
// # Laws
//
//  1. A timeline is bounded however long the run is: when it is full, every other
//     point goes and the time between points doubles. Counters are cumulative, so
//     this loses resolution and no item; of what waits on an edge the highest value
//     stays.
//  2. A record is whole or not there: it is written aside, flushed to the disk and
//     then given its name. A process that dies leaves a file that the next one
//     removes.
//  3. A store has at most fifty records; the oldest go.
//  4. What cannot be read is left alone and told of; it never hides the others.
//  5. A record is found by its id alone, which cannot name a path, inside a folder
//     that nothing leads out of (os.Root).
//
// Records belong to who ran the flow: nobody else may read them, since they quote
// items that failed.
package history
