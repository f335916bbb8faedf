package web

import (
	"net/http"

	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/scheduler/supervise"
)

// A managedRun is a run that a reader of a folder started. What is below made is set by the
// time that made is closed, and does not change then; if it could not be made, it is not in
// the list.
type managedRun struct {
	id   string
	path string
	over chan struct{} // closed when the run has ended and was kept
	made chan struct{}

	name       string
	run        *scheduler.Run
	supervisor *supervise.Supervisor
	server     *Server
	pages      http.Handler
}

// base is where the page of a run is.
func (mr *managedRun) base() string { return "/live/" + mr.id }

func (mr *managedRun) isOver() bool {
	select {
	case <-mr.over:
		return true
	default:
		return false
	}
}
