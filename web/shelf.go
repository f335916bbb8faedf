package web

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// Limits of the flows that a folder keeps compiled.
const (
	listTime     = 2 * time.Second  // for the list to wait for flows that are compiled
	pageTime     = 20 * time.Second // for a page of one flow to wait for it; less than answerTime
	shelfWeight  = 32 << 20         // bytes of text behind the flows that are kept whole
	nodeWeight   = 1 << 10          // what a node counts as, in such bytes
	settledAfter = 100 * time.Millisecond
	maxWatched   = 64 // files that a flow looks at and that are compared with what they were
)

// A shelf keeps the flows of a folder compiled until one of their files changes: the
// text, and the data that types were learnt from. A flow whose text changes is compiled
// once however many ask for it, and no more than a few are at once. What is too much to
// keep goes, the one used longest ago first, but for what the list says about it.
//
// A compilation cannot be broken off. Whoever waits for it can give up; it goes on, and
// its result is there for the next who asks.
type shelf struct {
	load   func(path string) (*graph.Flow, diag.List)
	places chan struct{} // compilations at once
	closed chan struct{} // nothing more is begun

	mu     sync.Mutex
	flows  map[string]*shelved // guarded by mu, as all below
	serial int64
	weight int64
}

// A shelved is one of them. What is below ready is set by the time that is closed, and
// does not change then.
type shelved struct {
	path  string
	used  int64         // when it was last asked for; guarded by the mu of the shelf
	ready chan struct{} // closed when it is compiled

	page   folderFlow
	flow   *graph.Flow
	thin   bool // only what the list shows is left
	began  time.Time
	files  []stamp // as they were then; none: it is not known what it was made from
	weight int64
}

func newShelf(load func(string) (*graph.Flow, diag.List)) *shelf {
	return &shelf{load: load, places: make(chan struct{}, min(4, runtime.GOMAXPROCS(0))), closed: make(chan struct{}), flows: map[string]*shelved{}}
}

// begin has the flows of some paths compiled that are not, and forgets all others.
func (s *shelf) begin(paths []string) {
	listed := make(map[string]bool, len(paths))
	for _, path := range paths {
		listed[path] = true
		s.find(path, false)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, e := range s.flows {
		if !listed[path] && e.isReady() {
			s.weight -= e.weight
			delete(s.flows, path)
		}
	}
}

// get gives a flow as its files are now, or the error of the context if it is not
// compiled by then. Without whole, what the list shows is enough.
func (s *shelf) get(ctx context.Context, path string, whole bool) (*shelved, error) {
	asked := time.Now()
	for {
		e := s.find(path, whole)
		if !e.isReady() {
			select {
			case <-e.ready:
			case <-s.closed:
				return nil, context.Canceled
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		// Whoever finds a compilation under way may come after a change that it missed.
		if e.began.After(asked) || e.serves(whole) {
			return e, nil
		}
	}
}

// find gives what there is of a flow, which may be on its way, or begins anew.
func (s *shelf) find(path string, whole bool) *shelved {
	s.mu.Lock()
	old := s.flows[path]
	s.mu.Unlock()
	if old != nil && (!old.isReady() || old.serves(whole)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.serial++
		old.used = s.serial
		return old
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.flows[path]; now != nil && now != old {
		return now // somebody else was faster
	}
	if old != nil {
		s.weight -= old.weight
	}
	s.serial++
	e := &shelved{path: path, used: s.serial, ready: make(chan struct{})}
	s.flows[path] = e
	go s.compile(e)
	return e
}

// compile makes a flow when there is a place.
func (s *shelf) compile(e *shelved) {
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	case <-s.closed:
		return
	}
	e.began = time.Now()
	own := stampOf(e.path)
	flow, list := s.loadSafely(e.path)
	e.flow, e.page = flow, newFolderFlow(e.path, flow, list)
	unread := flow == nil && len(list) > 0 && list[0].Code == diag.NoFile // it may be readable the next time
	if own.there() && !unread {
		e.files = []stamp{own}
		if flow != nil {
			looked := flow.Looked()
			for _, path := range looked[:min(len(looked), maxWatched)] {
				e.files = append(e.files, stampOf(path))
			}
			e.weight = own.size + int64(len(flow.Nodes))*nodeWeight
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(e.ready)
	if s.flows[e.path] == e {
		s.weight += e.weight
		s.thinOut(e)
	}
}

// loadSafely loads a flow; a text that breaks the compiler must not end the server.
func (s *shelf) loadSafely(path string) (flow *graph.Flow, list diag.List) {
	defer func() {
		if v := recover(); v != nil {
			flow, list = nil, diag.List{{Severity: diag.Error, Code: diag.BadYAML, Message: fmt.Sprintf("this text breaks the checker (%v); please report it", v)}}
		}
	}()
	return s.load(path)
}

// thinOut drops flows until the rest may stay, but never the one that has just been
// made. The caller holds mu.
func (s *shelf) thinOut(last *shelved) {
	for s.weight > shelfWeight {
		var oldest *shelved
		for _, e := range s.flows {
			if e != last && e.isReady() && e.weight > 0 && (oldest == nil || e.used < oldest.used) {
				oldest = e
			}
		}
		if oldest == nil {
			return
		}
		s.weight -= oldest.weight
		rest := *oldest // readers may hold the other one
		rest.flow, rest.weight, rest.thin = nil, 0, true
		rest.page.Problems, rest.page.Lines = "", nil
		s.flows[rest.path] = &rest
	}
}

// close begins nothing more. What is compiled just then is not waited for.
func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

func (e *shelved) isReady() bool {
	select {
	case <-e.ready:
		return true
	default:
		return false
	}
}

// serves reports whether a compiled flow is what its files say, and all that is wanted.
func (e *shelved) serves(whole bool) bool {
	if len(e.files) == 0 || whole && e.thin {
		return false
	}
	for _, was := range e.files {
		if !was.holds(e.began) {
			return false
		}
	}
	return true
}

// A stamp tells one version of a file from others, as cheaply as can be.
type stamp struct {
	path    string
	changed time.Time // zero: there was no such file
	size    int64
}

func stampOf(path string) stamp {
	s := stamp{path: path}
	if info, err := os.Stat(path); err == nil {
		s.changed, s.size = info.ModTime(), info.Size()
	}
	return s
}

func (s stamp) there() bool { return !s.changed.IsZero() }

// holds reports whether a file is what it was when it was read, some time after began.
// One that was written after that may have been read before; one that was written just
// before may have been written twice in one tick of the file system's clock.
func (s stamp) holds(began time.Time) bool {
	now := stampOf(s.path)
	return now.changed.Equal(s.changed) && now.size == s.size && (!s.there() || began.Sub(s.changed) > settledAfter)
}

// checking is what a page says while its flow is compiled.
const checking = "this flow is still being checked; ask again in a moment"

// checked finds a flow for a page of its own, or answers that it is not there yet.
func (f *Folder) checked(w http.ResponseWriter, r *http.Request, path string) (*shelved, bool) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTime+f.options.leeway)
	defer cancel()
	e, err := f.shelf.get(ctx, path, true)
	if err != nil {
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, checking)
		return nil, false
	}
	return e, true
}
