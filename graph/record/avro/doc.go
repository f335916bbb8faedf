// Package avro reads Avro straight into the columns of batches, and writes batches as Avro:
// object container files, and datums, which are rows that stand alone.
//
// Terms. A file has a header, with the schema of its rows, and blocks of rows behind it, which
// are packed one by one and can be read side by side. A datum has neither: its schema stands
// elsewhere. A slot is a place of the type that is read, with what the schema has there; a
// target is a place of the schema, with what the type that is written has for it.
//
// Laws.
//  1. A value that is none of its type makes its row bad, and no other one. A block that does
//     not hold the rows that it says is an error of the file; a datum that is cut off, or has
//     more behind its end, is a bad row.
//  2. Nothing is believed that bytes say of their own size: memory is taken for what was read,
//     within bounds.
//  3. Texts are views of the block or the datum that they came in, which its batches keep.
//  4. What a schema has no room for is told before anything is written; what it rounds is in the
//     documentation of the kinds.
//
// The library reads and checks schemas. Rows are read here, for it makes Go values of them.
package avro
