//go:build unix

package brokerchaos

import (
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/brokertest"
)

// brokers are those that keep what they have confirmed over a kill.
var brokers = map[string]broker{
	"Redis stream": {
		start: startOf(brokertest.Redis), every: 10 * time.Second, readers: 1, ordered: true,
		write: `use: redis.write, with: {url: URL, key: items}`,
		read:  `use: redis.read, with: {url: URL, key: items, as: '{id: int, key: string, text: string}', claim: 1s}`,
	},
	"Redis stream, shared": {
		start: startOf(brokertest.Redis), every: 10 * time.Second, readers: 2,
		write: `use: redis.write, with: {url: URL, key: items}`,
		read:  `use: redis.read, with: {url: URL, key: items, as: '{id: int, key: string, text: string}', claim: 1s}`,
	},
	"Redis list": {
		start: startOf(brokertest.Redis), every: 10 * time.Second, readers: 1, ordered: true,
		write: `use: redis.write, with: {url: URL, mode: list, key: items}`,
		read:  `use: redis.read, with: {url: URL, mode: list, key: items, as: '{id: int, key: string, text: string}', claim: 1s}`,
	},
	"Redis list, shared": {
		start: startOf(brokertest.Redis), every: 10 * time.Second, readers: 2,
		write: `use: redis.write, with: {url: URL, mode: list, key: items}`,
		read:  `use: redis.read, with: {url: URL, mode: list, key: items, as: '{id: int, key: string, text: string}', claim: 1s}`,
	},
	"Kafka": {
		start: kafkaWith("items"), every: 10 * time.Second, readers: 1, ordered: true,
		write: `use: kafka.write, with: {brokers: URL, topic: items, key: key}`,
		read:  `use: kafka.read, with: {brokers: URL, topics: items, as: '{id: int, key: string, text: string}', session: 6s}`,
	},
	"Kafka, shared": {
		start: kafkaWith("items"), every: 10 * time.Second, readers: 2,
		write: `use: kafka.write, with: {brokers: URL, topic: items, key: key}`,
		read:  `use: kafka.read, with: {brokers: URL, topics: items, as: '{id: int, key: string, text: string}', session: 6s}`,
	},
}

// kafkaWith starts Kafka with a topic of four partitions.
func kafkaWith(topic string) func(t *testing.T) (server, string, string) {
	return func(t *testing.T) (server, string, string) {
		s := brokertest.Start(t, brokertest.Kafka, brokertest.Options{})
		t.Cleanup(s.Close)
		if _, err := s.Tool("", "org.apache.kafka.tools.TopicCommand", "--create", "--topic", topic, "--partitions", "4"); err != nil {
			t.Fatal(err)
		}
		return s, s.URL, brokertest.Password
	}
}

func startOf(brand brokertest.Brand) func(t *testing.T) (server, string, string) {
	return func(t *testing.T) (server, string, string) {
		s := brokertest.Start(t, brand, brokertest.Options{})
		t.Cleanup(s.Close)
		return s, s.URL, brokertest.Password
	}
}
