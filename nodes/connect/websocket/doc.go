// Package websocket is the pack of kinds that receive and send messages over WebSockets, as a
// client.
//
// A WebSocket confirms nothing: what was sent may be lost with the connection, and what came
// does not come again. So a message counts as sent when the system has it, and the source does
// not acknowledge. Of what was sent behind the last answer of the server, to a ping or to the
// farewell, the books say that nobody knows what became of it.
package websocket

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl)
