//go:build unix

package brokerchaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/flowrun/flowrun/cmd/flowrun/cli" // its changes make go test forget old results
	"github.com/flowrun/flowrun/internal/built"
	"github.com/flowrun/flowrun/internal/kept"
	_ "github.com/flowrun/flowrun/nodes/connect/all" // and so do those of the kinds
)

// program is the real command, built once.
var program string

func TestMain(m *testing.M) { os.Exit(built.Main(m, &program)) }

// A server is a broker that runs.
type server interface {
	Kill()
	Again() error
}

// A broker is one that the laws are tried with.
type broker struct {
	start       func(t *testing.T) (s server, url, secret string)
	write, read string // the nodes, without their names and inputs; URL stands for the address
	readers     int    // processes that share the work
	every       time.Duration
	ordered     bool // one reader has all items of a key at a time
}

// A plan says how long it lasts.
type plan struct {
	restarts int
	every    time.Duration // between two; 0: that of the broker
	rate     int           // items a second
}

func drawn(t *testing.T, b broker) plan {
	text := os.Getenv("FLOWRUN_BROKERS")
	if text == "" {
		return plan{restarts: 2, every: 3 * time.Second, rate: 2000}
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("FLOWRUN_BROKERS is a duration, such as 2m: %v", err)
	}
	return plan{restarts: max(1, int(lasts/b.every)), every: b.every, rate: 2000}
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
const patience = time.Minute

func TestBrokers(t *testing.T) {
	for name, b := range brokers {
		t.Run(name, func(t *testing.T) { b.suffer(t) })
	}
}

func (b broker) suffer(t *testing.T) {
	p, s := drawn(t, b), seed(t)
	random := rand.New(rand.NewPCG(s, 1))
	server, url, secret := b.start(t)
	dir := t.TempDir()
	n := p.rate * int((time.Duration(p.restarts+1) * p.every).Seconds())
	in := strings.NewReplacer("URL", "'"+url+"'")
	write(t, dir, "feed.yaml", in.Replace(fmt.Sprintf(`flow: feed
nodes:
  n:   {use: generate, rate: %d/s, with: {count: %d, set: {id: n, key: 'string(n %% 7)', text: '"an item that is about a hundred bytes long, as those of the benchmarks are"'}}}
  out: {in: n, %s}
`, p.rate, n, b.write)))
	var readers []*kept.Process
	options := func(flow string) kept.Options {
		return kept.Options{Program: program, Dir: dir, Flow: flow, Secret: secret}
	}
	for i := range b.readers {
		name := fmt.Sprintf("drain%d", i)
		write(t, dir, name+".yaml", in.Replace(fmt.Sprintf(`flow: drain
nodes:
  in:  {%s}
  out: {use: file.write, in: in, with: {path: out%d.jsonl, append: true}}
`, b.read, i)))
		readers = append(readers, kept.Run(t, options(name)))
	}
	feed := options("feed")
	feed.Once = true
	feeder := kept.Run(t, feed)
	defer func() {
		feeder.End()
		for _, r := range readers {
			r.End()
		}
	}()
	for range p.restarts {
		time.Sleep(p.every - time.Duration(random.Int64N(int64(p.every/2))))
		readers[random.IntN(len(readers))].Kill()
		time.Sleep(time.Duration(random.Int64N(int64(p.every / 4))))
		server.Kill()
		time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
		if err := server.Again(); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-feeder.Ended():
	case <-time.After(patience):
		t.Fatalf("not all is written:\n%s", feeder.Tail())
	}
	l := &ledger{n: n, seen: make([]bool, n), last: map[[2]int]int{}, at: map[string]int64{}, ordered: b.ordered}
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		for i := range readers {
			l.read(t, filepath.Join(dir, fmt.Sprintf("out%d.jsonl", i)), i)
		}
		if l.first == n {
			break
		}
		if time.Now().After(end) {
			t.Errorf("%d of %d items are lost, the first is %d\n%s", n-l.first, n, l.missing(), readers[0].Tail())
			break
		}
	}
	for _, r := range readers {
		r.End()
	}
	again, resent := int64(0), standing(t, dir, "feed").Resent
	for i, r := range readers {
		again += standing(t, dir, fmt.Sprintf("drain%d", i)).Redelivered
		t.Log(r)
	}
	t.Logf("seed %d: %d items, %d restarts of the broker, %d lost, %d twice, %d out of order; sent again %d, given again to those that came to their end %d",
		s, n, p.restarts, n-l.first, l.twice, l.wrong, resent, again)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A ledger is what has come.
type ledger struct {
	n, first, twice, wrong int
	seen                   []bool
	last                   map[[2]int]int   // of a reader and a key, the item whose first copy came last
	at                     map[string]int64 // how far files were read
	ordered                bool
}

// read reads what has come to a file since it was read last.
func (l *ledger) read(t *testing.T, path string, reader int) {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Seek(l.at[path], 0)
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return // the rest of the line may come yet
		}
		l.at[path] += int64(len(line))
		var x struct {
			ID  int
			Key string
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil || x.ID < 0 || x.ID >= l.n || x.Key != strconv.Itoa(x.ID%7) {
			t.Fatalf("%s is torn: %q", path, line)
		}
		if l.seen[x.ID] {
			l.twice++
			continue
		}
		l.seen[x.ID] = true
		l.first++
		key := [2]int{reader, x.ID % 7}
		if last, ok := l.last[key]; l.ordered && ok && x.ID < last {
			if l.wrong++; l.wrong < 5 {
				t.Errorf("item %d came first after %d, of the same key", x.ID, last)
			}
		}
		l.last[key] = x.ID
	}
}

func (l *ledger) missing() int {
	for i, seen := range l.seen {
		if !seen {
			return i
		}
	}
	return -1
}

// standing reads the report of a process that came to its end, whose books must balance.
func standing(t *testing.T, dir, flow string) (s struct{ Redelivered, Resent int64 }) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, flow+".json"))
	if err != nil {
		t.Error(err)
		return s
	}
	var report struct {
		Nodes []struct {
			ID                                              string
			Source                                          bool
			In, Used, Filtered, Skipped, Dead, Failed, Held int64
			Standing                                        *struct{ Redelivered, Resent int64 }
		}
	}
	if err := json.Unmarshal(text, &report); err != nil || len(report.Nodes) == 0 {
		t.Fatalf("%v in %s", err, text)
	}
	for _, n := range report.Nodes {
		if !n.Source && n.In != n.Used+n.Filtered+n.Skipped+n.Dead+n.Failed+n.Held {
			t.Errorf("the books of %s do not balance: %+v", flow, n)
		}
		if n.Standing != nil {
			s.Redelivered += n.Standing.Redelivered
			s.Resent += n.Standing.Resent
		}
	}
	return s
}
