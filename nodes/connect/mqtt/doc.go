// Package mqtt is the pack of kinds that read and write a broker of MQTT, version 5.
//
// Terms. A topic is a path such as sensors/kitchen; a filter is a topic in which + stands for
// one level and # for all that follow. A broker keeps a session under a client id: the filters
// that were subscribed to, and the messages that were not acknowledged.
//
// Laws, beside those of package message.
//  1. A client id is that of a flow and a node, the same in every run, so that a session is
//     found again. Whoever connects with the id of another takes its session over, and the
//     other ends: it does not take it back.
//  2. Acknowledgements are sent in the order of the messages, on the connection that these
//     came by.
//  3. A message of QoS 2 that was sent and not completed is completed under its number, as
//     long as the broker has the session.
//
// The client of Eclipse answers each message by a goroutine of its own, acknowledges by the
// clock, and sends again by itself what a connection has lost, which law 3 of package message
// is about. So only what it knows of packets is used, and the connection is made here.
package mqtt

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl)
