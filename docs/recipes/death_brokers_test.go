package recipes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/internal/brokertest"
)

// This file does for the recipes with brokers what death_test.go does for the others.

// publish sends messages to a topic, one after the other, and waits until the broker has them.
func publish(t *testing.T, s *brokertest.Server, topic string, messages ...string) {
	t.Helper()
	cmd := exec.Command("mosquitto_pub", "-p", fmt.Sprint(s.Port), "-u", "flow", "-P", brokertest.Password, "-V", "5", "-q", "1", "-t", topic, "-l")
	cmd.Stdin = strings.NewReader(strings.Join(messages, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_pub: %v\n%s", err, out)
	}
}

func reading(at time.Time, celsius float64) string {
	return fmt.Sprintf(`{"at": %q, "celsius": %g}`, at.Format(time.RFC3339), celsius)
}

// listened starts a flow that reads sensors, and waits until it has subscribed.
func (p *place) listened(s *brokertest.Server, flow string) *flow {
	p.t.Helper()
	before := p.read("out/bad-readings.jsonl")
	f := p.start(flow+".yaml", "-s", "broker="+s.URL)
	until(p.t, "a message that cannot be read", func() bool {
		publish(p.t, s, "sensors/cellar/climate", "?")
		return p.read("out/bad-readings.jsonl") != before
	})
	return f
}

// A kill of the flow with windows loses the readings of the minute that is open, and nothing
// of what is written; a stop loses nothing.
func TestSensorsThatAreKilled(t *testing.T) {
	need(t, "sqlite3", "mosquitto_pub")
	s := brokertest.Start(t, brokertest.Mosquitto, brokertest.Options{})
	defer s.Close()
	p := copied(t)
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	rows := func() string {
		return p.look("out/climate.db", "SELECT group_concat(minute || ':' || n, ' ') FROM (SELECT substr(start, 12, 5) AS minute, sum(readings) AS n FROM climate GROUP BY 1 ORDER BY 1)")
	}
	f := p.listened(s, "sensors")
	publish(t, s, "sensors/attic/climate", reading(at, 17), reading(at.Add(time.Minute), 17), reading(at.Add(70*time.Second), 17), reading(at, 1000))
	until(t, "the first minute", func() bool { return rows() == "08:00:1" })
	until(t, "what came last", func() bool { return strings.Contains(p.read("out/odd-readings.jsonl"), "1000") })
	f.kill()
	f = p.listened(s, "sensors")
	publish(t, s, "sensors/attic/climate", reading(at.Add(80*time.Second), 18), reading(at.Add(130*time.Second), 18))
	until(t, "the minute that the kill has cut", func() bool { return rows() == "08:00:1 08:01:1" })
	f.stop()
	f = p.listened(s, "sensors")
	publish(t, s, "sensors/attic/climate", reading(at.Add(140*time.Second), 18), reading(at.Add(200*time.Second), 18))
	until(t, "the minute that the stop has cut", func() bool { return rows() == "08:00:1 08:01:1 08:02:2" })
	f.stop()
	if got := rows(); got != "08:00:1 08:01:1 08:02:2 08:03:1" {
		t.Errorf("the table has %s", got)
	}
}

// Readings that are kept are all there in the end, although the flow is killed while they
// come.
func TestSensorsKeptThatAreKilled(t *testing.T) {
	need(t, "sqlite3", "mosquitto_pub")
	s := brokertest.Start(t, brokertest.Mosquitto, brokertest.Options{})
	defer s.Close()
	p := copied(t)
	f := p.listened(s, "sensors-kept")
	const rounds, each = 4, 1500
	for round := range rounds {
		var messages []string
		for i := range each {
			messages = append(messages, reading(time.Date(2026, 3, 1, 8+round, 0, i, 0, time.UTC), float64(i%40)))
		}
		var sending sync.WaitGroup
		sending.Go(func() { publish(t, s, "sensors/attic/climate", messages...) })
		time.Sleep(rand.N(200 * time.Millisecond)) // any moment is a good one
		f.kill()
		f = p.start("sensors-kept.yaml", "-s", "broker="+s.URL)
		sending.Wait()
	}
	until(t, "all readings", func() bool {
		return p.look("out/readings.db", "SELECT count(*) FROM readings") == fmt.Sprint(rounds*each)
	})
	f.stop()
}

// Each order is in a file of its hour, although the flow is killed while files are written.
func TestHourlyThatIsKilled(t *testing.T) {
	p := copied(t)
	p.kafka()
	const rounds, each = 5, 2000
	begun := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for round := range rounds {
		var b strings.Builder
		for i := range each {
			id := round*each + i
			fmt.Fprintf(&b, `{"id":%d,"item":"cup","total":1.5,"at":%q}`+"\n", id, begun.Add(time.Duration(id)*time.Second).Format(time.RFC3339))
		}
		p.write("data/hourly.jsonl", b.String())
		p.must("run", "-q", "hourly-feed.yaml")
		f := p.start("hourly.yaml", "-s", "every=100ms")
		if round < rounds-1 {
			time.Sleep(rand.N(1500 * time.Millisecond)) // any moment is a good one
			f.kill()
			continue
		}
		ids := map[int]int{}
		until(t, "all orders", func() bool { ids = p.ordersOf("out/orders"); return len(ids) == rounds*each })
		f.stop()
		twice := 0
		for _, n := range p.ordersOf("out/orders") {
			twice += n - 1
		}
		t.Logf("%d orders, of which %d are there once more", len(ids), twice)
	}
}

// ordersOf reads the files of a folder, and counts the orders. Each has to be in the file of
// its hour.
func (p *place) ordersOf(folder string) map[int]int {
	p.t.Helper()
	p.write("all.yaml", `flow: all
nodes:
  rows: {use: file.read, with: {path: "`+folder+`/*.parquet", as: "{id: int, at: time}", place: true}}
  out:  {use: map, in: rows, with: {set: {file: place.file, hour: 'format(at, "2006-01-02T15")'}, select: [id, file, hour]}}
  file: {use: file.write, in: out, with: {path: all.jsonl}}
`)
	ids := map[int]int{}
	if said, code := p.run("run", "-q", "all.yaml"); code != 0 {
		if !strings.Contains(said, "[E401]") { // there is none yet
			p.t.Fatal(said)
		}
		return ids
	}
	for line := range strings.Lines(p.read("all.jsonl")) {
		var row struct {
			ID         int
			File, Hour string
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil || !strings.Contains(row.File, "/"+row.Hour+"-") {
			p.t.Fatalf("%v: %s", err, line)
		}
		ids[row.ID]++
	}
	return ids
}

// A system that is killed holds up none of the others; when it is back it has all that it
// takes, although the flow was killed meanwhile, and what it refuses is in letters.
func TestFanoutOfASystemThatIsKilled(t *testing.T) {
	need(t, "sqlite3")
	p := copied(t)
	p.kafka()
	const first, all = 500, 12_000 // more than the edge to the system holds
	feed := func(from, to int) {
		var b strings.Builder
		for i := from; i < to; i++ {
			customer := `"Ann"`
			if i%1000 == 7 {
				customer = "null"
			}
			fmt.Fprintf(&b, `{"id":%d,"customer":%s,"total":1.5}`+"\n", i, customer)
		}
		p.write("data/fanout.txt", b.String())
		p.must("run", "-q", "fanout-feed.yaml")
	}
	ids := func(name, system string) map[int]bool {
		seen := map[int]bool{}
		for line := range strings.Lines(p.read(name)) {
			var row struct {
				ID     int
				System string
				Item   struct{ ID int }
			}
			if json.Unmarshal([]byte(line), &row) == nil && row.System == system {
				seen[max(row.ID, row.Item.ID)] = true
			}
		}
		return seen
	}
	feed(0, first)
	peer := p.start("fanout-peer.yaml")
	f := p.start("fanout.yaml")
	until(t, "the first orders", func() bool { return len(ids("out/mails.jsonl", "")) == first-1 })
	peer.kill()
	feed(first, all)
	others := func() bool {
		return p.look("out/orders.db", "SELECT count(*) FROM orders") == fmt.Sprint(all) && len(ids("out/archive.jsonl", "")) == all
	}
	until(t, "all orders in the other systems", others)
	if n := len(ids("out/mails.jsonl", "")); n != first-1 {
		t.Errorf("the system that is down has %d orders", n)
	}
	f.kill()
	f = p.start("fanout.yaml")
	peer = p.start("fanout-peer.yaml")
	until(t, "all orders in the system that was down", func() bool { return len(ids("out/mails.jsonl", "")) == all-all/1000 })
	letters := p.start("fanout-dead.yaml")
	until(t, "letters", func() bool { return len(ids("out/dead.jsonl", "mail")) == all/1000 })
	if !others() {
		t.Error("the other systems have more, or less, than all orders")
	}
	f.stop()
	letters.stop()
	peer.stop()
}

// Jobs are done at least once, although the flow is killed while it has many.
func TestQueueThatIsKilled(t *testing.T) {
	need(t, "redis-cli")
	s := brokertest.Start(t, brokertest.Redis, brokertest.Options{})
	defer s.Close()
	redis := func(args ...string) string {
		out, err := exec.Command("redis-cli", append([]string{"-u", s.URL, "--no-auth-warning"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	var mu sync.Mutex
	worked := map[string]int{}
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if !bytes.Contains(body, []byte(`"id":"`+key+`"`)) {
			w.WriteHeader(400)
			return
		}
		worked[key]++
	}))
	defer peer.Close()
	p := copied(t)
	const each = 1000
	for _, list := range []string{"low", "normal", "urgent"} {
		args := []string{"lpush", "jobs:" + list}
		for i := range each {
			args = append(args, fmt.Sprintf(`{"id": "%s-%d", "task": "tidy"}`, list, i))
		}
		redis(args...)
	}
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(worked) }
	start := func() *flow { return p.start("queue.yaml", "-s", "redis="+s.URL, "-s", "url="+peer.URL) }
	f := start()
	for round := 1; round <= 4; round++ {
		until(t, "more jobs", func() bool { return count() >= round*each/2 })
		f.kill()
		f = start()
	}
	until(t, "all jobs", func() bool { return count() == 3*each })
	f.stop()
	twice := 0
	for _, n := range worked {
		twice += n - 1
	}
	t.Logf("%d jobs were done, %d of them once more", len(worked), twice)
	if left := redis("eval", `local n = 0; for _, k in ipairs(redis.call("keys", "jobs:*")) do if redis.call("type", k).ok == "list" then n = n + redis.call("llen", k) end end; return n`, "0"); left != "0" {
		t.Errorf("%s jobs are left in lists", left)
	}
}
