package scheduler

import (
	"fmt"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
)

// A Failure is what stopped a flow: an item, or a node as a whole.
type Failure struct {
	Node string
	Kind string
	Item string // as JSON, "" if the node as a whole failed
	File string
	Line int
	At   diag.Span // in the flow: of the expression that failed, or of the node
	Err  error
}

// Excerpt shows what stands at the place in the flow, without secrets and with carets under
// it; "" if there is none.
func (f *Failure) Excerpt() string { return diag.Excerpt(f.At, redact.Source) }

// Hint is what the error knows of a remedy; zero if it knows none.
func (f *Failure) Hint() diag.Hint { return hintOf(f.Err) }

func (f *Failure) Error() string {
	s := fmt.Sprintf("%s (%s)", f.Node, f.Kind)
	if read := from(f.File, f.Line); read != "" {
		s += ": " + read
	}
	s += ": " + redact.Text(f.Err.Error())
	if f.Item != "" {
		s += "\n  item: " + f.Item
	}
	if stack := stackOf(f.Err); stack != "" {
		s += "\n" + stack
	}
	return s
}

func (f *Failure) Unwrap() error { return f.Err }
