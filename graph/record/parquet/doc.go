// Package parquet reads Parquet files straight into the columns of batches, and writes batches
// as such files.
//
// Terms. A leaf is a column of a file as Parquet sees it: a field, or a field in records and
// lists. Entries are what a leaf has: each says by two levels where in the lists and records it
// belongs, and whether there is a value. A slot is a place of the type that is read, which a
// leaf fills, or which is a list or a record of slots.
//
// Laws.
//  1. A value that is none of its type makes its row bad, and no other one. A page, or a
//     footer, that is damaged is an error of the file.
//  2. Nothing is believed that a file says of its own size: memory is taken for what was read,
//     within bounds, whatever a footer, a page or a run claims to have.
//  3. Texts of a dictionary are shared by the batches that have them. All else is copied into
//     the arena of its batch, so pages are gone when the next ones are read.
//
// Of the library only the parts are used that say how a file is made: its structs, its
// constants and its Thrift. Its root would add 8 MB to the program, and to the start of every
// call what a hundred packages do when they are initialised.
package parquet
