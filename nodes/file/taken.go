package file

import (
	"fmt"
	"path/filepath"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/durable"
)

// This file tells of a file that two nodes want to write, which only the values of split
// show.

// A takenError is that of a file which another node of the run writes.
type takenError struct {
	by string // the id of the node; "" if that cannot be told
	at diag.Span
}

func (e *takenError) Error() string {
	if e.by == "" {
		return "another node is writing it"
	}
	return fmt.Sprintf("node %s is writing it", e.by)
}

// Is makes the error one of package durable, too.
func (e *takenError) Is(err error) bool { return err == durable.ErrTaken }

// Hint says what to do; see diag.HintOf.
func (e *takenError) Hint() diag.Hint {
	return diag.Hint{Text: "two nodes cannot write one file: give one of them another folder, or another beginning of its names"}
}

// Place is the path of the node that came later; see diag.PlaceOf.
func (e *takenError) Place() diag.Span { return e.at }

// taken says who writes the file that the target cannot have.
func (o *writeOp) taken(t *target) error {
	e := &takenError{at: o.k.Path.At}
	for _, n := range o.env.Flow.Nodes {
		other, ok := n.Config.(*writer)
		if !ok || n.ID == o.env.Node.ID || other.Path.Value == "-" {
			continue
		}
		path, err := filepath.Abs(o.env.Flow.Path(other.Path.Value))
		if err != nil {
			continue
		}
		if len(other.Split) == 0 && durable.BehindLinks(path) == t.path {
			e.by = n.ID
			return e
		}
		if match, err := doublestar.PathMatch(path, t.path); len(other.Split) > 0 && err == nil && match {
			e.by = n.ID
		}
	}
	return e
}
