// Package avro reads Avro object container files straight into the columns of batches, and
// writes batches as the blocks of such files.
//
// Terms. A file has a header, with the schema of its rows, and blocks of rows behind it, which
// are packed one by one and can be read side by side. A slot is a place of the type that is
// read, with what the file has there.
//
// Laws.
//  1. A value that is none of its type makes its row bad, and no other one. A block that does
//     not hold the rows that it says is an error of the file.
//  2. Nothing is believed that a file says of its own size: memory is taken for what was read,
//     within bounds.
//  3. Texts are views of the block that they came in, which its batches keep.
//
// The library reads and checks schemas. Rows are read here, for it makes Go values of them.
package avro
