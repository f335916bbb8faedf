package cli

import (
	"slices"
	"strings"
	"sync"
)

// secrets remembers what flows were told under ${env:NAME} and ${file:/path}, so that
// it can be hidden where items are shown. Any goroutine may use it.
type secrets struct {
	mu   sync.Mutex
	seen []string
}

// lookup is lookupVariable that remembers secrets.
func (s *secrets) lookup(name string) (string, bool) {
	value, ok := lookupVariable(name)
	if ok && strings.Contains(name, ":") {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Contains(s.seen, value) {
			s.seen = append(s.seen, value)
		}
	}
	return value, ok
}

// all gives them.
func (s *secrets) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}
