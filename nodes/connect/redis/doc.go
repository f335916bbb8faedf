// Package redis is the pack of kinds that read and write Redis: streams, lists, channels and
// keys.
//
// Terms. A consumer is a name within a group of a stream, to which Redis gives entries; they
// are pending until they are acknowledged. A working list has the elements that a session
// has taken from a list and not acknowledged.
//
// Laws, beside those of package message.
//  1. A consumer is one process: whoever finds its name in use takes the next one. A process
//     that is started again has the name that it had, and what was pending with it.
//  2. What is pending with a consumer that is gone another one takes after `claim`. One that was
//     only paused takes nothing away from that one.
//  3. An entry or element leaves Redis, or what is pending, only when it is acknowledged;
//     modes that cannot keep that promise say so.
package redis

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl, lookupDecl)
