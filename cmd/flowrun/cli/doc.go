// Package cli is the command line of flowrun. A binary with kinds of its own is
// this package with one more pack:
//
//	func main() { cli.Main(std.Nodes, geo.Nodes) }
//
// Terms. A verb is a subcommand; each has a file of its own. A call is one run of
// the program: its arguments, its three streams and the kinds it knows. A misuse
// is a call that cannot be understood.
//
// Laws.
//  1. Data goes to standard output, and everything said about it to standard
//     error: diagnostics, progress, reports. With --json the answer of a verb is
//     one JSON value.
//  2. "-" names standard input or standard output wherever a file is wanted.
//  3. A call ends with one of these codes: 0 done; 1 failed while running; 2 the
//     flow or the call is wrong, and nothing else; 3 something it needs is
//     unreachable; 128 and the number of the signal if a signal ended it, so 130 and
//     143 for an interrupt or a termination, or the page, before its end, 131 for
//     SIGQUIT, 134 for a crash of the runtime, and 141 for a reader of the output that
//     went away.
//  4. What goes into a pipe or a file has no control characters: colour and the
//     live view are for terminals, and NO_COLOR and --color are obeyed.
//  5. A file is written aside, synced and renamed, so that it is there whole or not at
//     all, also after a power cut.
package cli
