package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/nodes"
)

// What a stop means is up to the sources: of a flow that has an end, the result is a part
// of what it should have been; one that has none has done its job.
func TestStop(t *testing.T) {
	half := "nodes:\n  n: {use: generate, with: {count: 10000000}}\n  m: {use: generate}\n  both: {use: merge, in: [n, m]}\n" +
		"  file: {use: file.write, in: both, with: {path: out.jsonl}}\n  out: {use: file.write, in: both, with: {path: \"-\", format: jsonl}}\n"
	for _, c := range []struct {
		name, flow string
		args       []string
		sig        syscall.Signal
		code       int
		written    bool
	}{
		{"bounded", long, nil, syscall.SIGINT, 130, false},
		{"bounded", long, nil, syscall.SIGTERM, 143, false},
		{"bounded", long, nil, syscall.SIGHUP, 129, false},
		{"bounded, partial", long, []string{"--partial"}, syscall.SIGTERM, 143, true},
		{"bounded, serial", long, []string{"--serial"}, syscall.SIGTERM, 143, false},
		{"endless", endless, nil, syscall.SIGINT, 0, true},
		{"endless", endless, nil, syscall.SIGTERM, 0, true},
		{"endless, serial", endless, []string{"--serial"}, syscall.SIGTERM, 0, true},
		{"one of each", half, nil, syscall.SIGTERM, 143, false},
	} {
		t.Run(c.name+", "+c.sig.String(), func(t *testing.T) {
			folder(t, map[string]string{"e.yaml": c.flow, "out.jsonl": "old\n"})
			p := start(t, append([]string{"run", "e.yaml", "--report", "report.json"}, c.args...)...)
			first := p.line()
			p.signal(c.sig)
			code, out, errs := p.end()
			if code != c.code || !strings.Contains(errs, "sources stopped") {
				t.Errorf("exit %d, want %d\n%s", code, c.code, errs)
			}
			if want := map[bool]string{true: first + out, false: "old\n"}[c.written]; read(t, "out.jsonl") != want || !strings.HasSuffix(out, "}\n") {
				t.Errorf("the file has %d bytes, want %d", len(read(t, "out.jsonl")), len(want))
			}
			var report struct {
				Outcome          string
				Exit             int
				Balanced         bool
				Files, Unwritten []string
			}
			if err := json.Unmarshal([]byte(read(t, "report.json")), &report); err != nil {
				t.Fatal(err)
			}
			outcome := map[bool]string{true: "done", false: "stopped"}[c.code == 0]
			if report.Outcome != outcome || report.Exit != c.code || !report.Balanced || len(report.Files) == 1 != c.written || len(report.Unwritten) == 1 == c.written {
				t.Errorf("the report says %+v", report)
			}
			if left, _ := filepath.Glob(".*"); len(left) > 0 {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}

// The report of a stopped run says how far it came and what is not written.
func TestStopReport(t *testing.T) {
	folder(t, map[string]string{
		"in.jsonl": strings.Repeat("{\"a\":1}\n", 1_000_000),
		"e.yaml": "nodes:\n  in: {use: file.read, with: {path: in.jsonl}}\n  file: {use: file.write, in: in, with: {path: out.jsonl}}\n" +
			"  out: {use: file.write, in: in, with: {path: \"-\", format: jsonl}}\n",
	})
	p := start(t, "run", "e.yaml")
	p.line()
	p.signal(syscall.SIGTERM)
	code, _, errs := p.end()
	for _, want := range []string{"e: stopped after", "came to     in: ", " of 8,000,000 bytes read (", "not written out.jsonl", "flowrun: stopped before its end (terminated)", "hint: --partial"} {
		if !strings.Contains(errs, want) {
			t.Errorf("exit %d: it does not say %q\n%s", code, want, errs)
		}
	}
	p = start(t, "run", "e.yaml", "--partial")
	p.line()
	p.signal(syscall.SIGTERM)
	if code, _, errs := p.end(); code != 143 || strings.Contains(errs, "--partial") || !strings.Contains(errs, "wrote       out.jsonl") {
		t.Errorf("exit %d:\n%s", code, errs)
	}
}

// A signal that comes while standard input is looked at ends the call, which has begun
// nothing.
func TestStopWhileLoading(t *testing.T) {
	folder(t, map[string]string{"copy.yaml": copying})
	for _, signals := range []int{1, 2} {
		p := start(t, "run", "copy.yaml")
		for range signals {
			p.signal(syscall.SIGTERM)
		}
		if code, out, _ := p.end(); code != 143 || out != "" {
			t.Errorf("%d signals: exit %d, %q", signals, code, out)
		}
	}
}

// advise measures for a while, and names no file.
func TestAdviseForWritesNothing(t *testing.T) {
	for name, flow := range map[string]string{"long": long, "endless": endless} {
		folder(t, map[string]string{"e.yaml": flow, "out.jsonl": "old\n"})
		r := call("", "advise", "e.yaml", "--for", "100ms")
		if r.code != 0 || read(t, "out.jsonl") != "old\n" {
			t.Errorf("%s: exit %d, the file has %d bytes\n%s", name, r.code, len(read(t, "out.jsonl")), r.err)
		}
		if left, _ := filepath.Glob(".*"); len(left) > 0 {
			t.Errorf("%s: it leaves %v", name, left)
		}
	}
}

// faultyVariable makes the test binary the command, with kinds that have faults.
const faultyVariable = "FLOWRUN_TEST_FAULTY"

// A faultyNode panics, in a call or on a goroutine of its own.
type faultyNode struct {
	In string `yaml:"in" enum:"open|goroutine|close|overflow" doc:"Where it panics."`
}

func (f *faultyNode) Open(context.Context, *nodes.Env) error {
	switch f.In {
	case "open":
		panic("a fault")
	case "goroutine":
		done := make(chan bool)
		go func() { defer close(done); panic("a fault") }()
		<-done
	case "overflow":
		println(deep(1))
	}
	return nil
}

func (f *faultyNode) Close() error {
	if f.In == "close" {
		panic("a fault")
	}
	return nil
}

func (f *faultyNode) Read(context.Context, func(int) error) error { return nil }

// deep calls itself more often than any stack bears.
func deep(n int) int {
	if n == 0 {
		return 0
	}
	return deep(n+1) + deep(n+2)
}

var faulty = []nodes.Decl{nodes.Read("faulty", "Has a fault.", &faultyNode{})}

// Code 2 is for wrong flows and calls alone: a panic is 1, a crash of the runtime is
// SIGABRT, and a process that is to show what it is at, SIGQUIT.
func TestFaultsAreNoMisuse(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]struct {
		code int
		says string
	}{
		"open": {1, "panic: a fault"}, "close": {1, "panic: a fault"}, "goroutine": {134, "panic: a fault"}, "overflow": {134, "stack overflow"},
	} {
		folder(t, map[string]string{"f.yaml": "nodes:\n  f: {use: faulty, with: {in: " + in + "}}\n  out: {use: drop, in: f}\n"})
		cmd := exec.Command(self, "run", "f.yaml")
		cmd.Env = append(os.Environ(), faultyVariable+"=1")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		code := codeOf(cmd.Run())
		if code != want.code || !strings.Contains(errs.String(), want.says) {
			t.Errorf("a panic in %s: exit %d, want %d\n%.2000s", in, code, want.code, errs.String())
		}
	}
	folder(t, map[string]string{"e.yaml": long})
	p := start(t, "run", "e.yaml")
	p.line()
	p.signal(syscall.SIGQUIT)
	if code, _, errs := p.end(); code != 131 || !strings.Contains(errs, "scheduler.(*Run).Run") {
		t.Errorf("SIGQUIT: exit %d\n%.2000s", code, errs)
	}
}

// codeOf is what a shell would call the end of a process.
func codeOf(err error) int {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 0
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
