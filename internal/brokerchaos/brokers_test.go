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
	name        string
	write, read string // the nodes; URL, NAME and READER stand for the broker, the queue and the number of a reader
	readers     int    // processes that share the work
	ordered     bool   // each reader is given the items of a key in order
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
// it has just acknowledged, whatever its clients do.
var brokers = []broker{
	{"RabbitMQ", rabbit, kill, time.Minute, []form{
		{"alone", `use: amqp.write, with: {url: URL, routing_key: NAME}`, `use: amqp.read, with: {url: URL, queue: NAME, ` + as + `}`, 1, true},
		{"shared", `use: amqp.write, with: {url: URL, routing_key: NAME}`, `use: amqp.read, with: {url: URL, queue: NAME, ` + as + `}`, 2, false},
	}},
	{"Redis", redis, kill, often, []form{
		{"stream", `use: redis.write, with: {url: URL, key: NAME}`, `use: redis.read, with: {url: URL, key: NAME, claim: 1s, ` + as + `}`, 1, true},
		{"stream, shared", `use: redis.write, with: {url: URL, key: NAME}`, `use: redis.read, with: {url: URL, key: NAME, claim: 1s, ` + as + `}`, 2, false},
		{"list", `use: redis.write, with: {url: URL, mode: list, key: NAME}`, `use: redis.read, with: {url: URL, mode: list, key: NAME, claim: 1s, ` + as + `}`, 1, true},
		{"list, shared", `use: redis.write, with: {url: URL, mode: list, key: NAME}`, `use: redis.read, with: {url: URL, mode: list, key: NAME, claim: 1s, ` + as + `}`, 2, false},
	}},
	{"NATS", nats, kill, often, []form{
		{"alone", `use: nats.write, with: {url: URL, stream: NAME, subject: NAME}`, `use: nats.read, with: {url: URL, stream: NAME, ` + as + `}`, 1, true},
		{"shared", `use: nats.write, with: {url: URL, stream: NAME, subject: NAME}`, `use: nats.read, with: {url: URL, stream: NAME, ack_wait: 2s, ` + as + `}`, 2, false},
	}},
	{"mosquitto", mosquitto, stop, often, []form{
		{"alone", `use: mqtt.write, with: {url: URL, topic: NAME}`, `use: mqtt.read, with: {url: URL, topics: NAME, client_id: NAME, ` + as + `}`, 1, true},
		{"shared", `use: mqtt.write, with: {url: URL, topic: NAME}`, `use: mqtt.read, with: {url: URL, topics: $share/all/NAME, client_id: NAME-READER, ` + as + `}`, 2, false},
	}},
	{"Kafka", kafka, kill, often, []form{
		{"alone", `use: kafka.write, with: {brokers: URL, topic: NAME, key: key}`, `use: kafka.read, with: {brokers: URL, topics: NAME, session: 6s, ` + as + `}`, 1, true},
		{"shared", `use: kafka.write, with: {brokers: URL, topic: NAME, key: key}`, `use: kafka.read, with: {brokers: URL, topics: NAME, instance: r-READER, session: 6s, ` + as + `}`, 2, true},
	}},
}

const often = 10 * time.Second

func kill(s server) error { s.Kill(); return nil }

func stop(s server) error { return s.Stop() }
