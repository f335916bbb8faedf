package nodes

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// Resources hold what the nodes of a run use together, such as one client for all
// nodes that talk to the same server. The engine makes one for each run.
//
// mu guards the map and is never held while something is opened or closed: each entry
// has a lock of its own for that.
type Resources struct {
	mu      sync.Mutex
	entries map[string]*sharedEntry
	exits   []func()
	kept    []func() error
}

// Keep has something that is shared stay open until the run ends, whichever of its users have
// ended before: release is called then.
func (s *Resources) Keep(release func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, release)
}

// Close releases what was kept. It is called when all nodes are closed.
func (s *Resources) Close() error {
	s.mu.Lock()
	kept := s.kept
	s.kept = nil
	s.mu.Unlock()
	var errs []error
	for _, release := range slices.Backward(kept) {
		errs = append(errs, release())
	}
	return errors.Join(errs...)
}

// AtExit registers what must not be left behind by a process that ends at once, while
// nodes are still at work: f is called from any goroutine, and returns soon.
func (s *Resources) AtExit(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exits = append(s.exits, f)
}

// Exit calls what was registered with AtExit.
func (s *Resources) Exit() {
	s.mu.Lock()
	exits := slices.Clone(s.exits)
	s.mu.Unlock()
	for _, f := range exits {
		f()
	}
}

// A sharedEntry is one thing that is shared.
type sharedEntry struct {
	ready chan struct{} // holds a token while nobody opens or closes it
	users int
	value io.Closer // nil: it is not open
}

// Share gives what is shared under a key, which names the kind of client and all that
// makes it what it is, such as "redis redis://localhost:6379/0". The first one who asks
// opens it, the last one who releases it closes it; after that it is opened anew. An
// open that fails is tried again by the next one who asks.
//
// It is for Open and NewWorker, and release for Close.
func Share[C io.Closer](ctx context.Context, e *Env, key string, open func(ctx context.Context) (C, error)) (client C, release func() error, err error) {
	s := e.Shared
	if s == nil { // nobody to share with
		if client, err = open(ctx); err != nil {
			return client, nil, err
		}
		return client, client.Close, nil
	}
	entry := s.entry(key)
	if err := entry.hold(ctx); err != nil {
		return client, nil, err
	}
	defer entry.let()
	if entry.value == nil {
		opened, err := open(ctx)
		if err != nil {
			return client, nil, err
		}
		entry.value = opened
	}
	entry.users++
	return entry.value.(C), sync.OnceValue(entry.release), nil
}

func (s *Resources) entry(key string) *sharedEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = map[string]*sharedEntry{}
	}
	entry := s.entries[key]
	if entry == nil {
		entry = &sharedEntry{ready: make(chan struct{}, 1)}
		entry.ready <- struct{}{}
		s.entries[key] = entry
	}
	return entry
}

// hold waits until nobody opens or closes the entry. It is a channel, because a mutex
// held while opening would stop virtual time.
func (e *sharedEntry) hold(ctx context.Context) error {
	select {
	case <-e.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *sharedEntry) let() { e.ready <- struct{}{} }

// release gives the entry back for one user.
func (e *sharedEntry) release() error {
	<-e.ready
	defer e.let()
	if e.users--; e.users > 0 {
		return nil
	}
	value := e.value
	e.value = nil
	return value.Close()
}
