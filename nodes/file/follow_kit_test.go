package file

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file has what the tests of files that are followed use.

// A tailer follows files of a folder, in virtual time.
type tailer struct {
	t    *testing.T
	dir  string
	with string
	op   *followOp
	work nodes.Worker
	log  bytes.Buffer
	last nodes.Position
}

// tail makes a file.read with some settings, and follow.
func tail(t *testing.T, dir, with string) *tailer {
	t.Helper()
	f := &tailer{t: t, dir: dir, with: with}
	f.start(nil)
	return f
}

func (f *tailer) start(after nodes.Position) {
	f.t.Helper()
	registry, err := nodes.NewRegistry(Nodes)
	if err != nil {
		f.t.Fatal(err)
	}
	text := "flow: f\nnodes:\n  r: {use: file.read, with: {follow: true, " + f.with + "}, on_error: skip}\n  w: {use: file.write, in: r, with: {path: /dev/null, format: jsonl}}\n"
	flow, list := graph.Load(diag.NewSource(filepath.Join(f.dir, "flow.yaml"), []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		f.t.Fatal(printed(list))
	}
	env := &nodes.Env{Node: flow.Node("r"), Flow: flow, Workers: 1, Log: slog.New(slog.NewTextHandler(&f.log, nil))}
	op, err := registry.Operator(env.Node, env)
	if err != nil {
		f.t.Fatal(err)
	}
	f.op = op.(*followOp)
	if f.work, err = f.op.NewWorker(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	if after != nil {
		if err := f.op.Seek(f.t.Context(), after); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *tailer) stop() {
	if err := f.op.Close(); err != nil {
		f.t.Error(err)
	}
}

// again goes on as another run.
func (f *tailer) again() {
	f.t.Helper()
	f.stop()
	f.start(f.last)
}

// rows gives what comes within a time.
func (f *tailer) rows(within time.Duration) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), within)
	defer cancel()
	var out rowLog
	for {
		p, after, err := f.op.Next(ctx)
		if ctx.Err() != nil {
			return string(out.bad) + string(out.text)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		f.last = after
		if _, err := f.work.Work(ctx, nodes.Input{Made: p}, &out); err != nil {
			f.t.Fatal(err)
		}
	}
}

// want expects the lines that come within two looks.
func (f *tailer) want(lines ...string) {
	f.t.Helper()
	f.wantIn(1500*time.Millisecond, lines...)
}

func (f *tailer) wantIn(within time.Duration, lines ...string) {
	f.t.Helper()
	if within > lingering { // a look each ten seconds is enough to see what a long time does
		defer func(before time.Duration) { f.op.k.Every, f.op.due = before, time.Now() }(f.op.k.Every)
		f.op.k.Every = 10 * time.Second
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "{\"line\":%q}\n", l)
	}
	if got := f.rows(within); got != b.String() {
		f.t.Errorf("got\n%swant\n%slog:\n%s", got, b.String(), f.log.String())
	}
}

// wantAll expects lines in their order or, for files that a pattern finds, in any.
func (f *tailer) wantAll(ordered bool, lines ...string) {
	f.t.Helper()
	if ordered {
		f.want(lines...)
		return
	}
	got := strings.Fields(strings.NewReplacer("new ", "new_", "\"", "").Replace(f.rows(1500 * time.Millisecond)))
	slices.Sort(got)
	var want []string
	for _, l := range lines {
		want = append(want, "{line:"+strings.ReplaceAll(l, " ", "_")+"}")
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("got %q, want %q\n%s", got, want, f.log.String())
	}
}

func (f *tailer) said(words ...string) {
	f.t.Helper()
	for _, w := range words {
		if !strings.Contains(f.log.String(), w) {
			f.t.Errorf("the log has no %q:\n%s", w, f.log.String())
		}
	}
}

// Changes of the folder.
func (f *tailer) add(name, text string) {
	f.t.Helper()
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
		file.Close()
	}
	f.must(err)
}

func (f *tailer) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *tailer) rename(from, to string) {
	f.t.Helper()
	f.must(os.Rename(filepath.Join(f.dir, from), filepath.Join(f.dir, to)))
}

func (f *tailer) copy(from, to string) {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, from))
	f.must(err)
	f.must(os.WriteFile(filepath.Join(f.dir, to), text, 0o600))
}

func (f *tailer) truncate(name string) {
	f.t.Helper()
	f.must(os.Truncate(filepath.Join(f.dir, name), 0))
}

func (f *tailer) remove(name string) {
	f.t.Helper()
	f.must(os.Remove(filepath.Join(f.dir, name)))
}

// followed runs a test in virtual time.
func followed(t *testing.T, with string, test func(f *tailer)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := tail(t, dir, with)
		test(f)
		f.stop()
	})
}
