package http

import (
	"context"
	nethttp "net/http"
	"sync"

	"github.com/flowrun/flowrun/nodes"
)

// This file has the requests of a run that the flow is to answer: listeners enter them, and
// each http.reply takes those out that it answers. Whoever takes a request out is the one who
// answers it, so each is answered once: by the flow, by its timeout, or by the end of the run.

// An answer is what a request gets.
type answer struct {
	status int
	header nethttp.Header // nil: none of its own
	body   []byte
}

// Replies are the requests that are open. The nodes of a run share them.
type replies struct {
	mu   sync.Mutex
	last int64
	open map[int64]*arrival
	ends []func() // of the listeners, when nothing will be answered any more
}

// shareReplies gives the requests of the run, until release.
func shareReplies(ctx context.Context, env *nodes.Env) (r *replies, release func() error, err error) {
	return nodes.Share(ctx, env, "http.listen requests", func(context.Context) (*replies, error) {
		return &replies{open: map[int64]*arrival{}}, nil
	})
}

// enter gives a request its number, from 1.
func (r *replies) enter(a *arrival) (id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.open[r.last] = a
	return r.last
}

// take gives the request of a number to whoever answers it; nil if that is somebody else.
func (r *replies) take(id int64) *arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.open[id]
	delete(r.open, id)
	return a
}

// atEnd has f called once the last node that may answer has ended.
func (r *replies) atEnd(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends = append(r.ends, f)
}

// Close implements io.Closer: the last of those who share it has ended.
func (r *replies) Close() error {
	r.mu.Lock()
	ends := r.ends
	r.mu.Unlock()
	for _, f := range ends {
		f()
	}
	return nil
}
