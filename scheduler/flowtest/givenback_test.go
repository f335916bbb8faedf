package flowtest

import (
	"context"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
)

// Items that were slow on purpose wait once, also when the worker that has them gives
// them back, for another one, in the middle of a batch.
func TestFaultsOfWhatIsGivenBack(t *testing.T) {
	flow := `flow: waiting
nodes:
  ticks: {use: tick, with: {every: 1m}}
  jobs: {use: map, in: ticks, with: {set: {job: n}, select: [job]}}
  calls: {use: quick, in: jobs, workers: 2, on_error: dead}
  out: {use: drop, in: calls}
  failed: {use: drop, in: calls.errors}
`
	got := outcome(t, flow, `
tests:
  - name: each waits once
    feed: {calls: {items: [{job: 2}, {job: 4}, {job: 6}, {job: 8}, {job: 10}, {job: 12}, {job: 14}, {job: 16}, {job: 18}, {job: 20}, {job: 200}, {job: 202}]}}
    fail: {calls: {when: job >= 100, takes: 100s}}
    takes: {max: 215s}
`, nil, slowDecl, quickDecl)
	if want := "pass each waits once\n"; got != want {
		t.Errorf("got\n%s", got)
	}
}

type quick struct{}

func (*quick) Map(ctx context.Context, j Job) (Job, error) {
	if j.Job > 6 {
		time.Sleep(time.Second)
	}
	return j, nil
}

var quickDecl = nodes.Map("quick", "Waits.", &quick{})

// A log that is followed has an end when a test feeds it.
func TestFeedOfAFollowedFile(t *testing.T) {
	flow := `flow: followed
vars: {live: true}
nodes:
  log: {use: file.read, with: {path: "*.log", follow: "${live}", every: 1s, place: true}}
  out: {use: file.write, in: log, with: {path: out.jsonl}}
`
	got := outcome(t, flow, `
tests:
  - name: with its last line
    feed: {log: {text: "a\nb"}}
    expect: {out: [{line: a, place: {line: 1}}, {line: b, place: {line: 2}}]}
`, nil)
	if want := "pass with its last line\n"; got != want {
		t.Errorf("got\n%s", got)
	}
}
