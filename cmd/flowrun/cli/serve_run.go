package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// runnerFlags are those of serve about running flows from the page.
type runnerFlags struct {
	allow bool
	tap   tapFlags
}

// runner lets readers of the page run the flows of a folder; nil: they may not.
func (s *serveCall) runner() *web.Runner {
	if !s.runs.allow {
		return nil
	}
	out, errs := &sharedWriter{w: s.stdout}, &sharedWriter{w: s.stderr}
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

// untilSignal serves a folder until a signal ends it. The first one drains what runs,
// the second ends that at once.
func (s *serveCall) untilSignal(folder *web.Folder, over <-chan error, stop <-chan os.Signal) error {
	select {
	case <-stop:
	case err := <-over:
		folder.Close()
		return err
	}
	var killed error
	if n := folder.Running(); n > 0 {
		fmt.Fprintf(s.stderr, "%s still running: finishing what is on its way (at most 30s); once more to end at once\n", plural(n, "flow"))
		select {
		case <-folder.Drain():
		case sig := <-stop:
			killed = &ending{code: codeOf(sig), err: interruptError{sig}}
		}
	}
	folder.Close()
	if err := <-over; err != nil {
		return err
	}
	return killed
}
