package scheduler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// A journal keeps events as JSON lines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) options() scheduler.Options {
	return scheduler.Options{Events: slog.New(slog.NewJSONHandler(j, nil)), Watch: 5 * time.Second}
}

// An event is one line, decoded.
type event map[string]any

func (j *journal) events(t *testing.T) []event {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []event
	for dec := json.NewDecoder(bytes.NewReader(j.text.Bytes())); ; {
		var e event
		if err := dec.Decode(&e); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
}

// words gives the events in short: the message and some of the keys.
func (j *journal) words(t *testing.T, keys ...string) []string {
	t.Helper()
	var lines []string
	for _, e := range j.events(t) {
		line := []string{strings.ToLower(e["level"].(string)), e["msg"].(string)}
		for _, k := range keys {
			if v, ok := e[k]; ok {
				line = append(line, fmt.Sprintf("%s=%v", k, v))
			}
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: the events are\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestEventsOfARun(t *testing.T) {
	for _, serial := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			var j journal
			opts := j.options()
			opts.Serial = serial
			try(t, `
  source: {use: emit, with: {count: 20, every: 100ms}}
  sink:   {use: keep, in: source}
`, opts).succeed()
			got := j.words(t, "node", "kind", "workers", "in", "out", "outcome", "rows", "errors", "seconds", "nodes", "edges")
			slices.Sort(got[1:3])
			same(t, fmt.Sprintf("serial %v", serial), got, []string{
				"info run started nodes=2 edges=1",
				"info node started node=sink kind=keep workers=1",
				"info node started node=source kind=emit workers=1",
				"info node ended node=source in=0 out=20 errors=0 seconds=2",
				"info node ended node=sink in=20 out=0 errors=0 seconds=2",
				"info run ended outcome=done rows=20 errors=0 seconds=2",
			})
			for _, e := range j.events(t) {
				if e["flow"] != "test" || e["time"] == nil {
					t.Errorf("an event without flow or time: %v", e)
				}
			}
		})
	}
}

// A node that fails on every item says so at once, then every ten seconds, and at
// the end: with what failed since, and without the items.
func TestEventsOfFailures(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var j journal
		var all []string
		for i := range 250 {
			all = append(all, fmt.Sprint(i))
		}
		report := try(t, fmt.Sprintf(`
  source: {use: emit, with: {count: 250, every: 100ms}}
  work:   {use: step, in: source, with: {fail: [%s]}, on_error: skip, retry: {attempts: 2, initial_interval: 1ms}}
  sink:   {use: keep, in: work}
`, strings.Join(all, ",")), j.options()).succeed()
		var total float64
		count := 0
		for _, e := range j.events(t) {
			if e["msg"] != "items failed" {
				continue
			}
			total += e["items"].(float64)
			if count++; e["node"] != "work" || e["level"] != "WARN" || e["total"] != total || e["attempts"] != 2.0 || !strings.HasPrefix(e["error"].(string), "a bad item: ") || e["item"] != nil {
				t.Errorf("%v", e)
			}
		}
		if count != 4 || int64(total) != 250 || node(t, report, "work").Skipped != 250 {
			t.Errorf("%d events tell of %v failures in 25 s, want 4 of 250", count, total)
		}
	})
}

func TestEventOfAFailedRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var j journal
		leak := errors.New("no connection to nats://me:geheim@host: token=geheim\n  item: {\"card\": \"geheim\"}")
		secret := kind("leak", func(*opKind, *nodes.Env) *op {
			return &op{process: func(context.Context, nodes.Input, nodes.Out) error { return leak }}
		}, portIn)
		tr := try(t, `
  source: {use: emit, with: {count: 3}}
  leak:   {use: leak, in: source}
`, j.options(), secret)
		if _, err := tr.execute(context.Background()); err == nil {
			t.Fatal("the run did not fail")
		}
		last := j.events(t)[len(j.events(t))-1]
		if last["msg"] != "run ended" || last["level"] != "ERROR" || last["outcome"] != "failed" || last["node"] != "leak" || !strings.Contains(last["error"].(string), "no connection") {
			t.Errorf("%v", last)
		}
		if strings.Contains(j.text.String(), "geheim") {
			t.Errorf("a secret in %s", &j.text)
		}
	})
}

