// Package csv reads comma-separated values (RFC 4180) straight into the columns of
// batches, and writes batches as such.
//
// Terms. A record of a file is a row, which may span lines; its parts are cells. A
// Dialect says which bytes separate and quote. The header is the first row, with
// the names of the columns. A Scanner reads rows of one type, an Encoder writes
// them. A Sampler finds the type of rows that nobody declared.
//
// How types stand in cells: text as it is; numbers, times, dates, durations, bytes and
// decimals as package text has them, numbers of declared types also as loosely as
// text.AppendLoose takes them; bool as true and false in upper or lower
// case. An empty cell is null; where the type has no null it is the empty string or no
// bytes if the type was declared, else an error. A quoted empty cell is the empty string
// or no bytes, in all other types null as well. So is it written: null is nothing, and a
// text that is empty stands in quotes, whether it could be null or not. Where the only
// column is a `string?` or `bytes?`, null is an empty line. Words of Dialect.Null are
// null too, unless quoted. Lists, records and any have no cells.
//
// Laws.
//  1. Without Lazy a row is accepted if and only if encoding/csv accepts it, with
//     the same cells but for CR LF in quotes, its text is UTF-8, and every needed
//     cell has its type.
//  2. Where a row ends is a matter of separators and quotes alone: a quote opens
//     at the beginning of a cell only, and a newline in quotes does not count.
//     Split, and a Scanner that goes on after a bad row, follow the same rule, so
//     that what is read does not depend on how a file is cut. A quote that no other
//     closes takes its own line with it and no more.
//  3. A bad row takes nothing with it: the rows before and after it stand, and
//     nothing of it is left in the batch.
//  4. The text that is scanned is not changed, and is what the strings of the
//     batch are cut from; cells with doubled quotes go to an arena of the batch.
//  5. Scanning allocates nothing per row, encoding nothing at all but room in its
//     destination.
//
// Differences from encoding/csv: text must be UTF-8; separators are single ASCII
// bytes; after a bad row it goes on by law 2, not on the next line; a quote that is
// never closed is an error also with Lazy; the number of cells is that of the
// header; CR LF in quotes stays CR LF. Like there, empty lines are no rows, but for those
// of a file with one column that is a text.
//
// A Scanner belongs to one goroutine; a Dialect, an Encoder and a type may be
// shared.
package csv
