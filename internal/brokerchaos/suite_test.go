//go:build unix

package brokerchaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/flowrun/flowrun/cmd/flowrun/cli" // its changes make go test forget old results
	"github.com/flowrun/flowrun/internal/brokertest"
	"github.com/flowrun/flowrun/internal/built"
	"github.com/flowrun/flowrun/internal/kept"
	_ "github.com/flowrun/flowrun/nodes/connect/all" // and so do those of the kinds
)

// program is the real command, built once.
var program string

func TestMain(m *testing.M) {
	if os.Getenv(fakeKafka) != "" {
		serveKafka()
	}
	os.Exit(built.Main(m, &program))
}

// TestBrokers tries the laws with each form of each broker. In the short form as many brokers
// as there are cores run at a time, in the long one they do one after the other.
func TestBrokers(t *testing.T) {
	for _, b := range brokers {
		t.Run(b.name, func(t *testing.T) {
			if os.Getenv(longForm) == "" {
				t.Parallel()
			}
			w := b.begin(t)
			for i, f := range b.forms {
				w.form, w.again, w.items = f, again(i), items(i)
				t.Run(f.name, func(t *testing.T) {
					if t.Run("given again", w.givenAgain) {
						t.Run("outages", w.outages)
					}
				})
				if t.Failed() {
					return // it may have waited until the time of the tests was over
				}
			}
		})
	}
}

// again and items are the names of the queues of a form, one for each law.
func again(form int) string { return fmt.Sprintf("again%d", form) }
func items(form int) string { return fmt.Sprintf("items%d", form) }

// A world is a broker that runs, and one of its forms.
type world struct {
	broker
	peer
	form
	again, items string // its queues
	seed         uint64
	random       *rand.Rand
}

// begin starts a broker.
func (b broker) begin(t *testing.T) *world {
	w := &world{broker: b, seed: seed(t)}
	w.random = rand.New(rand.NewPCG(w.seed, 1))
	var queues []string
	for i := range b.forms {
		queues = append(queues, again(i), items(i))
	}
	w.peer = b.start(t, queues)
	return w
}

func seed(t *testing.T) uint64 {
	text := os.Getenv("FLOWRUN_SEED")
	if text == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// run runs a flow; in its text URL stands for the broker and NAME for the queue.
func (w *world) run(t *testing.T, dir, flow, queue, text string, o kept.Options) *kept.Process {
	t.Helper()
	text = strings.NewReplacer("URL", "'"+w.url+"'", "NAME", queue).Replace(text)
	if err := os.WriteFile(filepath.Join(dir, flow+".yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Program, o.Dir, o.Flow, o.Secret = program, dir, flow, w.secret
	p := kept.Run(t, o)
	t.Cleanup(func() {
		p.Crash() // unless it has ended
		if t.Failed() {
			t.Logf("%v\n%s", p, p.Tail())
		}
	})
	return p
}

// feed writes the items from one number up to another.
func (w *world) feed(t *testing.T, dir, queue string, from, to int, with string) *kept.Process {
	t.Helper()
	return w.run(t, dir, fmt.Sprintf("feed%d", from), queue, fmt.Sprintf(`flow: feed
nodes:
  n:   {use: generate, %s with: {count: %d, set: {id: n + %d, key: 'string((n + %[3]d) %% %d)', text: '"an item that is about a hundred bytes long, as those of the benchmarks are"'}}}
  out: {in: n, %s}
`, with, to-from, from, keys, w.write), kept.Options{Once: true})
}

// readBy starts one of those that read, and waits until it has a session.
func (w *world) readBy(t *testing.T, dir, queue string, reader int, patience time.Duration, sink string, args ...string) *kept.Process {
	t.Helper()
	in := strings.NewReplacer("READER", strconv.Itoa(reader), "PATIENCE", patience.String()).Replace(w.read)
	p := w.run(t, dir, fmt.Sprintf("drain%d", reader), queue, fmt.Sprintf(`flow: drain
nodes:
  in:  {%s}
  out: {in: in, %s}
`, in, sink),
		kept.Options{Args: args, Hear: func(msg string) bool { return msg == "node started" }})
	w.await(t, "a reader has a session", func() bool { return len(p.Words()) > 0 })
	return p
}

// await waits until something holds, or the test has failed meanwhile.
func (w *world) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	brokertest.Await(t, what, func() bool { return t.Failed() || holds() })
	if t.Failed() {
		t.FailNow()
	}
}

// restart takes the broker away and starts it again, after a while.
func (w *world) restart(t *testing.T, after time.Duration) {
	t.Helper()
	if err := w.end(w.server); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := w.server.Again(); err != nil {
		t.Fatal(err)
	}
}
