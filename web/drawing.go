package web

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/render"
)

// This file draws the flow of a page.

// drawTime bounds the wait for positions; a drawing that takes longer is made with
// the built-in layout.
const drawTime = 20 * time.Second

// A drawing is the picture of the flow in one direction, made once.
type drawing struct {
	make sync.Once
	page []byte // for the page: inline, with room for live numbers
	err  error
	file func() ([]byte, error) // a file of its own, made when first asked for
}

// drawings are from left to right, which the server makes when it starts, and from
// top to bottom, made when somebody wants to see it.
type drawings struct {
	ctx    context.Context // ends what is drawn
	flow   *graph.Flow
	layout func(context.Context, *render.Scene) error

	across, down drawing
}

// of is the drawing that a request wants: from top to bottom with ?down=1.
func (d *drawings) of(r *http.Request) (which *drawing, down bool) {
	if r.URL.Query().Get("down") == "1" {
		return &d.down, true
	}
	return &d.across, false
}

// draw makes a drawing, or waits until it is made.
func (d *drawings) draw(one *drawing, down bool) {
	one.make.Do(func() {
		one.page, one.err = d.picture(true, down)
		one.file = sync.OnceValues(func() ([]byte, error) { return d.picture(false, down) })
	})
}

// picture draws the flow for the page or as a file.
func (d *drawings) picture(live, down bool) ([]byte, error) {
	scene := render.FromFlow(d.flow)
	scene.Down = down
	if live {
		scene.Live = true
		scene.Title, scene.About = "", "" // the page has a head of its own
	}
	ctx, cancel := context.WithTimeout(d.ctx, drawTime)
	defer cancel()
	if err := d.layout(ctx, scene); err != nil {
		if err := render.LayoutBuiltin(scene); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err := render.SVG(&b, scene, render.SVGOptions{Inline: live})
	return b.Bytes(), err
}

// drawn gives the drawing that a request wants.
func (d *drawings) drawn(r *http.Request) (*drawing, error) {
	one, down := d.of(r)
	d.draw(one, down)
	return one, one.err
}

// graph serves the drawing as a file.
func (d *drawings) graph(w http.ResponseWriter, r *http.Request) {
	one, err := d.drawn(r)
	var text []byte
	if err == nil {
		text, err = one.file()
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the flow cannot be drawn: "+err.Error())
		return
	}
	w.Header().Set("Content-Security-Policy", filePolicy)
	send(w, r, "image/svg+xml", text)
}
