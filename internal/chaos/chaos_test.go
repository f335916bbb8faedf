//go:build unix

package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	_ "github.com/flowrun/flowrun/cmd/flowrun/cli" // its changes make go test forget old results
	"github.com/flowrun/flowrun/internal/built"
	"github.com/flowrun/flowrun/internal/dbtest"
	"github.com/flowrun/flowrun/internal/kept"
	_ "github.com/flowrun/flowrun/nodes/connect/all" // and so do those of the kinds
)

// program is the real command, built once.
var program string

func TestMain(m *testing.M) { os.Exit(built.Main(m, &program)) }

// A plan says how long chaos lasts.
type plan struct {
	long       bool
	lasts      time.Duration
	every      time.Duration // between two outages
	most       time.Duration // how long a database is away
	pace       time.Duration // between two bodies of a sender
	takes      int           // after how many outages the first process is killed
	copies     int           // and the second
	reconnects time.Duration // what 99 of 100 must keep; 0: nothing is asked of the clock
}

func drawn(t *testing.T) plan {
	text := os.Getenv("FLOWRUN_CHAOS")
	if text == "" {
		return plan{lasts: 18 * time.Second, every: 3 * time.Second, most: time.Second, pace: 60 * time.Millisecond, takes: 2, copies: 3}
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("FLOWRUN_CHAOS is a duration, such as 5m: %v", err)
	}
	return plan{long: true, lasts: lasts, every: 10 * time.Second, most: 4 * time.Second, pace: 100 * time.Millisecond, takes: 3, copies: 5, reconnects: 2 * time.Second}
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

// patience is after what time something is taken to hang. Nothing that works comes near.
const patience = 3 * time.Minute

func TestChaos(t *testing.T) {
	p, s := drawn(t), seed(t)
	t.Logf("seed %d", s)
	random := rand.New(rand.NewPCG(s, 1))
	prices := startPeer(t, rand.New(rand.NewPCG(s, 2)))
	w := build(t, prices.url)
	take, copied := kept.Run(t, w.process("take")), kept.Run(t, w.process("copy"))
	defer func() { take.End(); copied.End() }()
	all := send(t.Context(), "http://"+w.address+"/orders", p.pace, s)
	outages := disturb(t, p, random, w, take, copied)
	all.stop.Store(true)
	if !within(func() bool { all.wait.Wait(); return true }) {
		t.Fatalf("senders wait for their answers:\n%s", take.Tail())
	}
	if !within(func() bool { return w.caughtUp(t) }) {
		t.Fatalf("the second flow does not catch up:\n%s", copied.Tail())
	}
	take.End()
	copied.End()
	b := w.audit(t, all)
	b.judge(t)
	w.balanced(t, "take")
	w.balanced(t, "copy")
	reconnected := append(reconnects(take, outages, map[string]dbtest.Brand{"db": dbtest.PostgreSQL}),
		reconnects(copied, outages, map[string]dbtest.Brand{"orders": dbtest.PostgreSQL, "maria": dbtest.MariaDB})...)
	t.Logf("\n%s", table(b, all, prices, outages, reconnected, take, copied))
	if p.reconnects == 0 {
		return
	}
	if len(reconnected) == 0 {
		t.Error("no node has noticed that its database was away")
	}
	for node, of := range byNode(reconnected) {
		if got := p99(of); got > p.reconnects {
			t.Errorf("%s: 99 of 100 reconnects took up to %v, want %v", node, got, p.reconnects)
		}
	}
}

// process says how a flow is run.
func (w *world) process(flow string) kept.Options {
	return kept.Options{Program: program, Dir: w.dir, Flow: flow, Secret: dbtest.Password,
		Hear: func(msg string) bool { return strings.HasPrefix(msg, "the database is") || msg == "run started" }}
}

// within waits for something that happens unless there is a fault.
func within(f func() bool) bool {
	done := make(chan bool, 1)
	go func() { done <- f() }()
	select {
	case ok := <-done:
		return ok
	case <-time.After(patience):
		return false
	}
}

// disturb takes databases away and kills processes, until the time is over.
func disturb(t *testing.T, p plan, random *rand.Rand, w *world, take, copied *kept.Process) (outages []outage) {
	t.Helper()
	end := time.Now().Add(p.lasts)
	for i := 0; time.Now().Before(end); i++ {
		server := []*dbtest.Server{w.postgres, w.maria}[i%2]
		begun := time.Now()
		var kills sync.WaitGroup
		for _, k := range []struct {
			p     *kept.Process
			every int
		}{{take, p.takes}, {copied, p.copies}} {
			if i%k.every == k.every-1 {
				after := time.Duration(random.Int64N(int64(p.every)))
				kills.Go(func() { time.Sleep(after); k.p.Kill() })
			}
		}
		o, err := takeAway(server, time.Duration(random.Int64N(int64(p.most))))
		if err != nil {
			t.Fatal(err)
		}
		outages = append(outages, o)
		time.Sleep(time.Until(begun.Add(p.every)))
		kills.Wait()
	}
	return outages
}

// table is what is told at the end.
func table(b *books, s *senders, p *peer, outages []outage, reconnected []reconnect, processes ...*kept.Process) string {
	var out strings.Builder
	fmt.Fprintf(&out, "orders begun %d, answered 200: %d (%v)\n", s.next.Load(), len(s.taken), s.answers)
	fmt.Fprintf(&out, "server of prices: %v\n", p.what)
	for _, p := range processes {
		fmt.Fprintln(&out, p)
	}
	fmt.Fprintln(&out, b)
	counts := map[dbtest.Brand]int{}
	for _, o := range outages {
		counts[o.brand]++
	}
	fmt.Fprintf(&out, "outages: %d of PostgreSQL, %d of MariaDB\n", counts[dbtest.PostgreSQL], counts[dbtest.MariaDB])
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "reconnects\tn\tfrom the port p50\tp99\tmax\tfrom the login p50\tp99\tmax")
	for node, of := range byNode(reconnected) {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", node, len(of), spread(of, func(r reconnect) time.Duration { return r.fromPort }), spread(of, func(r reconnect) time.Duration { return r.login }))
	}
	w.Flush()
	return out.String()
}
