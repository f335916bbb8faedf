// Package chaos holds tests alone: real flows run between parts that fail, and at the end
// every item is looked for.
//
//	go test ./internal/chaos   # the short form: half a minute
//	make chaos                 # the long form: five minutes
//
// # What runs
//
// Two processes of the real command. The first takes orders by http.listen, which answers
// 200 when the sinks have them, asks a server for the price of each, and writes them to
// PostgreSQL. The second reads that table on and on, and writes what it reads to MariaDB and
// to SQLite. Senders send each order again until it is answered by 200.
//
// # What goes wrong
//
// The server of the prices fails one request of five (500, 503, or it hangs up) and hangs
// at one of a hundred. One row of a hundred is refused by PostgreSQL (a constraint, a type,
// a text that is too long), and others by MariaDB and SQLite. One database at a time is
// killed, and started again; so are the processes. Processes are ended by their ids.
//
// # Laws
//
//  1. What was answered 200 is in the table of PostgreSQL, as it was sent, or in the file of
//     errors with the cause; never in neither.
//  2. A row that PostgreSQL must refuse is in the file of errors, and not in the table. One
//     that it must not refuse is in errors only because of the server of the prices.
//  3. Every row of PostgreSQL is in MariaDB and in SQLite as it is there, or in the file of
//     errors of the second process, and that only if it is one that they must refuse.
//  4. No key is twice in any table.
//  5. No process ends but by a signal, or with 3 because its database is away as it begins.
//  6. In the long form: from when the port of a database answers until a node works again,
//     99 of 100 times less than two seconds go by. The short form asks nothing of the clock.
//
// FLOWRUN_SEED=N draws the same faults again; their moments are up to the machine.
// FLOWRUN_CHAOS=DURATION is the long form.
package chaos
