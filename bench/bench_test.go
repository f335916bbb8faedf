package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test program be the contenders too.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		child(os.Args[2], os.Args[3:])
		return
	}
	os.Exit(m.Run())
}

func newHarness(t *testing.T) (*harness, *bytes.Buffer) {
	var out bytes.Buffer
	h := &harness{out: &out, quick: true, rounds: 1, dir: t.TempDir(), flights: "../flows/data/flights.csv"}
	if err := h.begin(); err != nil {
		t.Fatal(err)
	}
	return h, &out
}

// Every workload runs, its contenders agree, and it makes a claim. Nothing is said
// of times, which tests cannot promise.
func TestWorkloads(t *testing.T) {
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			h, out := newHarness(t)
			if err := w.run(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			h.summary()
			if len(h.claims) == 0 && strings.Contains(out.String(), "left out") { // there is nobody to compare with
				t.Skip(strings.TrimSpace(out.String()))
			}
			if len(h.claims) == 0 || !strings.Contains(out.String(), h.claims[0].text) {
				t.Errorf("printed\n%s", out)
			}
			for _, c := range h.claims {
				if c.got <= 0 && w.name != "sleep" && w.name != "http" {
					t.Errorf("%s: %v", c.text, c.got)
				}
			}
		})
	}
}

// Contenders that do not agree have no times.
func TestDifferentResultsAreRefused(t *testing.T) {
	h, _ := newHarness(t)
	_, err := h.compare(context.Background(), "", 0, 0, h.child("chan int64", "10"), h.child("chan int64", "11"))
	if err == nil || !strings.Contains(err.Error(), "different results") {
		t.Error(err)
	}
	if _, err := h.compare(context.Background(), "", 0, 0, h.child("flowrun", "nothing.jsonl", "out")); err == nil {
		t.Error("a contender that fails has no times either")
	}
}

// The data is that of flights.csv with the ids and times going on.
func TestFlights(t *testing.T) {
	rows, err := readFlights("../flows/data/flights.csv")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	writeFlights(w, rows, len(rows)+1)
	w.Flush()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if got, want := lines[0], `{"id":1,"date":"2001-01-01T00:01:00Z","origin":"LAS","destination":"PHL","delay":33,"distance":2176}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := lines[len(rows)], `{"id":20194,"date":"`; len(lines) != len(rows)+1 || !strings.HasPrefix(got, want) || strings.Contains(got, "2001-01-01") {
		t.Errorf("line %d is %s", len(lines), got)
	}
}
