package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/connect/all"
	"github.com/flowrun/flowrun/scheduler"
)

// This file has the workload that sends and receives messages: the kinds of brokers against
// their clients, each as its authors recommend it for many messages, in batches of 256
// messages of about 100 bytes.

// inBatch is how many messages the clients send or receive at once.
const inBatch = 256

// text is most of a message.
var text = strings.Repeat("an item ", 10)

func redisWorkload(ctx context.Context, h *harness) error {
	n := h.size(500_000, 10_000)
	url, stop, err := redisServer(ctx, h.dir)
	if errors.Is(err, exec.ErrNotFound) {
		fmt.Fprintln(h.out, "\nRedis is not installed: its streams are left out")
		return nil
	}
	if err != nil {
		return err
	}
	defer stop()
	size := strconv.Itoa(n)
	for _, way := range []string{"send", "receive"} {
		series, err := h.compare(ctx, fmt.Sprintf("Redis streams, %s %d entries of 100 bytes", way, n), int64(n), 0,
			h.child("redis."+way, url, size), h.child("the client of Redis, "+way, url, size))
		if err != nil {
			return err
		}
		h.claim(claim{text: "Redis streams, " + way + ": share of the speed of go-redis with pipelines of 256", got: 100 * series[1].median(wall) / series[0].median(wall), unit: "%", target: 70}, series...)
	}
	return nil
}

// runText runs a flow to its end, or, if done is not nil, until that is so.
func runText(text string, done func() bool) error {
	registry, err := nodes.NewRegistry(all.Nodes)
	if err != nil {
		return err
	}
	f, list := graph.Load(diag.NewSource("messages.yaml", []byte(text)), registry, graph.Options{})
	if err := list.Err(); err != nil {
		return err
	}
	run, err := scheduler.New(f, registry, scheduler.Options{})
	if err != nil {
		return err
	}
	if done != nil {
		go func() {
			for !done() {
				time.Sleep(10 * time.Millisecond)
			}
			run.Stop()
		}()
	}
	_, err = run.Run(context.Background())
	return err
}

// sendingFlow writes n items by a node.
func sendingFlow(n, node string) string {
	return fmt.Sprintf("flow: send\nnodes:\n  items: {use: generate, with: {count: %s, set: {id: n, text: '%q'}}}\n  out: {in: items, %s}\n", n, text, node)
}

// receivingFlow reads items by a node.
func receivingFlow(node string) string {
	return fmt.Sprintf("flow: receive\nnodes:\n  in: {%s}\n  keep: {use: filter, in: in, with: {where: id < 0}}\n  out: {use: drop, in: keep}\n", node)
}

func withRedis(url string, f func(ctx context.Context, c *redis.Client) error) error {
	o, err := redis.ParseURL(url)
	if err != nil {
		return err
	}
	c := redis.NewClient(o)
	defer c.Close()
	return f(context.Background(), c)
}

func redisSend(args []string) (result, error) {
	if err := withRedis(args[0], func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }); err != nil {
		return result{}, err
	}
	r, err := timed(func() (string, error) {
		return "", runText(sendingFlow(args[1], fmt.Sprintf("use: redis.write, with: {url: %q, key: items}", args[0])), nil)
	})
	if err == nil {
		r.Digest, err = redisDigest(args[0])
	}
	return r, err
}

func redisDigest(url string) (digest string, err error) {
	return digest, withRedis(url, func(ctx context.Context, c *redis.Client) error {
		n, err := c.XLen(ctx, "items").Result()
		last, err2 := c.XRevRangeN(ctx, "items", "+", "-", 1).Result()
		if err == nil && err2 == nil && len(last) == 1 {
			digest = fmt.Sprint(n, last[0].Values["id"], last[0].Values["text"])
		}
		return errors.Join(err, err2)
	})
}

// fillRedis puts n entries into the stream, in pipelines.
func fillRedis(ctx context.Context, c *redis.Client, n int) error {
	for i := 0; i < n; {
		p := c.Pipeline()
		for range min(inBatch, n-i) {
			p.XAdd(ctx, &redis.XAddArgs{Stream: "items", Values: []any{"id", i, "text", text}})
			i++
		}
		if _, err := p.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func clientOfRedisSends(args []string) (result, error) {
	n, err := strconv.Atoi(args[1])
	if err == nil {
		err = withRedis(args[0], func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() })
	}
	if err != nil {
		return result{}, err
	}
	r, err := timed(func() (string, error) {
		return "", withRedis(args[0], func(ctx context.Context, c *redis.Client) error { return fillRedis(ctx, c, n) })
	})
	if err == nil {
		r.Digest, err = redisDigest(args[0])
	}
	return r, err
}

// filled makes a stream of n entries that nobody has read.
func filled(args []string) (n int, err error) {
	if n, err = strconv.Atoi(args[1]); err != nil {
		return 0, err
	}
	return n, withRedis(args[0], func(ctx context.Context, c *redis.Client) error {
		if err := c.FlushAll(ctx).Err(); err != nil {
			return err
		}
		return fillRedis(ctx, c, n)
	})
}

// taken is how many entries a group has read and acknowledged.
func taken(url, group string) (digest string, err error) {
	return digest, withRedis(url, func(ctx context.Context, c *redis.Client) error {
		groups, err := c.XInfoGroups(ctx, "items").Result()
		for _, g := range groups {
			if g.Name == group {
				digest = fmt.Sprint(g.EntriesRead, g.Pending)
			}
		}
		return err
	})
}

func redisReceive(args []string) (result, error) {
	if _, err := filled(args); err != nil {
		return result{}, err
	}
	r, err := timed(func() (string, error) {
		return "", runText(receivingFlow(fmt.Sprintf("use: redis.read, with: {url: %q, key: items, group: g, as: '{id: int, text: string}'}", args[0])), func() bool {
			got, err := taken(args[0], "g")
			return err != nil || got == args[1]+" 0"
		})
	})
	if err == nil {
		r.Digest, err = taken(args[0], "g")
	}
	return r, err
}

func clientOfRedisReceives(args []string) (result, error) {
	n, err := filled(args)
	if err != nil {
		return result{}, err
	}
	r, err := timed(func() (string, error) {
		return "", withRedis(args[0], func(ctx context.Context, c *redis.Client) error {
			if err := c.XGroupCreate(ctx, "items", "g", "0").Err(); err != nil {
				return err
			}
			for got := 0; got < n; {
				streams, err := c.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"items", ">"}, Count: inBatch}).Result()
				if err != nil {
					return err
				}
				ids := make([]string, 0, inBatch)
				for _, m := range streams[0].Messages {
					ids = append(ids, m.ID)
				}
				if err := c.XAck(ctx, "items", "g", ids...).Err(); err != nil {
					return err
				}
				got += len(ids)
			}
			return nil
		})
	})
	if err == nil {
		r.Digest, err = taken(args[0], "g")
	}
	return r, err
}

// redisServer starts a server with a folder and a port of its own, which keeps what it is
// given as Debian's does where there is an append-only file.
func redisServer(ctx context.Context, dir string) (url string, stop func(), err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, exec.ErrNotFound
	}
	if dir, err = os.MkdirTemp(dir, "redis-"); err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	at := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(at)
	c := exec.CommandContext(ctx, program, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--logfile", filepath.Join(dir, "log"))
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		os.RemoveAll(dir)
	}
	for range 100 {
		conn, err := net.Dial("tcp", at)
		if err == nil {
			conn.Close()
			return "redis://" + at, stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("redis-server does not start")
}
