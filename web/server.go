package web

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"sync"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/metrics"
)

// This file has the server of the page of one run.

// A Run is what the page needs of a run; *scheduler.Run is one. Its methods are
// called at any time from any goroutine.
type Run interface {
	Reporter
	RecentErrors(node string) []scheduler.ItemError
	// Tap looks at items on an edge, by its place in the edges of the flow.
	Tap(edge int, o scheduler.TapOptions) (*scheduler.Tap, error)
	Pause()
	Resume()
	Stop()
}

// Options of a page. The zero value is a page for this machine alone.
type Options struct {
	// Token, if set, must come with every request, and the page then answers under
	// any host name.
	Token string
	// ReadOnly refuses everything that acts on the run.
	ReadOnly bool
	// Drain replaces Run.Stop, for a program that has a deadline of its own for it.
	Drain func()
	// Kill ends the run at once; nil: the page offers no such thing.
	Kill func()
	// Layout gives a scene its positions. Nil is render.LayoutBuiltin; programs that
	// can start themselves as a child pass the Layout of a Layouter.
	Layout func(context.Context, *render.Scene) error
	// Frames are the origins, such as https://dashboard.example, whose pages may show
	// /?embed=1 in a frame. That page has nothing that acts. None: nobody may.
	Frames []string
	// Tap lets readers look at items on edges; nil: they see none.
	Tap *TapRules
	// Base is the path below which a server that has more than this page shows it,
	// such as /live/3; "": it is the root.
	Base string
	// Clients is how many streams there may be at once; 0: 32.
	Clients int
}

// A Server serves the page of one run. It is an http.Handler; Serve adds the
// limits of a server that faces strangers. Close it when the run has ended.
type Server struct {
	flow    *graph.Flow
	run     Run
	options Options
	outline *outline
	sampler *sampler
	*drawings
	streams chan struct{} // one place per client
	host

	ctx   context.Context // of everything that the server started
	stop  context.CancelFunc
	works sync.WaitGroup
}

// New makes the page of a run, which may not have started yet, and begins to
// sample and to draw. The flow must be one without errors.
func New(flow *graph.Flow, run Run, options Options) (*Server, error) {
	for _, o := range options.Frames {
		if !isOrigin(o) {
			return nil, fmt.Errorf("%q is not an origin: want one such as https://dashboard.example or http://localhost:3000", o)
		}
	}
	if options.Clients <= 0 {
		options.Clients = 32
	}
	if options.Layout == nil {
		options.Layout = func(_ context.Context, s *render.Scene) error { return render.LayoutBuiltin(s) }
	}
	if options.Drain == nil {
		options.Drain = run.Stop
	}
	s := &Server{flow: flow, run: run, options: options, streams: make(chan struct{}, options.Clients)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.outline = newOutline(flow)
	s.drawings = &drawings{ctx: s.ctx, flow: flow, layout: options.Layout}
	s.sampler = newSampler(flow, run)
	s.handler = gate{options.Token, options.ReadOnly}.guard(s.routes())
	s.works.Go(func() { s.sampler.work(s.ctx) })
	s.works.Go(func() { s.draw(&s.across, false) })
	return s, nil
}

// routes are the paths of the page and of its API.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	probes{s.run.Stats, s.phase}.add(mux)
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /graph.svg", s.graph)
	mux.HandleFunc("GET /static/{name}", static)
	api{s}.routes(mux)
	controls{s}.routes(mux)
	mux.HandleFunc("GET /api/v1/stream", tickStream{s}.serve)
	mux.HandleFunc("GET /api/v1/edges/{id}/tap", tapStream{s}.serve)
	return mux
}

// page serves the live page; with ?embed=1 the drawing alone, for a frame, without
// anything that acts.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	d, err := s.drawn(r)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the flow cannot be drawn: "+err.Error())
		return
	}
	_, down := s.drawings.of(r)
	embed := r.URL.Query().Get("embed") == "1"
	if embed && len(s.options.Frames) > 0 {
		w.Header().Set("Content-Security-Policy", framePolicy(s.options.Frames))
	}
	data := struct {
		*outline
		Drawing  template.HTML
		Down     bool
		Embed    bool
		ReadOnly bool
		CanKill  bool
		Tap      bool
		Base     string
		States   []string
		Signs    []string
	}{s.outline, template.HTML(d.page), down, embed, s.options.ReadOnly || embed, s.options.Kill != nil, s.options.Tap != nil, s.options.Base, stateWords[:], stateSigns[:]}
	var b bytes.Buffer
	if err := pageTemplate().Execute(&b, data); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	send(w, r, "text/html; charset=utf-8", b.Bytes())
}

// phase says what the run was doing at the last look.
func (s *Server) phase() metrics.Phase { return s.sampler.latest.Load().report.Phase() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers on a listener until Close, and returns nil then.
func (s *Server) Serve(l net.Listener) error { return s.serve(l) }

// Close takes a last sample, lets the streams say how the run ended, and ends
// everything that the server started. It takes a second at most.
func (s *Server) Close() {
	s.stop()
	s.works.Wait()
	s.shut()
}
