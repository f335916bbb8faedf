// Package brokerchaos holds tests alone: one suite of properties that every broker has to
// keep.
//
//	go test ./internal/brokerchaos   # the short form: two restarts of each broker
//	make brokers                     # the long form: two minutes each
//
// # What runs
//
// One process of the real command writes numbered items to a broker, at a steady rate. Others
// read them and add them to a file. The broker is killed again and again, and started with
// its data; so are the readers.
//
// # Laws
//
//  1. Every item comes to the file.
//  2. The first copies of the items of one key come in the order in which they were written.
//  3. No process ends but by a signal, or with 3 because the broker is away as it begins.
//  4. The books of the processes that come to their ends balance, and what they have counted
//     as sent again or given again is what there may be twice.
package brokerchaos
