// Package jsonl reads JSON texts straight into the columns of batches, and writes
// batches as JSON Lines.
//
// Terms. A row is the text of one item: a line, or with Options.Values a value of
// any number of lines. A Scanner reads rows of one type. A Splitter cuts a JSON
// array, or values one after the other, into texts that a Scanner can read, an
// Encoder writes. A Sample finds the type of rows that nobody declared.
//
// How types stand in JSON:
//
//	bool, int, float  true, 42, 4.2; an int is written without point and exponent
//	string, enum      a string
//	time              a string as RFC 3339 has it; by the field's format another
//	                  layout, or a number since 1970 (unix, unix_ms, unix_us, unix_ns);
//	                  from 1677-09-21 to 2262-04-11, turned to UTC
//	date              a string as 2006-01-02, of the years 1 to 9999
//	duration          a string such as "1h30m", or nanoseconds
//	bytes             a string in base64
//	decimal(p,s)      a number or a string with a number in it, read from its digits
//	[T], {…}          an array, an object; keys are compared exactly
//	any               any value, checked and kept as it is written
//
// Laws.
//  1. A row is accepted if and only if encoding/json accepts it, its strings are
//     UTF-8, and every needed field has its type. This holds for the parts too
//     that no field wants: they are checked as strictly as the rest.
//  2. A key that comes twice counts as it came last. A missing key is null. Null
//     where the type has no null is an error of the row.
//  3. A bad row takes nothing with it: the rows before and after it stand, and
//     nothing of it is left in the batch.
//  4. The text that is scanned is not changed, and is what the strings of the
//     batch are cut from; strings with escapes go to an arena of the batch.
//  5. Scanning allocates nothing per row, encoding nothing at all but room in its
//     destination.
//
// Objects of a type that ends in `...` may have further fields; like those of
// closed types they are not kept, as columns exist only for known fields.
//
// A Scanner learns the order in which keys come and compares before it looks up.
// It belongs to one goroutine; an Encoder and a type may be shared.
package jsonl
