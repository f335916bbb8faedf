package flowtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

const waiting = `flow: waiting
nodes:
  ticks: {use: tick, with: {every: 1m}}
  jobs: {use: map, in: ticks, with: {set: {job: n}, select: [job]}}
  calls: {use: slow, in: jobs, timeout: 10s, retry: {attempts: 3, initial_interval: 1s, multiplier: 2}, on_error: dead}
  calm: {use: throttle, in: calls, with: {every: 1h}}
  out: {use: file.write, in: calm, with: {path: out.jsonl}}
  failed: {use: drop, in: calls.errors}
`

// A Job is what the kind slow works on.
type Job struct {
	Job   int
	Place *string
}

// slow waits for a while and fails for odd jobs.
type slow struct{}

func (*slow) Map(ctx context.Context, j Job) (Job, error) {
	time.Sleep(3 * time.Second)
	if j.Job%2 == 1 {
		return j, errors.New("odd")
	}
	place := "slow"
	j.Place = &place
	return j, nil
}

var slowDecl = nodes.Map("slow", "Waits.", &slow{})

// Time is exact, and hours take no time.
func TestTime(t *testing.T) {
	begun := time.Now()
	got := outcome(t, waiting, `
tests:
  - name: ticks
    stop: 2h29m30s
    expect:
      ticks: {count: 150}
      calm: [{at: 3s}, {job: 0}, {at: 1h0m3s}, {job: 60}, {at: 2h0m3s}, {job: 120}]
  - name: fed with pauses
    feed:
      jobs.in: [{n: 1}, {after: 30m}, {n: 2}, {at: 90m}, {n: 4}]
    expect:
      calls: [{at: 30m3s}, {job: 2, place: slow}, {after: 1h}, {job: 4}]
      calls.errors: [{at: 12s}, {error: odd, attempts: 3, item: {job: 1}}]
    takes: 1h30m3s
  - name: every
    feed: {calls: {items: [{job: 0}, {job: 2}, {job: 4}], every: 10s}}
    expect: {calls: [{at: 3s}, {job: 0}, {at: 13s}, {job: 2}, {after: 10s}, {job: 4}]}
    takes: {min: 23s, max: 23s}
  - name: wrong times are seen
    feed: {calls: {items: [{job: 0}, {job: 2}], every: 10s}}
    expect: {calls: [{at: 4s}, {job: 0}, {at: 13s}, {job: 2}]}
    takes: {max: 12s}
`, nil, slowDecl)
	says(t, got, "pass ticks", "pass fed with pauses", "pass every", "FAIL wrong times", "the run takes 13s, want at most 12s", "calls: item 1 came at 3s, want 4s")
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A case that stops a source before its end sees what came until then, and what was written
// of it: to stop is what the case wants.
func TestStopOfACase(t *testing.T) {
	got := outcome(t, `flow: few
nodes:
  ticks: {use: tick, with: {every: 1m, count: 100}}
  jobs: {use: map, in: ticks, with: {set: {job: n}, select: [job]}}
  out: {use: file.write, in: jobs, with: {path: out.jsonl}}
`, `
tests:
  - name: cut short
    stop: 2m30s
    expect: {jobs: [{job: 0}, {job: 1}, {job: 2}]}
    takes: 2m30s
    writes: {out.jsonl: "{\"job\":0}\n{\"job\":1}\n{\"job\":2}\n"}
  - name: stopped when it is over
    stop: 3h
    expect: {jobs: {count: 100}}
    takes: 1h39m
  - name: a failure is one all the same
    stop: 2m30s
    fail: {jobs: {item: 2, error: broken}}
    expect: {jobs: [{job: 0}]}
`, nil)
	says(t, got, "pass cut short", "pass stopped when it is over", "FAIL a failure", "the run fails")
}

// Stubs answer by rules; tries, timeouts and errors are those of the node.
func TestStubs(t *testing.T) {
	got := outcome(t, waiting, `
tests:
  - name: by a table
    feed: {calls: [{job: 1}, {job: 2}, {job: 3}, {job: 4}, {job: 5}, {job: 6}]}
    stub:
      calls:
        - {when: job == 1, give: {job: 100, place: far}}
        - {when: job == 2, give: [{job: 201}, {job: 202}]}
        - {when: job == 3, give: []}
        - {when: job == 4, error: busy, times: 2}
        - {when: job == 5, takes: 20s, pass: true}
        - {when: job > 3, set: {place: '"stub " + string(job)'}}
    expect:
      calls: [{at: 0s}, {job: 100, place: far}, {job: 201}, {job: 202}, {at: 3s}, {job: 4, place: stub 4}, {at: 36s}, {job: 6, place: stub 6}]
      calls.errors: [{error: no answer within 10s, attempts: 3}]
  - name: no rule is a bad item
    feed: {calls: [{job: 1}, {job: 2}]}
    stub: {calls: {item: 2, pass: true}}
    expect:
      calls: [{job: 2}]
      calls.errors: [{error: no rule of the stub is for this item, item: {job: 1}}]
`, nil, slowDecl)
	if strings.Count(got, "pass") != 2 {
		t.Error(got)
	}
}

// Faults stand before the node, and its own policy deals with them.
func TestFaults(t *testing.T) {
	got := outcome(t, waiting, `
tests:
  - name: tried again
    feed: {calls: [{job: 2}, {job: 4}, {job: 6}]}
    fail: {calls: [{item: 2, error: busy, times: 1}, {when: job == 6, error: gone}]}
    expect:
      calls: [{at: 3s}, {job: 2}, {at: 7s}, {job: 4}]
      calls.errors: [{error: gone, attempts: 3, item: {job: 6}}]
  - name: slow
    feed: {calls: [{job: 2}]}
    fail: {calls: {takes: 11s}}
    expect: {calls.errors: [{at: 33s}, {error: no answer within 10s, attempts: 3}], calls: []}
  - name: a kind that waits by itself
    feed: {calm: [{job: 1}, {job: 2}, {job: 3}]}
    fail: {calm: {when: job == 1, error: not this one}}
    fails: {node: calm, error: not this one}
  - name: a sink
    feed: {calm: [{job: 1}]}
    fail: {out: the disk is full}
    fails: {node: out, error: disk}
    writes: {out.jsonl: {absent: true}}
  - name: a source
    fail: {ticks: no clock}
    fails: {node: ticks}
  - name: a source that is fed
    feed: {ticks: [{n: 2}, {after: 1m}, {error: no clock}]}
    fails: {node: ticks, error: no clock}
    expect: {jobs: [{job: 2}], calls: [{at: 3s}, {job: 2}]}
    takes: 1m
`, nil, slowDecl)
	if strings.Count(got, "pass") != 6 {
		t.Error(got)
	}
}

// A source that never ends, and a node that never answers.
func TestOverdue(t *testing.T) {
	test := `
tests:
  - {name: for ever, expect: {calm: []}}
`
	dir := folder(t, waiting, test, nil)
	f, problems := Load(diag.NewSource(filepath.Join(dir, "flow_test.yaml"), []byte(test)), registry(t, slowDecl), Options{Limit: 50 * time.Millisecond, patience: time.Minute})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	defer f.Close()
	r := f.Cases[0].Run()
	var b strings.Builder
	diag.Print(&b, r.Differences, diag.Style{})
	says(t, b.String(), "the run does not end within 50ms", "stop: 10s")
}

const program = `package main

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func main() {
	for i := range 3 {
		begun := time.Now()
		synctest.Test(new(testing.T), func(*testing.T) {
			start := time.Now()
			wake := make(chan int)
			go func() { time.Sleep(time.Hour); wake <- i }()
			<-wake
			if time.Since(start) != time.Hour {
				fmt.Println("it took", time.Since(start))
			}
		})
		if time.Since(begun) > time.Minute {
			os.Exit(1)
		}
	}
	defer func() { fmt.Println("caught:", recover()) }()
	synctest.Test(new(testing.T), func(*testing.T) { go func() { select {} }() })
}
`

// What virtual relies on, in a program that is no test: see there.
func TestVirtualInAProgram(t *testing.T) {
	main := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(main, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", main).CombinedOutput()
	if want := "caught: deadlock: main bubble goroutine has exited but blocked goroutines remain\n"; err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

func TestVirtual(t *testing.T) {
	start := time.Time{}
	if err := virtual(func() { start = time.Now(); time.Sleep(time.Hour) }); err != nil || start.Year() != 2000 {
		t.Error(err, start)
	}
	stuck := make(chan struct{})
	if err := virtual(func() { inside := make(chan struct{}); go func() { <-inside }(); _ = stuck }); err == nil {
		t.Error("nobody saw the goroutine that was left behind")
	}
}

// To watch a port does not keep its source at work.
func TestWatchedSourceEnds(t *testing.T) {
	got := outcome(t, `flow: limited
nodes:
  ticks: {use: tick, with: {every: 1m}}
  few: {use: limit, in: ticks, with: {count: 3}}
  out: {use: drop, in: few}
`, `
tests:
  - name: three ticks
    expect: {ticks: [{n: 0}, {n: 1}, {n: 2}], out: {count: 3}}
    takes: 2m
`, nil)
	if !strings.HasPrefix(got, "pass") {
		t.Error(got)
	}
}
