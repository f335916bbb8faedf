package web

import (
	"context"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diff"
	"github.com/flowrun/flowrun/graph/render"
)

// This file has the pages that compare two flows.

//go:embed diff.html.tmpl
var diffText embed.FS

var diffTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.ParseFS(folderText, "folder.html.tmpl")).ParseFS(diffText, "diff.html.tmpl"))
})

// A comparer serves them for the flows of a folder.
type comparer struct{ *Folder }

func (c comparer) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /diff", c.page)
	mux.HandleFunc("GET /api/v1/diff", c.json)
}

// A diffPage is two flows compared, or the question which two.
type diffPage struct {
	Paths    []string
	A, B     string
	Old, New *folderFlow // nil: not asked for
	Diff     *diff.Diff  // nil: nothing to compare
	Drawing  template.HTML
	Fits     bool   // the drawing can be read when it is as wide as the page
	Trouble  string // why there is no drawing
}

// Nodes are those whose own text differs.
func (p diffPage) Nodes() []diff.Node {
	var all []diff.Node
	for _, n := range p.Diff.Nodes {
		if n.Mark != diff.Same && n.Mark != diff.Affected {
			all = append(all, n)
		}
	}
	return all
}

// Edges are those that differ.
func (p diffPage) Edges() []diff.Edge {
	var all []diff.Edge
	for _, e := range p.Diff.Edges {
		if e.Mark != diff.Same && e.Mark != diff.Affected {
			all = append(all, e)
		}
	}
	return all
}

// A consequence is a port that carries another type.
type consequence struct {
	Node string
	diff.PortChange
}

// Types are the ports that carry something else.
func (p diffPage) Types() []consequence {
	var all []consequence
	for i := range p.Diff.Nodes {
		n := &p.Diff.Nodes[i]
		for _, port := range n.Consequences() {
			all = append(all, consequence{n.ID, port})
		}
	}
	return all
}

// compare compares the two flows that a request names, which must be of the list; it
// answers the request if they are not.
func (c comparer) compare(w http.ResponseWriter, r *http.Request) (page diffPage, ok bool) {
	q := r.URL.Query()
	page.A, page.B = q.Get("a"), q.Get("b")
	paths, err := c.options.Paths()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return page, false
	}
	page.Paths = paths
	flows := [2]*graph.Flow{}
	for i, path := range []string{page.A, page.B} {
		if path == "" {
			continue
		}
		if !slices.Contains(paths, path) {
			refuse(w, http.StatusNotFound, "there is no such flow here")
			return page, false
		}
		e, ok := c.checked(w, r, path)
		if !ok {
			return page, false
		}
		flows[i] = e.flow
		if i == 0 {
			page.Old = &e.page
		} else {
			page.New = &e.page
		}
	}
	if flows[0] != nil && flows[1] != nil {
		page.Diff = diff.Compare(flows[0], flows[1])
	}
	return page, true
}

// page shows two flows drawn as one, with the list of what differs beside it.
func (c comparer) page(w http.ResponseWriter, r *http.Request) {
	page, ok := c.compare(w, r)
	if !ok {
		return
	}
	switch {
	case page.Diff == nil:
	case page.Old.Large() || page.New.Large():
		page.Trouble = "This is too large to be drawn on a page; flowrun diff draws it."
	default:
		drawing, width, err := c.draw(r.Context(), page.Diff)
		if err != nil {
			page.Trouble = "it cannot be drawn: " + err.Error()
		}
		page.Drawing, page.Fits = template.HTML(drawing), width <= maxFitting
	}
	showIn(diffTemplate(), w, r, "diff", page)
}

// maxFitting is the width up to which a drawing is made as wide as the page; a wider
// one is scrolled.
const maxFitting = 1600

// draw draws both versions for a page, and says how wide.
func (c comparer) draw(ctx context.Context, d *diff.Diff) (svg []byte, width float64, err error) {
	if len(d.Nodes) == 0 {
		return nil, 0, nil
	}
	scene := render.FromDiff(d)
	scene.Title, scene.About = "", "" // the page says it
	svg, err = c.picture(ctx, scene, true)
	return svg, scene.Width, err
}

// json gives the differences to programs.
func (c comparer) json(w http.ResponseWriter, r *http.Request) {
	page, ok := c.compare(w, r)
	switch {
	case !ok:
	case page.Old == nil || page.New == nil:
		refuse(w, http.StatusNotFound, "want two flows of this folder, a and b")
	case page.Diff == nil:
		refuse(w, http.StatusUnprocessableEntity, "one of the two cannot be read as a flow")
	default:
		sendJSON(w, r, page.Diff)
	}
}
