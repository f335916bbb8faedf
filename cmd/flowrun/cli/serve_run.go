package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/flowrun/flowrun/cmd/flowrun/internal/stopsignal"
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// This file serves a folder of flows, and runs them for its readers.

// runnerFlags are those of serve about running flows from the page.
type runnerFlags struct {
	allow bool
	tap   tapFlags
}

// A serveCall is a call of the verb serve.
type serveCall struct {
	*call
	dir   string
	addr  string
	token string
	runs  runnerFlags
}

// serve shows a folder until a signal ends it.
func (s *serveCall) serve() error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return misuse("%s: %w", s.dir, err)
	}
	defer root.Close()
	play := newPlayground(root, s.runs.allow)
	listener, err := listenFor("--addr", s.addr)
	if err != nil {
		return err
	}
	layouter := newLayouter()
	defer layouter.Close()
	folder := web.NewFolder(web.FolderOptions{
		Token: s.token, Catalog: s.registry, Layout: layouter.Layout, Playground: play, Runner: s.runner(),
		Paths: func() ([]string, error) { return flowsIn(s.dir) },
		Load:  func(path string) (*graph.Flow, diag.List) { return s.loader().load(path, nil) },
	})
	// Whoever reads the address may send a signal at once.
	heard := s.signals()
	defer heard.mute()
	over := make(chan error, 1)
	go func() { over <- folder.Serve(listener) }()
	announce(s.stderr, listener, s.token)
	return s.untilSignal(folder, over, heard.c)
}

// runner lets readers of the page run the flows of a folder; nil: they may not.
func (s *serveCall) runner() *web.Runner {
	if !s.runs.allow {
		return nil
	}
	out, errs := &sharedWriter{w: s.data()}, &sharedWriter{w: s.stderr}
	r := &web.Runner{
		Launch: func(path string) (*graph.Flow, *scheduler.Run, error) {
			flow, list := s.loader().load(path, nil)
			if list.HasErrors() {
				return nil, nil, fmt.Errorf("the flow has errors: %s", firstError(list))
			}
			run, err := scheduler.New(flow, s.registry, scheduler.Options{
				Stdin: noStdin{s.command}, Stdout: out, Log: slog.New(newLineHandler(errs, slog.LevelInfo)),
			})
			return flow, run, err
		},
		Note: func(line string) { fmt.Fprintln(errs, line) },
	}
	if s.runs.tap.allow {
		r.Tap = func() *web.TapRules { return s.runs.tap.rules(&s.secrets) }
	}
	return r
}

// untilSignal serves a folder until a signal ends it. The first one drains what runs,
// the second ends that at once.
func (s *serveCall) untilSignal(folder *web.Folder, over <-chan error, stop <-chan os.Signal) error {
	var echo stopsignal.Echo
	select {
	case <-stop:
		echo.Heard(time.Now())
	case err := <-over:
		folder.Close()
		return err
	}
	var killed error
	if n := folder.Running(); n > 0 {
		fmt.Fprintf(s.stderr, "%s still running: finishing what is on its way (at most 30s); once more to end at once\n", plural(n, "flow"))
		drained := folder.Drain()
		for done := false; !done; {
			select {
			case <-drained:
				done = true
			case sig := <-stop:
				if done = !echo.Of(time.Now()); done {
					killed = &ending{code: codeOf(sig), err: interruptError{sig}}
				}
			}
		}
	}
	folder.Close()
	if err := <-over; err != nil {
		return err
	}
	return killed
}

func firstError(list diag.List) string {
	for _, d := range list {
		if d.Severity == diag.Error {
			return d.Error()
		}
	}
	return ""
}

// noStdin is the standard input of a flow that a page started.
type noStdin struct{ command string }

func (s noStdin) Read([]byte) (int, error) {
	return 0, fmt.Errorf("a flow that is started from the page has no standard input; %s run FLOW gives it one", s.command)
}

// A sharedWriter lets several runs write to one stream, one write at a time.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}
