// Package text is how single values stand in texts, the same in every format:
// numbers, times, durations, decimals, bytes. Scanners and encoders of formats
// are built on it; it knows nothing of lines, quotes or separators.
//
// Terms. A literal is the text of one value. A number is what the grammar of JSON
// (RFC 8259, section 6) calls so: no leading zero, no leading plus, no bare point. A row error is what
// scanners of all formats say of a row that is no item.
//
// Laws.
//  1. Exact or refused. A literal that the type cannot hold is no value of it:
//     1.0 is no int, 1e400 no float, 12.345 no decimal(9,2).
//  2. What Append writes, the reader of the same type reads back as the same
//     value. A float is written as encoding/json writes it: the shortest text that
//     gives it back.
//  3. Nothing allocates but times in a layout of the user's and what is not in the
//     fast path of a float.
//
// Functions that take (b, p) read a literal at b[p] and return where it ended, or
// a negative end if there is none; what follows it is the caller's affair.
package text
