package web

import (
	"fmt"
	"net/http"
)

// This file pauses the run and lets it go on.

// controls adds what pauses the run and lets it go on.
func (s *Server) controls(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/run/pause", s.order(s.run.Pause))
	mux.HandleFunc("POST /api/v1/run/resume", s.order(s.run.Resume))
}

// order does something with a run that goes on.
func (s *Server) order(act func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if s.sampler.latest.Load().ended() {
			refuse(w, http.StatusConflict, "the run has ended")
			return
		}
		act()
		w.WriteHeader(http.StatusAccepted)
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
