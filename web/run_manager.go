package web

import (
	"cmp"
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
	"github.com/flowrun/flowrun/scheduler/supervise"
)

// This file runs the flows of a folder for its readers.

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

// Why a run ends at once.
var (
	errStopped    = errors.New("ended from the page")
	errServerEnds = errors.New("the server that ran it was shut down")
)

// A runManager starts the runs that readers of a folder want, has a page for each below
// /live/, ends them and keeps what they did.
type runManager struct {
	folder *Folder
	runner Runner

	mu     sync.Mutex
	runs   []*managedRun // the newest last; guarded by mu, as all below
	serial int
	ending bool // no more are started
}

// newRunManager makes the manager of a folder's runs. Without a Runner it runs nothing.
func newRunManager(f *Folder) *runManager {
	m := &runManager{folder: f}
	if f.options.Runner != nil {
		m.runner = *f.options.Runner
	}
	m.runner.AtOnce, m.runner.Drain = cmp.Or(m.runner.AtOnce, defaultRuns), cmp.Or(m.runner.Drain, defaultDrain)+f.options.leeway
	if m.runner.Note == nil {
		m.runner.Note = func(string) {}
	}
	return m
}

// routes adds the paths of the runs.
func (m *runManager) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/live", m.list)
	mux.HandleFunc("POST /api/v1/live", m.start)
	mux.HandleFunc("/live/{id}/", m.page)
}

// list tells what runs, and what has lately ended.
func (m *runManager) list(w http.ResponseWriter, r *http.Request) {
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
	}{m.runner.Launch != nil, m.runner.AtOnce, []entry{}}
	for _, mr := range m.all() {
		select {
		case <-mr.made:
		default:
			continue
		}
		stats := mr.run.Stats()
		e := entry{ID: mr.id, Path: mr.path, Name: mr.name, Page: mr.base() + "/", Outcome: stats.Outcome, Paused: stats.Paused, Seconds: stats.Took.Seconds(), Error: redact.Text(stats.Error)}
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

func (m *runManager) all() []*managedRun {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.runs)
}

// page serves the page of a run and takes what is ordered there.
func (m *runManager) page(w http.ResponseWriter, r *http.Request) {
	for _, mr := range m.all() {
		if mr.id == r.PathValue("id") {
			select {
			case <-mr.made:
				http.StripPrefix(mr.base(), mr.pages).ServeHTTP(w, r)
			case <-r.Context().Done():
			}
			return
		}
	}
	refuse(w, http.StatusNotFound, "this run is gone; the list of flows has those that still run")
}

// start runs a flow.
func (m *runManager) start(w http.ResponseWriter, r *http.Request) {
	if m.runner.Launch == nil {
		refuse(w, http.StatusForbidden, "nothing is run here; flowrun serve --allow-run allows it")
		return
	}
	path, ok := m.folder.asked(w, r)
	if !ok {
		return
	}
	mr, err := m.reserve(path)
	if err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	if err := m.begin(mr); err != nil {
		refuse(w, http.StatusUnprocessableEntity, redact.Source(err.Error()))
		return
	}
	w.Header().Set("Location", mr.base()+"/")
	w.WriteHeader(http.StatusCreated)
}

// reserve takes a place for a run. An ended run of the same flow makes room for it.
func (m *runManager) reserve(path string) (*managedRun, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	running := 0
	for _, mr := range m.runs {
		if mr.isOver() {
			continue
		}
		if running++; mr.path == path {
			return nil, errors.New("this flow is running already")
		}
	}
	switch {
	case m.ending:
		return nil, errors.New("the server is about to end")
	case running >= m.runner.AtOnce:
		return nil, fmt.Errorf("%d flows are running already, and there may be no more at once: stop one first", running)
	}
	m.serial++
	mr := &managedRun{id: strconv.Itoa(m.serial), path: path, over: make(chan struct{}), made: make(chan struct{})}
	m.forget(func(old *managedRun) bool { return old.path == path })
	for len(m.runs)-running >= keptRuns {
		oldest := m.runs[slices.IndexFunc(m.runs, (*managedRun).isOver)]
		m.forget(func(old *managedRun) bool { return old == oldest })
	}
	m.runs = append(m.runs, mr)
	return mr, nil
}

