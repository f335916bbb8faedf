package web

import (
	"fmt"
	"net/http"
)

// A pauser is a run that can be paused; *scheduler.Run is one.
type pauser interface {
	Pause()
	Resume()
}

// pausable gives the run if it can be paused.
func (s *Server) pausable() (pauser, bool) {
	p, ok := s.run.(pauser)
	return p, ok
}

// controls adds what pauses the run and lets it go on.
func (s *Server) controls(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/run/pause", s.hold(pauser.Pause))
	mux.HandleFunc("POST /api/v1/run/resume", s.hold(pauser.Resume))
}

func (s *Server) hold(act func(pauser)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		p, ok := s.pausable()
		switch {
		case !ok:
			refuse(w, http.StatusNotFound, "this run cannot be paused")
		case s.sampler.latest.Load().ended():
			refuse(w, http.StatusConflict, "the run has ended")
		default:
			act(p)
			w.WriteHeader(http.StatusAccepted)
		}
	}
}

// atRest is the verdict on a run that is paused.
func atRest(s *snapshot) verdict {
	waiting := int64(0)
	for _, e := range s.edges {
		waiting += e.Items
	}
	text := "The sources take nothing more, and nothing waits on any edge."
	if waiting > 0 {
		text = fmt.Sprintf("The sources take nothing more; %s on edges, and what can goes on.", items(waiting)+" "+map[bool]string{true: "waits", false: "wait"}[waiting == 1])
	}
	return verdict{Level: "info", Head: "The run is paused", Text: text}
}
