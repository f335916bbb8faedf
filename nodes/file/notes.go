package file

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/nodes"
)

// This file keeps what befalls files that are followed: it is said in the log when it
// happens, and counted for the report.

// notes are the counts, in the order in which each came first.
type notes struct {
	mu   sync.Mutex
	list []nodes.Note
}

func (n *notes) add(text, file string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.list, func(have nodes.Note) bool { return have.Text == text })
	if i < 0 {
		i, n.list = len(n.list), append(n.list, nodes.Note{Text: text})
	}
	n.list[i].Times++
	n.list[i].Last = file
}

// all gives a copy, on any goroutine.
func (n *notes) all() []nodes.Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}

// note says and counts what has befallen a file.
func (o *followOp) note(level slog.Level, text, file string, more ...any) {
	o.env.Log.Log(context.Background(), level, text, append([]any{"file", file}, more...)...)
	o.notes.add(text, file)
}
