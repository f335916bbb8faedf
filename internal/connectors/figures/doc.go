// Command figures measures what each pack adds to a program: its bytes, the time of
// `flowrun version` and its memory. It writes the table of docs/connectors.md, with the
// date and the version of Go. It is no part of command connectors because Linux counts
// the memory of whoever starts a process as that of the process: this one must be smaller
// than what it measures.
package main
