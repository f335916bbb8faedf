// Package durable writes files that appear whole or not at all, and that are still
// there after a power cut.
//
//	set := durable.NewSet(durable.Options{})
//	a, err := set.Create("out/a.jsonl")  // replaces what is there
//	b, err := set.Append("log.jsonl", durable.Addition{}) // adds to what is there
//	a.Write(...)
//	b.Write(...)
//	err = set.Seal(a, b) // complete, and safe on the disk
//	err = set.Commit()   // both have their names, or neither
//
// # Terms
//
// A target is a file under its final name. A part is what will become of it, in the
// same folder, while it is written: .NAME.flowrun-0 of a file that is replaced,
// .NAME.flowrun-1 and so on of one that is added to. A set is the files of one run. A
// journal, .flowrun-ID, is there while a set gets its names: it says which parts
// become which targets. In each further folder of the set a pointer leads to it.
//
// # Laws
//
//  1. A part becomes a target in this order: the part is synced, renamed or added, and
//     its folder synced. Whoever was told that a commit went well finds all of it after
//     a power cut.
//  2. A set of one file that is replaced is committed by one rename. Every other set is
//     decided by its journal: before that is on the disk no target is touched, after it
//     the commit is completed, if need be by the next run that looks into the folder. So
//     a set is never half old and half new for longer than that.
//  3. Rows are added in one step while the target is locked: nothing of others is cut,
//     and what a crash left in the middle is found by the journal and completed.
//  4. Who writes holds a lock on the part, and for the moment of the commit one on the
//     target. A part without its lock belongs to a run that died, and is cleared. There
//     are no files for locks, and no names that depend on a clock.
//  5. A journal is followed only if it belongs to the same user and nobody else can
//     write it.
//
// Locks are those of flock: they hold between the processes of one machine, and where
// a network file system passes them on. On Windows there are none, and two runs that
// write one file are kept apart only within a process.
package durable