func TestEventsOfEdges(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var j journal
		report := try(t, `
  source: {use: emit, with: {count: 100, every: 100ms}}
  slow:   {use: keep, in: {from: source, capacity: 4, on_full: drop_oldest}, with: {delay: 1s}}
  store:  {use: keep, in: {from: source, capacity: 4, on_full: spill}, with: {delay: 1s}}
`, j.options()).succeed()
		same(t, "edges", slices.DeleteFunc(j.words(t, "from", "to"), func(s string) bool { return !strings.Contains(s, "edge ") }), []string{
			"warn edge drops from=source.out to=slow.in",
			"info edge spills from=source.out to=store.in",
		})
		if edge(t, report, "source.out", "slow.in").Dropped < 50 {
			t.Error("it dropped hardly anything")
		}
	})
}

// A stop is told, and whether it has cut a source short; it is no failure.
func TestEventsOfStops(t *testing.T) {
	for _, c := range []struct{ count, ended string }{
		{"", "info run ended outcome=done"},
		{", count: 1000", "info run ended outcome=stopped"},
	} {
		virtual(t, func(t *testing.T) {
			var j journal
			tr := try(t, fmt.Sprintf(`
  source: {use: emit, with: {every: 100ms%s}}
  sink:   {use: keep, in: source}
`, c.count), j.options())
			time.AfterFunc(2500*time.Millisecond, tr.run.Pause)
			time.AfterFunc(5500*time.Millisecond, tr.run.Resume)
			time.AfterFunc(8500*time.Millisecond, tr.run.Stop) // soon over, and told all the same
			if c.count == "" {
				tr.succeed()
			} else {
				tr.cutShort()
			}
			same(t, "a stopped run", slices.DeleteFunc(j.words(t, "outcome", "error"), func(s string) bool { return strings.Contains(s, "node ") }), []string{
				"info run started", "info paused", "info resumed", "info draining", c.ended,
			})
		})
	}
}

func TestEventsOfElasticWorkers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var j journal
		report := try(t, `
  source: {use: emit, with: {count: 2000, every: 5ms}}
  work:   {use: step, in: source, with: {delays: [20ms]}, workers: {min: 1, max: 8}}
  sink:   {use: keep, in: work}
`, j.options()).succeed()
		workers, changes := 1.0, int64(0)
		for _, e := range j.events(t) {
			if e["msg"] != "workers changed" {
				continue
			}
			if changes++; e["node"] != "work" || e["level"] != "INFO" || e["from"] != workers || e["to"] == workers {
				t.Errorf("after %v workers: %v", workers, e)
			}
			workers = e["to"].(float64)
		}
		if changes == 0 || changes != node(t, report, "work").Resized {
			t.Errorf("%d events, the number changed %d times", changes, node(t, report, "work").Resized)
		}
	})
}

// A cut that takes too long is given up, and the event says for whom it had waited.
func TestEventOfACutGivenUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var j journal
		opts := j.options()
		opts.Cuts = scheduler.Cuts{Every: time.Second, Timeout: 10 * time.Second}
		report := try(t, `
  source: {use: emit, with: {count: 3, every: 100ms}}
  work:   {use: step, in: source, with: {delays: [16s, 0s, 0s]}}
  sink:   {use: keep, in: work}
`, opts).succeed()
		var told []string
		for _, line := range j.words(t, "flow", "epoch", "node", "input", "seconds") {
			if strings.Contains(line, "cut") {
				told = append(told, line)
			}
		}
		same(t, "a step of 16 s", told, []string{"warn cut given up flow=test epoch=1 node=work input=in seconds=10"})
		if c := report.Cuts; c.GivenUp != 1 || c.Last.String() != "work.in" {
			t.Errorf("the report has %+v", c)
		}
	})
}

func TestEventOfAStuckFlow(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var j journal
		tr := try(t, `
  source: {use: emit, with: {count: 1000}}
  none:   {use: copies, in: source, with: {times: 0}}
  both:   {use: greedy, in: {left: none, right: {from: source, capacity: 16, on_full: block}}}
`, j.options(), greedy)
		if _, err := tr.execute(context.Background()); err == nil {
			t.Fatal("the run did not fail")
		}
		var told []event
		for _, e := range j.events(t) {
			if e["msg"] == "nothing moves" {
				told = append(told, e)
			}
		}
		if len(told) != 1 || told[0]["level"] != "WARN" || !strings.Contains(told[0]["waiting"].(string), "both waits for items at both.left") {
			t.Errorf("%v", told)
		}
	})
}
