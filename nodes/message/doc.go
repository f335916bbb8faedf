// Package message has what the kinds of all brokers have in common. A broker keeps messages
// until somebody takes them: Redis, Kafka, NATS, MQTT, AMQP. A pack says how its client
// receives, acknowledges and sends; what becomes of that is the same for all, and is here.
//
//	message      what a broker keeps: a body, and properties such as a key, headers, a time
//	session      a connection and what the broker knows of it; its first error ends it
//	acknowledge  to tell the broker that it need not keep a message any longer
//	confirm      of the broker, to tell that it keeps a message
//
// A Source gives the items of messages to the flow, a Sink sends items as messages:
//
//	broker ─Receiver─▶ Source ─▶ flow ─▶ Sink ─Sender─▶ broker
//	       ◀──Ack───── Taken        Settle ◀─confirmed──
//
// Laws.
//  1. A message is acknowledged when all that was made of it has left the flow and the
//     sinks have kept it, and on the session that it came by. If that session has ended
//     meanwhile it is not, and the broker gives it again.
//  2. A message that cannot be read is a bad item, and is acknowledged as one: when its
//     dead letter is kept, or was skipped.
//  3. Messages are sent in the order of their items. When a session breaks, all that were
//     not confirmed are sent again on the next one, in their order and before any others:
//     so the first copies that arrive are in order, whatever is sent twice.
//  4. Before a cut passes a Sink all that came before it is confirmed, or reported as bad.
//  5. A session that breaks is made anew, as long and as often as the node's retry says. An
//     error that no other session would mend, such as a wrong password, ends the node.
package message
