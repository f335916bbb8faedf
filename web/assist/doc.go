// Package assist answers an editor of flow files: what can stand at a place, and
// what is it that stands there.
//
// It works on texts that are not finished: where the cursor is, it tells by
// indentation and brackets, and types it takes from what can be compiled of the
// text, if need be with the line of the cursor closed or left out.
package assist

import (
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/types"
)

// A Question is about a place in a flow file.
type Question struct {
	Text   string
	Line   int // from 1
	Column int // from 1, in characters; the cursor stands before it
	// Catalog has the kinds there are.
	Catalog graph.Catalog
	// Load compiles a text, as far as that goes; it gives nil for one that cannot
	// be read. It is called up to three times.
	Load func(text string) *graph.Flow
}

// A question that is being answered.
type question struct {
	Question
	lines []string
	place place
	flow  *graph.Flow // compiled when first asked for
}

func (q Question) begin() *question {
	lines := strings.Split(strings.ReplaceAll(q.Text, "\r\n", "\n"), "\n")
	return &question{Question: q, lines: lines, place: find(lines, max(q.Line, 1)-1, max(q.Column, 1)-1)}
}

// before is the line up to the cursor.
func (q *question) before() string {
	if q.Line < 1 || q.Line > len(q.lines) {
		return ""
	}
	line := []rune(q.lines[q.Line-1])
	return string(line[:min(max(q.Column, 1)-1, len(line))])
}

// compiled gives the flow, the best that can be made of the text.
func (q *question) compiled() *graph.Flow {
	if q.flow != nil {
		return q.flow
	}
	q.flow = q.Load(q.Text)
	if n := q.node(); q.flow == nil || n == nil && q.place.at(0) == "nodes" && len(q.place.path) > 1 || n != nil && !wired(n) {
		for _, line := range []string{q.before() + q.place.closers, ""} {
			if flow := q.Load(q.with(line)); flow != nil && (q.flow == nil || len(flow.Edges) > len(q.flow.Edges)) {
				q.flow = flow
			}
		}
	}
	if q.flow == nil {
		q.flow = &graph.Flow{}
	}
	return q.flow
}

// with is the text with another line at the cursor.
func (q *question) with(line string) string {
	lines := append([]string(nil), q.lines...)
	if q.Line >= 1 && q.Line <= len(lines) {
		lines[q.Line-1] = line
	}
	return strings.Join(lines, "\n")
}

// node is the node that the cursor is in, nil if there is none.
func (q *question) node() *graph.Node {
	if q.flow == nil || q.place.at(0) != "nodes" {
		return nil
	}
	return q.flow.Node(q.place.at(1))
}

// wired reports whether the types of all inputs of a node are known.
func wired(n *graph.Node) bool {
	for _, in := range n.In {
		if in.Arriving().Kind == types.KindError {
			return false
		}
	}
	return true
}

// kind describes the kind of the node that the cursor is in, nil if it is not known.
func (q *question) kind() *graph.Spec {
	q.compiled()
	if n := q.node(); n != nil {
		return n.Spec
	}
	return nil
}

// fields are those of the records that arrive at the node of the cursor.
func (q *question) fields() []types.Field {
	q.compiled()
	n := q.node()
	if n == nil {
		return nil
	}
	var all []types.Field
	known := map[string]bool{}
	for _, in := range n.In {
		for _, e := range in.Edges {
			if e.Type == nil {
				continue
			}
			for _, f := range e.Type.Fields {
				if !known[f.Name] {
					known[f.Name] = true
					all = append(all, f)
				}
			}
		}
	}
	return all
}
