// Package brokerchaos holds tests alone: one suite of properties that every broker has to
// keep.
//
//	go test ./internal/brokerchaos   # the short form: two outages of each, by the count of items
//	make brokers                     # the long form: outages every ten seconds, for two minutes each
//
// # What runs
//
// The brokers are Redis, mosquitto and RabbitMQ of Debian, NATS as it is in the command, and
// Kafka: kfake, or with FLOWRUN_KAFKA=1 the real one, which Maven fetches. Each is a process
// of its own, and so are those who write numbered items to it and those who read them, which
// are the real command. Whoever is killed is killed as by kill -9, and started again.
//
// # Laws
//
//  1. What was acknowledged does not come again, and what was not does: who reads after all
//     readers were killed, and after the broker was too, is given exactly that, each item
//     once.
//  2. Whatever is killed when, every item comes. How many come twice is counted: those that
//     were with a reader, or on their way to the broker, when that, or the broker, was killed.
//  3. The first copies of the items of a key come in the order in which they were written, to
//     who reads alone, and to each of those who share Kafka.
//  4. No process ends but by a signal, or with 3 because the broker is away as it begins.
//  5. The books of the processes that come to their ends balance.
package brokerchaos
