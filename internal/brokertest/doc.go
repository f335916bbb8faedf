// Package brokertest starts the message brokers that tests talk to: Redis, mosquitto and
// RabbitMQ of Debian, and Apache Kafka where it is asked for, on loopback ports of their
// own, with data of their own. Each is ended with all its processes. A Proxy between a
// broker and its client cuts, refuses, stalls and loses what goes through it.
package brokertest
