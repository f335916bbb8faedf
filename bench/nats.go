package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsclient "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workload that goes through NATS: nats.write and nats.read against the
// client, as its authors recommend it: PublishAsync with as many messages on their way, and a
// pull consumer that is told how many bytes it may have, whose messages are acknowledged one
// by one. The server is in the process of the harness, with a stream on disk.

func natsWorkload(ctx context.Context, h *harness) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s, err := server.NewServer(&server.Options{ServerName: "bench", Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: filepath.Join(h.dir, "nats")})
	if err != nil {
		return err
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("the NATS server does not start")
	}
	url := "nats://127.0.0.1:" + strconv.Itoa(port)
	for _, size := range []int{100, 25_600} {
		n := h.size(300_000, 10_000)
		if size > 1000 {
			n = h.size(20_000, 1000)
		}
		args := []string{url, strconv.Itoa(n), strconv.Itoa(size)}
		for _, does := range []string{"write", "read"} {
			series, err := h.compare(ctx, fmt.Sprintf("NATS: %s %d messages of %d bytes", does, n, size), int64(n), int64(n*size),
				h.child("nats."+does, args...), h.child("the client of NATS: "+does, args...))
			if err != nil {
				return err
			}
			h.claim(claim{text: fmt.Sprintf("nats.%s, %d bytes: share of the speed of its client", does, size), got: 100 * series[1].median(wall) / series[0].median(wall), unit: "%", target: 70}, series...)
		}
	}
	return nil
}

// natsStream gives an empty stream, and the messages that args ask for.
func natsStream(args []string, f func(js jetstream.JetStream, n int, body string) (result, error)) (result, error) {
	n, err := strconv.Atoi(args[1])
	size, err2 := strconv.Atoi(args[2])
	if err := errors.Join(err, err2); err != nil {
		return result{}, err
	}
	nc, err := natsclient.Connect(args[0])
	if err != nil {
		return result{}, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return result{}, err
	}
	ctx := context.Background()
	if err := js.DeleteStream(ctx, "BENCH"); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return result{}, err
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "BENCH", Subjects: []string{"bench"}}); err != nil {
		return result{}, err
	}
	return f(js, n, strings.Repeat("x", size))
}

// natsFill publishes by the client.
func natsFill(js jetstream.JetStream, n int, body string) error {
	for range n {
		if _, err := js.PublishAsync("bench", []byte(body), jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
	}
	<-js.PublishAsyncComplete()
	return nil
}

// natsDigest is what the stream has.
func natsDigest(js jetstream.JetStream) (string, error) {
	s, err := js.Stream(context.Background(), "BENCH")
	if err != nil {
		return "", err
	}
	return fmt.Sprint(s.CachedInfo().State.Msgs), nil
}

func natsClientWrites(args []string) (result, error) {
	return natsStream(args, func(js jetstream.JetStream, n int, body string) (result, error) {
		return timed(func() (string, error) {
			if err := natsFill(js, n, body); err != nil {
				return "", err
			}
			return natsDigest(js)
		})
	})
}

func natsClientReads(args []string) (result, error) {
	return natsStream(args, func(js jetstream.JetStream, n int, body string) (result, error) {
		if err := natsFill(js, n, body); err != nil {
			return result{}, err
		}
		ctx := context.Background()
		return timed(func() (string, error) {
			c, err := js.CreateConsumer(ctx, "BENCH", jetstream.ConsumerConfig{Durable: "bench", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 65_536})
			if err != nil {
				return "", err
			}
			ms, err := c.Messages(jetstream.PullMaxBytes(8 << 20))
			if err != nil {
				return "", err
			}
			defer ms.Stop()
			sum := 0
			for i := range n {
				m, err := ms.Next()
				if err != nil {
					return "", err
				}
				sum += len(m.Data())
				if i == n-1 {
					err = m.DoubleAck(ctx)
				} else {
					err = m.Ack()
				}
				if err != nil {
					return "", err
				}
			}
			return fmt.Sprint(sum), nil
		})
	})
}

// natsRun runs a flow; begun is given what stops it.
func natsRun(text string, registry *nodes.Registry, begun func(stop func())) error {
	f, list := graph.Load(diag.NewSource("nats.yaml", []byte(text)), registry, graph.Options{})
	if err := list.Err(); err != nil {
		return err
	}
	run, err := scheduler.New(f, registry, scheduler.Options{})
	if err != nil {
		return err
	}
	begun(run.Stop)
	_, err = run.Run(context.Background())
	if errors.Is(err, scheduler.ErrStopped) {
		err = nil
	}
	return err
}

func natsFlowWrites(args []string) (result, error) {
	return natsStream(args, func(js jetstream.JetStream, n int, body string) (result, error) {
		registry, err := nodes.NewRegistry(all.Nodes)
		if err != nil {
			return result{}, err
		}
		return timed(func() (string, error) {
			err := natsRun(fmt.Sprintf(`flow: writes
nodes:
  gen: {use: generate, with: {count: %d, set: {body: 'repeat("x", %d)'}}}
  out: {use: nats.write, in: gen, with: {url: %q, stream: BENCH, subject: bench, format: raw}}
`, n, len(body), args[0]), registry, func(func()) {})
			if err != nil {
				return "", err
			}
			return natsDigest(js)
		})
	})
}

// A natsTill counts what comes, and stops the run when that is all.
type natsTill struct{ *natsCount }

type natsCount struct {
	mu      sync.Mutex
	n, left int
	stop    func()
}

type natsBody struct{ Body string }

// Write implements nodes.Sink.
func (t *natsTill) Write(_ context.Context, in []natsBody) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range in {
		t.n += len(b.Body)
	}
	if t.left -= len(in); t.left == 0 {
		go t.stop()
	}
	return nil
}

func natsFlowReads(args []string) (result, error) {
	return natsStream(args, func(js jetstream.JetStream, n int, body string) (result, error) {
		if err := natsFill(js, n, body); err != nil {
			return result{}, err
		}
		count := &natsCount{left: n}
		registry, err := nodes.NewRegistry(all.Nodes, []nodes.Decl{nodes.Write("till", "Counts.", &natsTill{count}, nodes.Doc("Counts."))})
		if err != nil {
			return result{}, err
		}
		return timed(func() (string, error) {
			err := natsRun(fmt.Sprintf(`flow: reads
nodes:
  in: {use: nats.read, with: {url: %q, stream: BENCH, format: raw, as: "{body: string}"}}
  out: {use: till, in: in}
`, args[0]), registry, func(stop func()) { count.stop = stop })
			return fmt.Sprint(count.n), err
		})
	})
}
