package web

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file keeps the flows of a folder compiled.

// Limits of the flows that a folder keeps compiled.
const (
	cachedWeight = 32 << 20 // bytes of text behind the flows that are kept whole
	nodeWeight   = 1 << 10  // what a node counts as, in such bytes
	settledAfter = 100 * time.Millisecond
	maxWatched   = 64 // files that a flow looks at and that are compared with what they were
)

// A flowCache keeps the flows of a folder compiled until one of their files changes: the
// text, and the data that types were learnt from. A flow whose text changes is compiled
// once however many ask for it, and no more than a few are at once. What is too much to
// keep goes, the one used longest ago first, but for what the list says about it.
//
// A compilation cannot be broken off. Whoever waits for it can give up; it goes on, and
// its result is there for the next who asks.
type flowCache struct {
	load    func(path string) (*graph.Flow, diag.List)
	places  chan struct{}      // compilations at once
	closed  chan struct{}      // nothing more is begun
	flights singleflight.Group // compilations under way, by path

	mu    sync.Mutex
	whole *weightedLRU[string, *compiledFlow] // by path; guarded by mu, as all below
	thin  map[string]*compiledFlow            // those that whole had no room for
}

// A compiledFlow is one of them. It does not change.
type compiledFlow struct {
	path   string
	page   folderFlow
	flow   *graph.Flow
	thin   bool // only what the list shows is left
	began  time.Time
	files  []stamp // as they were then; none: it is not known what it was made from
	weight int
}

// newFlowCache makes a cache for flows of so much weight.
func newFlowCache(load func(string) (*graph.Flow, diag.List), weight int) *flowCache {
	c := &flowCache{load: load, places: make(chan struct{}, min(4, runtime.GOMAXPROCS(0))), closed: make(chan struct{}), thin: map[string]*compiledFlow{}}
	c.whole = newWeightedLRU(math.MaxInt, weight,
		func(e *compiledFlow) int { return e.weight },
		func(path string, e *compiledFlow) { c.thin[path] = e.thinned() })
	return c
}

// begin has the flows of some paths compiled that are not, and forgets all others.
func (c *flowCache) begin(paths []string) {
	listed := make(map[string]bool, len(paths))
	for _, path := range paths {
		listed[path] = true
		if e := c.find(path); e == nil || !e.serves(false) {
			c.compile(path)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, path := range append(c.whole.Keys(), slices.Collect(maps.Keys(c.thin))...) {
		if !listed[path] {
			c.whole.Remove(path)
			delete(c.thin, path)
		}
	}
}

// get gives a flow as its files are now, or the error of the context if it is not
// compiled by then. Without whole, what the list shows is enough.
func (c *flowCache) get(ctx context.Context, path string, whole bool) (*compiledFlow, error) {
	asked := time.Now()
	for {
		if e := c.find(path); e != nil && e.serves(whole) {
			return e, nil
		}
		select {
		case result := <-c.compile(path):
			if result.Err != nil {
				return nil, result.Err
			}
			// Whoever joins a compilation under way may come after a change that it missed.
			if e := result.Val.(*compiledFlow); e.began.After(asked) || e.serves(whole) {
				return e, nil
			}
		case <-c.closed:
			return nil, context.Canceled
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// find gives what there is of a flow, nil if there is nothing.
func (c *flowCache) find(path string) *compiledFlow {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.whole.Get(path); ok {
		return e
	}
	return c.thin[path]
}

// compile begins to compile a flow, or joins those who wait for it already.
func (c *flowCache) compile(path string) <-chan singleflight.Result {
	return c.flights.DoChan(path, func() (any, error) {
		if e := c.find(path); e != nil && e.serves(true) { // the flight before has just ended
			return e, nil
		}
		select {
		case c.places <- struct{}{}:
			defer func() { <-c.places }()
		case <-c.closed:
			return nil, context.Canceled
		}
		e := c.newCompiledFlow(path)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.whole.Add(path, e)
		delete(c.thin, path)
		return e, nil
	})
}

// newCompiledFlow compiles a flow, now.
func (c *flowCache) newCompiledFlow(path string) *compiledFlow {
	e := &compiledFlow{path: path, began: time.Now()}
	own := stampOf(path)
	flow, list := c.loadSafely(path)
	e.flow, e.page = flow, newFolderFlow(path, flow, list)
	unread := flow == nil && len(list) > 0 && list[0].Code == diag.NoFile // it may be readable the next time
	if own.there() && !unread {
		e.files = []stamp{own}
		if flow != nil {
			looked := flow.Looked()
			for _, path := range looked[:min(len(looked), maxWatched)] {
				e.files = append(e.files, stampOf(path))
			}
			e.weight = int(own.size) + len(flow.Nodes)*nodeWeight
		}
	}
	return e
}

// loadSafely loads a flow; a text that breaks the compiler must not end the server.
func (c *flowCache) loadSafely(path string) (flow *graph.Flow, list diag.List) {
	defer func() {
		if v := recover(); v != nil {
			flow, list = nil, diag.List{{Severity: diag.Error, Code: diag.BadYAML, Message: fmt.Sprintf("this text breaks the checker (%v); please report it", v)}}
		}
	}()
	return c.load(path)
}

// close begins nothing more. What is compiled just then is not waited for.
func (c *flowCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
}

// thinned is what the list shows of a flow.
func (e *compiledFlow) thinned() *compiledFlow {
	rest := *e // readers may hold the other one
	rest.flow, rest.weight, rest.thin = nil, 0, true
	rest.page.Problems, rest.page.Lines = "", nil
	return &rest
}

// serves reports whether a compiled flow is what its files say, and all that is wanted.
func (e *compiledFlow) serves(whole bool) bool {
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
