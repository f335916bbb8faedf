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

// A servedRuns is what the flags of serve say about running flows from the page.
type servedRuns struct {
	allow bool
	tap   tapCall
}

// runner lets readers of the page run the flows of a folder; nil: they may not.
func (c *call) runner(s *servedRuns) *web.Runner {
	if !s.allow {
		return nil
	}
	out, errs := &together{w: c.stdout}, &together{w: c.stderr}
	r := &web.Runner{
		Launch: func(path string) (*graph.Flow, *scheduler.Run, error) {
			flow, list := c.load(path, nil)
			if list.HasErrors() {
				return nil, nil, fmt.Errorf("the flow has errors: %s", firstError(list))
			}
			run, err := scheduler.New(flow, c.registry, scheduler.Options{
				Stdin: noStdin{c.command}, Stdout: out, Log: slog.New(newLineHandler(errs, slog.LevelInfo)),
			})
			return flow, run, err
		},
		Note: func(line string) { fmt.Fprintln(errs, line) },
	}
	if s.tap.allow {
		r.Tap = func() *web.TapRules { return s.tap.rules(&c.secrets) }
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

// together lets several runs write to one stream, one write at a time.
type together struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *together) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(b)
}

// untilSignal serves a folder until a signal ends it. The first one drains what runs,
// the second ends that at once.
func (c *call) untilSignal(folder *web.Folder, over <-chan error, stop <-chan os.Signal) error {
	select {
	case <-stop:
	case err := <-over:
		folder.Close()
		return err
	}
	var killed error
	if n := folder.Running(); n > 0 {
		fmt.Fprintf(c.stderr, "%s still running: finishing what is on its way (at most 30s); once more to end at once\n", plural(n, "flow"))
		select {
		case <-folder.Drain():
		case sig := <-stop:
			killed = &ending{code: codeOf(sig), err: interrupted{sig}}
		}
	}
	folder.Close()
	if err := <-over; err != nil {
		return err
	}
	return killed
}
