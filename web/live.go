package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/history"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// A Runner lets the readers of a folder run its flows.
type Runner struct {
	// Launch builds a run of a flow and starts nothing. What is wrong with the flow is
	// an error.
	Launch func(path string) (*graph.Flow, *scheduler.Run, error)
	// AtOnce is how many runs there may be at once; 0: 4.
	AtOnce int
	// Drain is how long a stopped run may take to finish what is on its way; 0: 30 s.
	Drain time.Duration
	// Tap lets readers look at items on edges; nil: they see none.
	Tap func() *TapRules
	// Note takes a line for whoever runs the server: a run began, ended, or cannot be
	// kept. Any goroutine may call it.
	Note func(line string)
}

const (
	defaultRuns  = 4
	defaultDrain = 30 * time.Second
	keptRuns     = 16              // that are over and can still be looked at
	killTime     = 2 * time.Second // for a killed run to clean up
)

// errNotDrained is why a run that was stopped is killed.
var errNotDrained = errors.New("what was on its way did not finish in time")

// Why a run ends at once.
var (
	errStopped    = errors.New("ended from the page")
	errServerEnds = errors.New("the server that ran it was ended")
)

// lives are the runs that readers of a folder started. Each has a page of its own
// below /live/.
type lives struct {
	folder *Folder
	runner Runner

	mu     sync.Mutex
	runs   []*liveRun // the newest last; guarded by mu, as all below
	serial int
	ending bool // no more are started
}

// A liveRun is one of them. What is below made is set by the time that made is closed,
// and does not change then; if it could not be made, it is not in the list.
type liveRun struct {
	id   string
	path string
	over chan struct{} // closed when the run has ended and was kept
	made chan struct{}

	name   string
	run    *scheduler.Run
	server *Server
	pages  http.Handler
	kill   context.CancelCauseFunc
	drain  func()
}

// liveRoutes adds the runs of the folder.
func (f *Folder) liveRoutes(mux *http.ServeMux) {
	f.lives = &lives{folder: f}
	if f.options.Runner != nil {
		f.lives.runner = *f.options.Runner
	}
	l := f.lives
	l.runner.AtOnce, l.runner.Drain = cmp.Or(l.runner.AtOnce, defaultRuns), cmp.Or(l.runner.Drain, defaultDrain)+f.options.leeway
	if l.runner.Note == nil {
		l.runner.Note = func(string) {}
	}
	mux.HandleFunc("GET /api/v1/live", l.list)
	mux.HandleFunc("POST /api/v1/live", l.start)
	mux.HandleFunc("/live/{id}/", l.page)
}

// list tells what runs, and what has lately ended.
func (l *lives) list(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		ID      string  `json:"id"`
		Path    string  `json:"path"`
		Name    string  `json:"name"`
		Page    string  `json:"page"`
		Outcome string  `json:"outcome"`
		Paused  bool    `json:"paused,omitempty"`
		Seconds float64 `json:"seconds"`
		In      int64   `json:"in"` // items that sources have read
		Errors  int64   `json:"errors"`
		Error   string  `json:"error,omitempty"`
	}
	answer := struct {
		Allowed bool    `json:"allowed"`
		AtOnce  int     `json:"at_once"`
		Runs    []entry `json:"runs"` // the newest last
	}{l.runner.Launch != nil, l.runner.AtOnce, []entry{}}
	for _, lr := range l.all() {
		select {
		case <-lr.made:
		default:
			continue
		}
		stats := lr.run.Stats()
		e := entry{ID: lr.id, Path: lr.path, Name: lr.name, Page: lr.base() + "/", Outcome: stats.Outcome, Paused: stats.Paused, Seconds: stats.Took.Seconds(), Error: redact.Text(stats.Error)}
		for i := range stats.Nodes {
			e.Errors += stats.Nodes[i].Errors()
			if stats.Nodes[i].Source {
				e.In += stats.Nodes[i].Out
			}
		}
		answer.Runs = append(answer.Runs, e)
	}
	sendJSON(w, r, answer)
}

// base is where the page of a run is.
func (lr *liveRun) base() string { return "/live/" + lr.id }

func (lr *liveRun) isOver() bool {
	select {
	case <-lr.over:
		return true
	default:
		return false
	}
}

func (l *lives) all() []*liveRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.runs)
}

// page serves the page of a run and takes what is ordered there.
func (l *lives) page(w http.ResponseWriter, r *http.Request) {
	for _, lr := range l.all() {
		if lr.id == r.PathValue("id") {
			select {
			case <-lr.made:
				http.StripPrefix(lr.base(), lr.pages).ServeHTTP(w, r)
			case <-r.Context().Done():
			}
			return
		}
	}
	refuse(w, http.StatusNotFound, "this run is gone; the list of flows has those that go on")
}

// start runs a flow.
func (l *lives) start(w http.ResponseWriter, r *http.Request) {
	if l.runner.Launch == nil {
		refuse(w, http.StatusForbidden, "nothing is run here; flowrun serve --allow-run lets it")
		return
	}
	path, ok := l.folder.asked(w, r)
	if !ok {
		return
	}
	lr, err := l.reserve(path)
	if err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	if err := l.begin(lr); err != nil {
		refuse(w, http.StatusUnprocessableEntity, redact.Source(err.Error()))
		return
	}
	w.Header().Set("Location", lr.base()+"/")
	w.WriteHeader(http.StatusCreated)
}

