// Package columns has what kinds that work on records share: columns computed by
// expressions, columns converted to a wider type, keys, and rows that are compared, kept
// and forgotten.
//
// Terms. Columns are the fields of a new record, each taken over from the input or
// computed by an expression. A Computer makes them for one worker. A Conversion
// turns batches of one type into batches of a type that holds all its values, as
// types.Bound finds it.
//
// Laws.
//  1. A column that is only passed on is shared, never copied.
//  2. A row for which any expression fails is reported once as a bad item and is
//     not selected in what comes out.
//  3. Columns are immutable and may be shared by workers; a Computer belongs to
//     one of them.
package columns
