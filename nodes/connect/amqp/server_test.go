package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/rabbitmq/amqp091-go"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has what tests with a real broker share.

var (
	sharedMu sync.Mutex
	shared   *brokertest.Server
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		shared.Close()
	}
	os.Exit(code)
}

// rabbit is a broker that many tests share; none stops it.
func rabbit(t *testing.T) *brokertest.Server {
	t.Helper()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if shared == nil {
		shared = brokertest.Start(t, brokertest.RabbitMQ, brokertest.Options{})
	}
	return shared
}

// own is a broker of one test.
func own(t *testing.T, o brokertest.Options) *brokertest.Server {
	t.Helper()
	s := brokertest.Start(t, brokertest.RabbitMQ, o)
	t.Cleanup(s.Close)
	return s
}

// noCanary expects that the password is nowhere.
func noCanary(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, brokertest.Password) {
			t.Errorf("this tells the password:\n%s", text)
		}
	}
}

// A seen is a sink that keeps lines of JSON at once.
type seen struct {
	mu    sync.Mutex
	lines []string
	on    func(n int) error // is told how many there are; nil: nobody is
}

// seenKind is its kind, and the operator.
type seenKind struct {
	*seen
	enc *jsonl.Encoder
}

func (k *seenKind) Infer(c *graph.Inference) { c.Record("in") }

func (k *seenKind) Operator(env *nodes.Env) (nodes.Operator, error) {
	return &seenKind{k.seen, jsonl.NewEncoder(env.In("in"))}, nil
}

func (k *seenKind) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	b := in.Data.(*record.Batch)
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range b.Len() {
		k.lines = append(k.lines, string(k.enc.AppendRow(nil, b, b.Row(i))))
		if k.on != nil {
			if err := k.on(len(k.lines)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *seen) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.lines)
}

func (k *seen) kit() nodetest.Kit {
	return kit.With([]nodes.Decl{nodes.Kind("seen", "Keeps.", &seenKind{seen: k}, nodesIn, nodesOne)})
}

var nodesIn, nodesOne = nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single)

// hintOf is what an error says is to be done.
func hintOf(err error) (string, bool) {
	var h interface {
		error
		Hint() diag.Hint
	}
	if !errors.As(err, &h) {
		return "", false
	}
	return h.Hint().Text, true
}

// begin runs a flow that reads on a goroutine of its own.
func begin(t *testing.T, url, settings string, k *seen) (stop func(), ended <-chan nodetest.Result) {
	t.Helper()
	begun, result := make(chan func(), 1), make(chan nodetest.Result, 1)
	kit := k.kit()
	go func() {
		result <- kit.Run(t, flowOf(url, settings), nil, nodetest.Setup{Begun: func(f func()) { begun <- f }})
	}()
	return <-begun, result
}

// await waits until something holds, for a minute at most.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// channel is one of a client of the test's own.
func channel(t *testing.T, s *brokertest.Server) *client.Channel {
	t.Helper()
	c, err := client.Dial(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// makeQueue makes one for a test, of a type.
func makeQueue(t *testing.T, s *brokertest.Server, name, kind string, args client.Table) *client.Channel {
	t.Helper()
	ch := channel(t, s)
	all := client.Table{"x-queue-type": kind}
	maps.Copy(all, args)
	if _, err := ch.QueueDeclare(name, true, false, false, false, all); err != nil {
		t.Fatal(err)
	}
	return ch
}

// left is what a queue has, and what nobody has acknowledged.
func left(t *testing.T, s *brokertest.Server, queue string) (bodies []string) {
	t.Helper()
	ch := channel(t, s)
	defer ch.Close()
	for {
		d, ok, err := ch.Get(queue, false)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(d.Body))
	}
}

// reading runs a flow that reads until the sink says stop, or has seen so many.
func reading(t *testing.T, s *brokertest.Server, settings string, k *seen, n int) nodetest.Result {
	t.Helper()
	var stop func()
	had := k.on
	k.on = func(got int) error {
		if had != nil {
			if err := had(got); err != nil {
				return err
			}
		}
		if got == n {
			stop()
		}
		return nil
	}
	r := k.kit().Run(t, flowOf(s.URL, settings), nil, nodetest.Setup{Begun: func(f func()) { stop = f }})
	noCanary(t, r.Log, r.Told())
	return r
}

func flowOf(url, settings string) string {
	return "flow: f\nnodes:\n  in: {use: amqp.read, with: {url: '" + url + "', " + settings + "}}\n  out: {use: seen, in: in}\n"
}

// writing runs a flow that publishes n items, {n: 0} and so on.
func writing(t *testing.T, s *brokertest.Server, n int, settings string) nodetest.Result {
	t.Helper()
	r := kit.Run(t, fmt.Sprintf("flow: g\nnodes:\n  gen: {use: generate, with: {count: %d, set: {n: n}}}\n  out: {use: amqp.write, in: gen, with: {url: '%s', %s}}\n", n, s.URL, settings), nil, nodetest.Setup{})
	noCanary(t, r.Log, r.Told())
	return r
}

// numbers makes {"n":0} up to n of lines.
func numbers(from, n int) (lines []string) {
	for i := from; i < n; i++ {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, i))
	}
	return lines
}

// lost gives which of n lines are missing, and how many came more than once.
func lost(lines []string, n int) (missing []string, twice int) {
	count := map[string]int{}
	for _, l := range lines {
		count[l]++
	}
	for _, want := range numbers(0, n) {
		if count[want] == 0 {
			missing = append(missing, want)
		}
		twice += max(0, count[want]-1)
	}
	return missing, twice
}

// A syncBuffer may be read while others write.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
