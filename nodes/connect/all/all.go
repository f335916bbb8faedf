// Package all lists every pack of flowrun: those of package std, and those that bring the
// client of a database or a service with them. A program that wants few of these imports
// their packages and std instead.
package all

import (
	"slices"

	"github.com/flowrun/flowrun/nodes/connect/amqp"
	"github.com/flowrun/flowrun/nodes/connect/kafka"
	"github.com/flowrun/flowrun/nodes/connect/mqtt"
	"github.com/flowrun/flowrun/nodes/connect/nats"
	"github.com/flowrun/flowrun/nodes/connect/redis"
	"github.com/flowrun/flowrun/nodes/connect/s3"
	"github.com/flowrun/flowrun/nodes/connect/sql"
	"github.com/flowrun/flowrun/nodes/connect/websocket"
	"github.com/flowrun/flowrun/nodes/std"
)

// Nodes are the kinds of all packs.
var Nodes = slices.Concat(std.Nodes, sql.Nodes, redis.Nodes, kafka.Nodes, nats.Nodes, mqtt.Nodes, amqp.Nodes, websocket.Nodes, s3.Nodes)
