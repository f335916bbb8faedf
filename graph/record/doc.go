// Package record is the physical form of what travels on edges.
//
// Terms. Data is the content of one envelope: a *Batch, records in columns, or
// an *Items[T], Go values. A Column holds the values of one field of all rows of
// a batch. The selection of a batch lists the rows that are alive; a filter
// narrows it and copies nothing. An Arena is memory that text is cut from. A
// Table is a store of rows that grows, for state: join sides, sorts, windows.
//
// Laws.
//  1. Data is immutable once emitted. Adding, dropping or renaming a column makes
//     a new Batch that shares the other columns: O(columns), never O(rows).
//  2. Data is counted. New, Derive and Retain give one reference, Emit hands one
//     over, Release gives one back; the last release recycles the memory. Only
//     the runtime releases what arrives at a node.
//  3. Strings of a batch are views into its arenas and die with it. State copies
//     them (Table does); so does everything handed to user code.
//  4. A column is nil where no later node needs the field. Whoever copies or
//     shares columns skips nil ones.
//  5. Writing null is a write, and so is writing a value: SetNull and Clear touch
//     the null bit of the row, nothing is left from the row that used the memory
//     before.
//
// Poison makes released memory unreadable, so that a test that breaks law 2 or 3
// shows it.
package record
