// Package sql is the pack of kinds that read and write databases: SQLite, PostgreSQL, and
// MariaDB or MySQL.
//
// Terms. An address is the setting url, taken apart. A session is one connection to a
// database; a node has its own. A cell is a value as a database gives it, before it has the
// type of a field. A plan is how rows of a type go into a table.
//
// Laws.
//  1. A row that a database refuses is a bad item, with what the database says; the rows
//     around it are written all the same.
//  2. A session that breaks is opened again, and what was not committed is written again.
//     What was committed is not, where the database can tell.
//  3. What was flushed is committed.
//  4. An incremental read that goes on after a position reads exactly the rows whose
//     columns `by` are above it.
//  5. Nothing waits without looking at its context.
package sql

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl, lookupDecl)
