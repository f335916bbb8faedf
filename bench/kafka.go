package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workload of Kafka: kafka.write and kafka.read against franz-go, the client
// below them, as its authors recommend it.

func kafkaWorkload(ctx context.Context, h *harness) error {
	at := os.Getenv("FLOWRUN_KAFKA")
	if !strings.Contains(at, ":") {
		fmt.Fprintln(h.out, "\nFLOWRUN_KAFKA names no broker, as HOST:PORT: Kafka is left out")
		return nil
	}
	n := h.size(1_000_000, 20_000)
	size := strconv.Itoa(n)
	for _, way := range []string{"write", "read"} {
		series, err := h.compare(ctx, fmt.Sprintf("Kafka: %d messages of 100 bytes, %s", n, way), int64(n), 0,
			h.child("kafka."+way, at, size), h.child("franz-go, "+way, at, size))
		if err != nil {
			return err
		}
		h.claim(claim{text: "kafka." + way + ": share of the speed of franz-go", got: 100 * series[1].median(wall) / series[0].median(wall), unit: "%", target: 70}, series...)
	}
	return nil
}

const hundredBytes = 100

// kafkaTopic makes a topic of four partitions that no other run has.
func kafkaTopic(at string) (string, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(at))
	if err != nil {
		return "", err
	}
	defer c.Close()
	name := fmt.Sprintf("bench-%d", time.Now().UnixNano())
	req := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, 4, 1
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(context.Background(), c)
	if err == nil && resp.Topics[0].ErrorCode != 0 {
		err = fmt.Errorf("making the topic: error %d", resp.Topics[0].ErrorCode)
	}
	return name, err
}

// kafkaSent sends messages by the client alone.
func kafkaSent(at, topic string, n int) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(at), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer c.Close()
	var failed atomic.Pointer[error]
	for i := range n {
		c.Produce(context.Background(), &kgo.Record{Value: fmt.Appendf(make([]byte, 0, hundredBytes), "%0*d", hundredBytes, i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	err = c.Flush(context.Background())
	if e := failed.Load(); e != nil {
		err = errors.Join(err, *e)
	}
	return err
}

func clientOfKafka(way string) func(args []string) (result, error) {
	return func(args []string) (result, error) {
		n, topic, err := kafkaArgs(args, way)
		if err != nil {
			return result{}, err
		}
		r, err := timed(func() (string, error) {
			if way == "write" {
				return "", kafkaSent(args[0], topic, n)
			}
			c, err := kgo.NewClient(kgo.SeedBrokers(args[0]), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(topic), kgo.DisableAutoCommit())
			if err != nil {
				return "", err
			}
			defer c.Close()
			for got := 0; got < n; {
				f := c.PollFetches(context.Background())
				if err := f.Err(); err != nil {
					return "", err
				}
				got += f.NumRecords()
				if err := c.CommitUncommittedOffsets(context.Background()); err != nil {
					return "", err
				}
			}
			return "", nil
		})
		r.Digest = args[1] // all of them
		return r, err
	}
}

// kafkaArgs makes a topic, and fills it if it is to be read.
func kafkaArgs(args []string, way string) (n int, topic string, err error) {
	if n, err = strconv.Atoi(args[1]); err == nil {
		topic, err = kafkaTopic(args[0])
	}
	if err == nil && way == "read" {
		err = kafkaSent(args[0], topic, n)
	}
	return n, topic, err
}

// kafkaFlow is the contender that is a flow.
func kafkaFlow(way string) func(args []string) (result, error) {
	return func(args []string) (result, error) {
		n, topic, err := kafkaArgs(args, way)
		if err != nil {
			return result{}, err
		}
		text := fmt.Sprintf(`flow: %s
nodes:
  in: {use: generate, with: {count: %d, set: {body: '"%s" + string(n + 10000000)'}}}
  out: {use: kafka.write, in: in, with: {brokers: "%s", topic: %s, format: raw}}
`, topic, n, strings.Repeat("x", hundredBytes-8), args[0], topic)
		if way == "read" {
			text = fmt.Sprintf(`flow: %s
nodes:
  in: {use: kafka.read, with: {brokers: "%s", topics: %s, format: raw}}
  out: {use: count, in: in}
`, topic, args[0], topic)
		}
		counted := &counter{n: int64(n)}
		registry, err := nodes.NewRegistry(all.Nodes, []nodes.Decl{nodes.Kind("count", "Counts.", &countKind{counted}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single))})
		if err != nil {
			return result{}, err
		}
		f, list := graph.Load(diag.NewSource("kafka.yaml", []byte(text)), registry, graph.Options{})
		if err := list.Err(); err != nil {
			return result{}, err
		}
		r, err := timed(func() (string, error) {
			run, err := scheduler.New(f, registry, scheduler.Options{})
			if err != nil {
				return "", err
			}
			counted.stop = run.Stop
			_, err = run.Run(context.Background())
			return "", err
		})
		r.Digest = args[1]
		return r, err
	}
}

// A counter stops a flow after some items.
type counter struct {
	n    int64
	stop func()
}

type countKind struct{ c *counter }

func (k *countKind) Infer(c *graph.Inference) { c.Record("in") }

func (k *countKind) Operator(*nodes.Env) (nodes.Operator, error) { return k.c, nil }

// Process implements nodes.Operator.
func (c *counter) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	if c.n -= int64(in.Data.Len()); c.n <= 0 {
		c.stop()
	}
	return nil
}
