// Package stream has what kinds have in common that read rows from a stream of bytes which
// comes once, such as a pipe or a connection, or write rows to one.
//
// A Reader cuts a stream into chunks of whole rows, on a goroutine of its own; a Scanner
// makes items of them. A row that is too long is left out without being held in memory. An
// Encoder makes the text of rows.
package stream
