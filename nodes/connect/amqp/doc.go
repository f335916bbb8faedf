// Package amqp is the pack of kinds that read and write RabbitMQ, and other brokers of
// AMQP 0-9-1.
//
// Terms. A queue keeps messages until a consumer has acknowledged them. An exchange takes
// messages, and gives each to the queues that are bound to it by a key that fits; the one
// whose name is empty gives it to the queue of that name. A message that goes to no queue is
// unroutable.
//
// Laws, beside those of package message.
//  1. What was taken from a queue is acknowledged on the channel that it came by, up to a
//     message at a time.
//  2. A message that is unroutable is a bad item, unless the settings say that it is not.
//  3. A broker that is full is waited for. A message that it never would take is a bad item.
package amqp

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl)
