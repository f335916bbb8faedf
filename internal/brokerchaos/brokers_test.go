//go:build unix

package brokerchaos

import (
	"testing"
	"time"
)

// A broker is one that the laws are tried with.
type broker struct {
	name  string
	start func(t *testing.T, queues []string) peer
	end   func(server) error // takes it away: kill, if it keeps what it has confirmed
	every time.Duration      // from one outage of the long form to the next
	forms []form
}

// A form is a way to write to a broker and to read it.
type form struct {
	name string
	// The nodes. URL stands for the broker, NAME for the queue, READER for the number of a reader,
	// PATIENCE for how long others leave it what it has taken and shows no sign of life.
	write, read string
	readers     int  // processes that share the work
	ordered     bool // each reader is given the items of a key in order
	forgotten   bool // by a broker that is restarted, until the readers are back: outages spare the broker
}

// as is the type of the items.
const as = `as: '{id: int, key: string, text: string}'`

// brokers are all, each read by one process and shared by two.
//
// Two that share Kafka have whole partitions, and with them the keys in order. Those that share
// any other broker have no order among each other, nor any of their own once they are given
// what another one has left. In Kafka's group each has a name, as its instance: of two without
// one that begin at a time, one takes the name of the other, and what that had taken comes
// again.
//
// RabbitMQ begins, because it takes longest: to start it costs half of ten seconds, so it is
// restarted each minute. mosquitto is stopped, and not killed: it acknowledges a message in
// one round of its loop and writes it to disk at the end of that round, so a kill loses what
// it has just acknowledged, whatever its clients do. And it forgets shared subscriptions when it
// is restarted (2.0.11): what is published before the first of those who share is back goes to
// nobody, so there it is the readers alone who are killed under load.
var brokers = []broker{
	{"RabbitMQ", rabbit, kill, time.Minute, []form{
		{name: "alone", readers: 1, ordered: true,
			write: `use: amqp.write, with: {url: URL, routing_key: NAME}`,
			read:  `use: amqp.read, with: {url: URL, queue: NAME, ` + as + `}`},
		{name: "shared", readers: 2,
			write: `use: amqp.write, with: {url: URL, routing_key: NAME}`,
			read:  `use: amqp.read, with: {url: URL, queue: NAME, ` + as + `}`},
	}},
	{"Redis", redis, kill, often, []form{
		{name: "stream", readers: 1, ordered: true,
			write: `use: redis.write, with: {url: URL, key: NAME}`,
			read:  `use: redis.read, with: {url: URL, key: NAME, claim: PATIENCE, ` + as + `}`},
		{name: "stream, shared", readers: 2,
			write: `use: redis.write, with: {url: URL, key: NAME}`,
			read:  `use: redis.read, with: {url: URL, key: NAME, claim: PATIENCE, ` + as + `}`},
		{name: "list", readers: 1, ordered: true,
			write: `use: redis.write, with: {url: URL, mode: list, key: NAME}`,
			read:  `use: redis.read, with: {url: URL, mode: list, key: NAME, claim: PATIENCE, ` + as + `}`},
		{name: "list, shared", readers: 2,
			write: `use: redis.write, with: {url: URL, mode: list, key: NAME}`,
			read:  `use: redis.read, with: {url: URL, mode: list, key: NAME, claim: PATIENCE, ` + as + `}`},
	}},
	{"NATS", nats, kill, often, []form{
		{name: "alone", readers: 1, ordered: true,
			write: `use: nats.write, with: {url: URL, stream: NAME, subject: NAME}`,
			read:  `use: nats.read, with: {url: URL, stream: NAME, ` + as + `}`},
		{name: "shared", readers: 2,
			write: `use: nats.write, with: {url: URL, stream: NAME, subject: NAME}`,
			read:  `use: nats.read, with: {url: URL, stream: NAME, ack_wait: PATIENCE, ` + as + `}`},
	}},
	{"mosquitto", mosquitto, stop, often, []form{
		{name: "alone", readers: 1, ordered: true,
			write: `use: mqtt.write, with: {url: URL, topic: NAME}`,
			read:  `use: mqtt.read, with: {url: URL, topics: NAME, client_id: NAME, ` + as + `}`},
		{name: "shared", readers: 2, forgotten: true,
			write: `use: mqtt.write, with: {url: URL, topic: NAME}`,
			read:  `use: mqtt.read, with: {url: URL, topics: $share/all/NAME, client_id: NAME-READER, ` + as + `}`},
	}},
	{"Kafka", kafka, kill, often, []form{
		{name: "alone", readers: 1, ordered: true,
			write: `use: kafka.write, with: {brokers: URL, topic: NAME, key: key}`,
			read:  `use: kafka.read, with: {brokers: URL, topics: NAME, session: 6s, ` + as + `}`},
		{name: "shared", readers: 2, ordered: true,
			write: `use: kafka.write, with: {brokers: URL, topic: NAME, key: key}`,
			read:  `use: kafka.read, with: {brokers: URL, topics: NAME, instance: r-READER, session: 6s, ` + as + `}`},
	}},
}

const often = 10 * time.Second

func kill(s server) error { s.Kill(); return nil }

func stop(s server) error { return s.Stop() }
