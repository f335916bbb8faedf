// Package file is the pack of kinds that read and write files.
//
// Terms. A format is how rows are written in a file: csv, tsv, jsonl, json, lines. A
// chunk is a run of whole rows of a file; it is what a worker reads at once. A position
// says which file was read up to where. A slot is a path that is followed, its generations
// are the files that stand or stood there. A target is a file that is written; package
// durable sees to it that it appears whole, together with the others of the run.
//
// Laws.
//  1. Rows come in the order of the files and of the rows in them, with any number of
//     workers.
//  2. A row that cannot be read is a bad item, with its file, its line and the reason;
//     the rows around it are read. So is one that is longer than max_record, which
//     is not held in memory; where reading goes on is a matter of the text alone.
//  3. A file under its final name is whole, and safe once the run is over. A run that
//     fails, or is stopped before its end, leaves what was there before. Files that are
//     rotated get their names one by one, as they end, and keep them.
//  4. A reader that goes on after a position reads exactly the rows that come after it,
//     or says why it cannot, because the file is another one now.
//  5. What is followed is read once, whatever rotation makes of it: nothing of a file is
//     given before it is known to be what was read of it so far, and what stood at a path
//     before is read before what stands there now. What is lost all the same is told.
package file

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl)
