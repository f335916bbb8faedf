package timing_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// combine plays two scripts through a latest and gives what came out and when.
func combine(t *testing.T, with, engine string, serial bool) (string, nodetest.Result) {
	t.Helper()
	flow := fmt.Sprintf(`flow: play
nodes:
  a:   {use: script, with: {text: "1s a 1; 3s a 2; 10s a 3; 11s end"}}
  b0:  {use: script, with: {text: "2s x 10; 4s y 20; 5s z 30; 6s end"}}
  b:   {use: map, in: b0, with: {set: {m: n}, rename: {key: name}, drop: n}}
  one: {use: latest, in: [a, b], with: %s%s}
  out: {use: diary, in: one}
`, with, engine)
	var notes []string
	var r nodetest.Result
	before := record.Live()
	synctest.Test(t, func(t *testing.T) {
		r = kit.With(kinds(&notes)).Run(t, flow, nil, nodetest.Setup{Serial: serial})
		if live := record.Live(); live != before {
			t.Errorf("%d batches were not given back", live-before)
		}
	})
	return strings.Join(notes, "\n"), r
}

func TestLatest(t *testing.T) {
	for with, want := range map[string]string{
		"{}":             "2s a 1 x 10\n3s a 2 x 10\n4s a 2 y 20\n5s a 2 z 30\n10s a 3 z 30",
		"{start: early}": "1s a 1 null null\n2s a 1 x 10\n3s a 2 x 10\n4s a 2 y 20\n5s a 2 z 30\n10s a 3 z 30",
	} {
		got, r := combine(t, with, "", false)
		if r.Err != nil || got != want {
			t.Errorf("latest %s: %v, got\n%s\nwant\n%s", with, r.Err, got, want)
		}
	}
	// With a rate, what waits is the newest item of its own input all the same.
	got, r := combine(t, "{}", ", rate: 15/m", false)
	if want := "5s a 1 x 10\n9s a 2 x 10\n13s a 2 y 20\n17s a 3 y 20\n21s a 3 z 30"; r.Err != nil || got != want {
		t.Errorf("at a rate: %v, got\n%s\nwant\n%s", r.Err, got, want)
	}
	// Sources of a serial run take turns, so that one is read to its end first.
	got, r = combine(t, "{}", "", true)
	if lines := strings.Count(got, "\n") + 1; r.Err != nil || lines != 3 {
		t.Errorf("serial: %v, got\n%s", r.Err, got)
	}
}

// Batches with several rows, whole items, text and lists are put together rightly.
func TestLatestOfBatches(t *testing.T) {
	r := kit.Run(t, `flow: whole
nodes:
  n:   {use: generate, with: {count: 3000, set: {n: n, s: '"s" + string(n)', l: "[n, n]"}}}
  m:   {use: generate, with: {count: 3000, set: {n: n, t: '"t" + string(n)'}}}
  one: {use: latest, in: [n, m], with: {as: [a, b], start: early}}
  ok:  {use: filter, in: one, with: {where: 'a == null || b == null || a.s != "s" + string(a.n) || a.l[1] != a.n || b.t != "t" + string(b.n)'}}
  bad: {use: filter, in: ok, with: {where: 'a != null && b != null || a != null && a.l[0] != a.n'}}
  all: {use: group, in: one, with: {set: {n: count(), a: last(a.s), b: last(b.t)}}}
  to:  {use: file.write, in: all, with: {path: "-", format: jsonl}}
  no:  {use: group, in: bad, with: {set: {n: count()}}}
  to2: {use: file.write, in: no, with: {path: no.jsonl}}
`, nil, nodetest.Setup{})
	if want := `{"n":6000,"a":"s2999","b":"t2999"}` + "\n"; r.Err != nil || r.Stdout != want || r.File("no.jsonl") != `{"n":0}`+"\n" {
		t.Errorf("%v, got %s and %s of wrong ones", r.Err, r.Stdout, r.File("no.jsonl"))
	}
}

func TestLatestProblems(t *testing.T) {
	for with, want := range map[string]string{
		"{}":                          `flow.yaml:5:30: two fields would be called "n"`,
		"{as: [a]}":                   "flow.yaml:5:46: as has 1 names for 2 inputs",
		"{as: [a, b], start: sooner}": "flow.yaml:5:60: want all or early",
	} {
		_, list := kit.Load(t, `flow: wrong
nodes:
  a:   {use: generate, with: {count: 3}}
  b:   {use: generate, with: {count: 3}}
  one: {use: latest, in: [a, b], with: `+with+`}
  out: {use: drop, in: one}
`, nil)
		if got := nodetest.Printed(list); !strings.Contains(got, want) {
			t.Errorf("latest %s: %s, want %s", with, got, want)
		}
	}
}
