package nodes

import (
	"slices"
	"sync"
)

// A Notebook counts what befalls the peers of a node and is no failure of an item, for
// Env.Notes: each text once, in the order in which they came first. Its methods may be called
// on any goroutine.
type Notebook struct {
	mu    sync.Mutex
	notes []Note
}

// Add counts something that has happened so many times, of late to last.
func (b *Notebook) Add(text string, times int64, last string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.notes, func(n Note) bool { return n.Text == text })
	if i < 0 {
		i, b.notes = len(b.notes), append(b.notes, Note{Text: text})
	}
	b.notes[i].Times += times
	b.notes[i].Last = last
}

// Notes gives a copy of what was counted.
func (b *Notebook) Notes() []Note {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.notes)
}