// reserve takes a place for a run. An ended run of the same flow makes room for it.
func (l *lives) reserve(path string) (*liveRun, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := 0
	for _, lr := range l.runs {
		if lr.isOver() {
			continue
		}
		if running++; lr.path == path {
			return nil, errors.New("this flow is running already")
		}
	}
	switch {
	case l.ending:
		return nil, errors.New("the server is about to end")
	case running >= l.runner.AtOnce:
		return nil, fmt.Errorf("%d flows are running already, and there may be no more at once: stop one first", running)
	}
	l.serial++
	lr := &liveRun{id: strconv.Itoa(l.serial), path: path, over: make(chan struct{}), made: make(chan struct{})}
	l.forget(func(old *liveRun) bool { return old.path == path })
	for len(l.runs)-running >= keptRuns {
		oldest := l.runs[slices.IndexFunc(l.runs, (*liveRun).isOver)]
		l.forget(func(old *liveRun) bool { return old == oldest })
	}
	l.runs = append(l.runs, lr)
	return lr, nil
}

// forget drops runs that are over. The caller holds mu.
func (l *lives) forget(which func(*liveRun) bool) {
	l.runs = slices.DeleteFunc(l.runs, func(lr *liveRun) bool {
		if !lr.isOver() || !which(lr) {
			return false
		}
		if lr.server != nil {
			go lr.server.Close() // it waits for its readers to hear the end
		}
		return true
	})
}

// begin builds a run and lets it go.
func (l *lives) begin(lr *liveRun) error {
	flow, run, err := l.runner.Launch(lr.path)
	if err == nil {
		lr.name, lr.run = cmp.Or(flow.Name, lr.path), run
		err = l.open(lr, flow)
	}
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(lr.over)
		l.forget(func(old *liveRun) bool { return old == lr })
		return err
	}
	ctx, kill := context.WithCancelCause(context.Background())
	lr.kill = kill
	lr.drain = sync.OnceFunc(func() {
		run.Stop()
		timer := time.AfterFunc(l.runner.Drain, func() { kill(errNotDrained) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	follower := history.Follow(run.Stats)
	close(lr.made)
	l.runner.Note(lr.path + ": started from the page")
	go func() {
		defer close(lr.over)
		report, err := run.Run(ctx)
		kill(nil)
		l.keep(lr, report, err, follower.End(report))
	}()
	return nil
}

// open makes the page of a run.
func (l *lives) open(lr *liveRun, flow *graph.Flow) error {
	o := Options{
		Layout: l.folder.options.Layout, Base: lr.base(),
		Drain: func() { lr.drain() }, Kill: func() { lr.kill(errStopped) },
	}
	if l.runner.Tap != nil {
		o.Tap = l.runner.Tap()
	}
	server, err := New(flow, lr.run, o)
	if err != nil {
		return err
	}
	lr.server, lr.pages = server, server.routes()
	return nil
}

// keep puts a run that is over to the others of its flow.
func (l *lives) keep(lr *liveRun, report metrics.Report, err error, line history.Timeline) {
	if err != nil && !errors.Is(err, scheduler.ErrStopped) {
		report.Error = cmp.Or(report.Error, err.Error())
	}
	failures := map[string][]scheduler.ItemError{}
	for _, n := range report.Nodes {
		if recent := lr.run.RecentErrors(n.ID); len(recent) > 0 {
			failures[n.ID] = recent
		}
	}
	l.runner.Note(fmt.Sprintf("%s: %s after %s", lr.path, report.Outcome, report.Took.Round(time.Millisecond)))
	store := history.Open(history.Beside(lr.path))
	if _, err := store.Save(history.Of(lr.path, report, failures, line)); err != nil {
		l.runner.Note(fmt.Sprintf("%s: the run is not kept: %v", lr.path, err))
	}
}

// Running is how many flows run.
func (f *Folder) Running() int {
	n := 0
	for _, lr := range f.lives.all() {
		if !lr.isOver() {
			n++
		}
	}
	return n
}

// Drain stops all runs: what is on its way is worked off, for as long as the Runner
// allows, and nothing new is started. The channel is closed when they are over.
func (f *Folder) Drain() (over <-chan struct{}) {
	f.lives.mu.Lock()
	f.lives.ending = true
	f.lives.mu.Unlock()
	return f.lives.endAll(func(lr *liveRun) { lr.drain() })
}

// endAll ends every run that goes on, and tells when they are over.
func (l *lives) endAll(end func(*liveRun)) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		all := l.all()
		for _, lr := range all {
			select {
			case <-lr.made:
				end(lr)
			case <-lr.over: // it could not be made
			}
		}
		for _, lr := range all {
			<-lr.over
		}
	}()
	return done
}

// close kills what still runs and closes the pages.
func (l *lives) close() {
	l.mu.Lock()
	l.ending = true
	l.mu.Unlock()
	select {
	case <-l.endAll(func(lr *liveRun) { lr.kill(errServerEnds) }):
	case <-time.After(killTime + l.folder.options.leeway):
	}
	var pages sync.WaitGroup
	for _, lr := range l.all() {
		select {
		case <-lr.made:
			pages.Go(lr.server.Close)
		default:
		}
	}
	pages.Wait()
}
