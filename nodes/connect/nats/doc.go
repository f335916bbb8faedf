// Package nats is the pack of kinds that read and write NATS: streams of JetStream, plain
// subjects, and buckets of keys and values. It can run the server within the process.
//
// Terms. A stream keeps what is published to its subjects. A durable is a consumer with a
// name that a stream has: it knows which messages are acknowledged, whoever reads by it. A
// message is under way from when the server has handed it out until it is acknowledged. A
// pull asks the server for so many bytes of messages.
//
// Laws, beside those of package message.
//  1. A client never connects again by itself, nor publishes again: the first error of a
//     connection is its last, and package message decides what becomes of what was on it.
//  2. What is under way is kept from being handed out again by signs of life, as long as
//     this process lives; when it dies the durable's ack_wait passes at most.
//  3. Whoever finds nobody else at a durable begins with what was under way before: so one
//     process has all in order, also across its own death.
//  4. What is published is sent again only once all that was on its way has been answered.
//  5. An embedded server is one for each folder and process, and ends with the run.
package nats

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl)
