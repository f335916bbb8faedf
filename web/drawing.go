package web

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/render"
)

// drawTime bounds the wait for positions; a drawing that takes longer is made with
// the built-in layout.
const drawTime = 20 * time.Second

// A drawing is the picture of the flow, made once.
type drawing struct {
	done chan struct{} // closed when page is there
	page []byte        // for the page: inline, with room for live numbers
	err  error
	file func() ([]byte, error) // a file of its own, made when first asked for
}

// draw makes the drawing.
func (s *Server) draw() {
	defer close(s.drawing.done)
	s.drawing.page, s.drawing.err = s.picture(true)
	s.drawing.file = sync.OnceValues(func() ([]byte, error) { return s.picture(false) })
}

// picture draws the flow for the page or as a file.
func (s *Server) picture(live bool) ([]byte, error) {
	scene := render.FromFlow(s.flow)
	if live {
		scene.Live = true
		scene.Title, scene.About = "", "" // the page has a head of its own
	}
	ctx, cancel := context.WithTimeout(s.ctx, drawTime)
	defer cancel()
	if err := s.options.Layout(ctx, scene); err != nil {
		if err := render.LayoutBuiltin(scene); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err := render.SVG(&b, scene, render.SVGOptions{Inline: live})
	return b.Bytes(), err
}

// drawn waits for the drawing.
func (s *Server) drawn(ctx context.Context) (*drawing, error) {
	select {
	case <-s.drawing.done:
		return s.drawing, s.drawing.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// graph serves the drawing as a file.
func (s *Server) graph(w http.ResponseWriter, r *http.Request) {
	d, err := s.drawn(r.Context())
	var text []byte
	if err == nil {
		text, err = d.file()
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the flow cannot be drawn: "+err.Error())
		return
	}
	w.Header().Set("Content-Security-Policy", filePolicy)
	send(w, r, "image/svg+xml", text)
}