// forget drops runs that are over. The caller holds mu.
func (m *runManager) forget(which func(*managedRun) bool) {
	m.runs = slices.DeleteFunc(m.runs, func(mr *managedRun) bool {
		if !mr.isOver() || !which(mr) {
			return false
		}
		if mr.server != nil {
			go mr.server.Close() // it waits for its readers to hear the end
		}
		return true
	})
}

// begin builds a run and lets it go.
func (m *runManager) begin(mr *managedRun) error {
	flow, run, err := m.runner.Launch(mr.path)
	if err == nil {
		mr.name, mr.run = cmp.Or(flow.Name, mr.path), run
		err = m.open(mr, flow)
	}
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		close(mr.over)
		m.forget(func(old *managedRun) bool { return old == mr })
		return err
	}
	keeper := history.Keep(mr.path, run)
	m.runner.Note(mr.path + ": started from the page")
	mr.supervisor = supervise.Start(run, supervise.Options{Drain: m.runner.Drain})
	close(mr.made)
	go func() {
		defer close(mr.over)
		m.keep(mr, keeper, mr.supervisor.Result())
	}()
	return nil
}

// open makes the page of a run.
func (m *runManager) open(mr *managedRun, flow *graph.Flow) error {
	o := Options{
		Layout: m.folder.options.Layout, Base: mr.base(),
		Drain: func() { mr.supervisor.Stop() }, Kill: func() { mr.supervisor.Kill(errStopped) },
	}
	if m.runner.Tap != nil {
		o.Tap = m.runner.Tap()
	}
	server, err := New(flow, mr.run, o)
	if err != nil {
		return err
	}
	mr.server, mr.pages = server, server.routes()
	return nil
}

// keep puts a run that is over to the others of its flow.
func (m *runManager) keep(mr *managedRun, keeper *history.Keeper, r supervise.Result) {
	m.runner.Note(fmt.Sprintf("%s: %s after %s", mr.path, r.Report.Outcome, r.Report.Took.Round(time.Millisecond)))
	if err := keeper.Save(r.Report, r.Err); err != nil {
		m.runner.Note(fmt.Sprintf("%s: the run is not kept: %v", mr.path, err))
	}
}

// running is how many flows run.
func (m *runManager) running() int {
	n := 0
	for _, mr := range m.all() {
		if !mr.isOver() {
			n++
		}
	}
	return n
}

// drain starts nothing new and stops all runs; the channel is closed when they are over.
func (m *runManager) drain() (over <-chan struct{}) {
	m.mu.Lock()
	m.ending = true
	m.mu.Unlock()
	return m.endAll((*supervise.Supervisor).Stop)
}

// endAll ends every run that goes on, and tells when they are over.
func (m *runManager) endAll(end func(*supervise.Supervisor)) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		all := m.all()
		for _, mr := range all {
			select {
			case <-mr.made:
				end(mr.supervisor)
			case <-mr.over: // it could not be made
			}
		}
		for _, mr := range all {
			<-mr.over
		}
	}()
	return done
}

// close kills what still runs and closes the pages.
func (m *runManager) close() {
	m.mu.Lock()
	m.ending = true
	m.mu.Unlock()
	select {
	case <-m.endAll(func(s *supervise.Supervisor) { s.Kill(errServerEnds) }):
	case <-time.After(killTime + m.folder.options.leeway):
		m.sweep()
	}
	var pages sync.WaitGroup
	for _, mr := range m.all() {
		select {
		case <-mr.made:
			pages.Go(mr.server.Close)
		default:
		}
	}
	pages.Wait()
}

// sweep removes what runs would leave behind that have been killed and do not end.
func (m *runManager) sweep() {
	for _, mr := range m.all() {
		select {
		case <-mr.made:
		default:
			continue
		}
		select {
		case <-mr.supervisor.Done():
		default:
			mr.run.Exit()
		}
	}
}
