package web

import "net/http"

// This file pauses the run, lets it go on, and ends it.

// controls act on the run of a page.
type controls struct{ *Server }

func (c controls) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/run/pause", c.order(c.run.Pause))
	mux.HandleFunc("POST /api/v1/run/resume", c.order(c.run.Resume))
	mux.HandleFunc("POST /api/v1/run/drain", c.drain)
	mux.HandleFunc("POST /api/v1/run/stop", c.kill)
}

// order does something with a run that goes on.
func (c controls) order(act func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if c.sampler.latest.Load().ended() {
			refuse(w, http.StatusConflict, "the run has ended")
			return
		}
		act()
		w.WriteHeader(http.StatusAccepted)
	}
}

// drain stops the sources; what is on its way is worked off.
func (c controls) drain(w http.ResponseWriter, _ *http.Request) {
	c.options.Drain()
	w.WriteHeader(http.StatusAccepted)
}

// kill ends the run at once.
func (c controls) kill(w http.ResponseWriter, _ *http.Request) {
	if c.options.Kill == nil {
		refuse(w, http.StatusNotFound, "this run can only be drained")
		return
	}
	c.options.Kill()
	w.WriteHeader(http.StatusAccepted)
}
