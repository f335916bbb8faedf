package trial_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/trial"
)

// TestMain is also the child: a good one, or one that goes wrong in the way its
// argument says.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || !strings.HasPrefix(os.Args[1], "child-") {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case "child-good":
		registry, err := nodes.NewRegistry(std.Nodes)
		if err == nil {
			err = trial.Work(os.Stdin, os.Stdout, registry)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "child-hangs":
		time.Sleep(time.Hour)
	case "child-babbles":
		fmt.Print("hello")
	case "child-shouts":
		io.Copy(os.Stdout, endless{})
	case "child-tells":
		fmt.Printf(`{"outcome":%q}`, strings.Join(os.Environ(), " "))
	case "child-dies":
		os.Exit(3)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func child(how string) trial.Child { return trial.Child{Command: []string{os.Args[0], "child-" + how}} }

func TestChild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.csv"), []byte("id\n1\n2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := "nodes:\n  in: {use: file.read, with: {path: ../in.csv}}\n  out: {use: file.write, in: in, with: {path: ../out.csv}}\n"
	r := child("good").Run(t.Context(), trial.Job{Dir: dir, Name: "sub/flow.yaml", Text: text})
	if r.Outcome != "done" || len(r.Nodes) != 2 || r.Nodes[1].Ports[0].Rows[1][0] != "2" {
		t.Errorf("%+v", r)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("files were written: %v", entries)
	}
	r = child("good").Run(t.Context(), trial.Job{Dir: dir, Name: "flow.yaml", Text: text})
	if r.Outcome != "failed" || !strings.Contains(r.Error, "outside the folder") {
		t.Errorf("out of the folder: %+v", r)
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	job := trial.Job{Dir: t.TempDir(), Name: "f.yaml", Text: "nodes:\n  a: {use: file.read, with: {path: \"-\", format: csv}}\n  b: {use: drop, in: a}\n"}
	if r := child("good").Run(t.Context(), job); r.Outcome != "failed" || !strings.Contains(r.Error, "standard input") || !strings.Contains(r.Error, "it is empty") {
		t.Errorf("%+v", r)
	}
}

// TestMemory plants a flow that makes gigabytes before any port carries one item.
func TestMemory(t *testing.T) {
	t.Parallel()
	text := "nodes:\n  a: {use: generate, with: {set: {x: 'repeat(\"x\", 16000000 + n)'}}}\n  b: {use: drop, in: a}\n"
	r := child("good").Run(t.Context(), trial.Job{Dir: t.TempDir(), Name: "f.yaml", Text: text, Limits: trial.Limits{Memory: 200 << 20, Bytes: 1 << 40}})
	if want := "the flow needs more than 200 MB of memory, which is where a trial ends"; r.Outcome != "failed" || r.Error != want {
		t.Errorf("%s: %s", r.Outcome, r.Error)
	}
}

func TestBadChild(t *testing.T) {
	t.Setenv("TRIAL_SECRET", "hunter2")
	for how, want := range map[string]string{
		"babbles": "failed: the process of the trial ended: invalid character",
		"shouts":  "failed: the process of the trial ended: ",
		"dies":    "failed: the process of the trial ended: exit status 3",
		"hangs":   "late: a trial has 1ms, and this one did not end when it was told to",
		"tells":   "HOME=",
	} {
		limits := trial.Limits{}
		if how == "hangs" {
			limits.Time = time.Millisecond
		}
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			r := child(how).Run(t.Context(), trial.Job{Limits: limits})
			if got := r.Outcome + ": " + r.Error; !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	missing := trial.Child{Command: []string{filepath.Join(t.TempDir(), "nothing")}}
	if r := missing.Run(t.Context(), trial.Job{}); r.Outcome != "failed" {
		t.Errorf("without a program: %+v", r)
	}
}
