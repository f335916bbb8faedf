// Package s3 is the pack of kinds that read and write objects in S3, and in what speaks its
// language, such as MinIO, Ceph or R2. It also brings s3:// addresses to file.read and
// file.write.
//
// What an object holds, package file knows: formats, compression, samples, bad rows,
// rotation. This package is the store: where objects are, and how they come and go.
//
// Laws.
//  1. No object is held in memory as a whole: reading streams, of a large one some ranges
//     ahead, and writing uploads parts.
//  2. A reading that breaks is taken up where it broke, of the same object or not at all.
//  3. An object that is written appears when it is complete, and not before; what a run that
//     fails has uploaded is taken back.
//  4. Nothing secret is in what an error says, or a log.
package s3

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl)
