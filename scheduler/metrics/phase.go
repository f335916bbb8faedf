package metrics

// A Phase says in a word where a run is.
type Phase string

// The phases of a run.
const (
	Starting Phase = "starting"
	Running  Phase = "running"
	Paused   Phase = "paused"
	Draining Phase = "draining" // its sources were stopped; what is on its way is worked off
	Done     Phase = "done"
	Stopped  Phase = "stopped" // drained to the end
	Failed   Phase = "failed"  // or about to: its workers end
)

var phases = []Phase{Starting, Running, Paused, Draining, Done, Stopped, Failed}

// Phase tells where the run was when the report was made.
func (r *Report) Phase() Phase {
	switch {
	case r.Outcome != "running":
		return Phase(r.Outcome)
	case r.Error != "":
		return Failed
	case r.Started.IsZero():
		return Starting
	case r.Draining:
		return Draining
	case r.Paused:
		return Paused
	}
	return Running
}
