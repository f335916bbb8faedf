// Package kafka is the pack of kinds that read and write the topics of Kafka.
//
// Terms. A topic has partitions; a message has an offset in one of them. A group shares the
// partitions of its topics among its members, and keeps for each the position behind which
// it goes on: to commit is to move that. An instance is a name that a member has whenever
// it joins, so that Kafka gives a process that was started again what it had before.
//
// Laws, beside those of package message.
//  1. A position is committed only when all that lies before it is acknowledged, and only
//     by the member that still has the partition.
//  2. Before a partition is given back all that was taken of it is acknowledged, as long as
//     the group waits for it. What was not by then, or was taken away, comes again, at
//     whoever has it next.
//  3. Of two processes with one instance the newer has it, and the other takes the next.
//  4. A run to the end reads up to goals that are fixed when it begins, and nothing behind them.
//     It is over when the group has committed all goals of others and has read its own.
//  5. Within a session the client sends again what got lost, and Kafka keeps one copy of it;
//     a session that is made anew may send a message twice.
package kafka

import (
	"embed"

	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes is the pack.
var Nodes = nodes.Pack(docs, readDecl, writeDecl)
