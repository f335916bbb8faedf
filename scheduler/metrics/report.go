package metrics

import (
	"fmt"
	"time"
)

// A Report is a consistent-enough picture of a run: while it goes on, of now; once
// it has ended, of the whole.
type Report struct {
	Flow    string        `json:"flow"`
	Outcome string        `json:"outcome"`         // running, done, stopped, failed
	Error   string        `json:"error,omitempty"` // known before the outcome: workers are ending then
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took_ns"`
	Nodes   []NodeReport  `json:"nodes"`
	Edges   []EdgeReport  `json:"edges"`
	Cuts    *CutReport    `json:"cuts,omitempty"` // nil: the run has none
	// Draining says that the sources of a running flow were stopped.
	Draining bool `json:"draining,omitempty"`
	// Paused says that the sources take nothing until somebody resumes the run,
	// PausedFor how long that was so in all.
	Paused    bool          `json:"paused,omitempty"`
	PausedFor time.Duration `json:"paused_ns,omitempty"`
	// Bottleneck says in a sentence what bounds the flow; "" if nothing stands out.
	Bottleneck string `json:"bottleneck,omitempty"`
	// Unbalanced lists the books that do not balance; a run that ended has none.
	Unbalanced []string `json:"unbalanced,omitempty"`
	Files      []string `json:"files,omitempty"`     // written
	Unwritten  []string `json:"unwritten,omitempty"` // that should have been written and are as they were
	// Warnings are what works in the flow but looks like a mistake, such as a setting
	// without effect: a line each, with its place. Whoever checks the flow sets them.
	Warnings []string `json:"warnings,omitempty"`
	// Cores is how many goroutines could compute at once, CPU the processor time of
	// the process during the run; 0: not known.
	Cores int           `json:"cores,omitempty"`
	CPU   time.Duration `json:"cpu_ns,omitempty"`
}

// A NodeReport is what one node did. Shares are of the time of all its workers.
type NodeReport struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	State    string `json:"state"` // running, paused (a source), done
	Workers  int    `json:"workers"`
	Most     int    `json:"workers_most,omitempty"` // at once, of a node that follows its load
	Resized  int64  `json:"resized,omitempty"`      // how often their number changed
	In       int64  `json:"in"`
	Out      int64  `json:"out"`
	Used     int64  `json:"used"`
	Filtered int64  `json:"filtered"`
	Skipped  int64  `json:"skipped"`
	Dead     int64  `json:"dead"`
	Failed   int64  `json:"failed"`
	Held     int64  `json:"held"` // taken, and neither finished nor accounted for
	// NotKept is how many of those that a sink has used are lost with the run, Unconfirmed
	// how many have gone to a peer that has not said what became of them. Both are known
	// when the run has ended.
	NotKept     int64 `json:"not_kept,omitempty"`
	Unconfirmed int64 `json:"unconfirmed,omitempty"`

	Retries int64         `json:"retries"`
	Busy    float64       `json:"busy"`
	Blocked float64       `json:"blocked"`
	Starved float64       `json:"starved"`
	P50     time.Duration `json:"p50_ns"` // of a task
	P99     time.Duration `json:"p99_ns"`
	Done    int64         `json:"bytes_done,omitempty"`  // of a source that knows
	Total   int64         `json:"bytes_total,omitempty"` // 0: not known

	// FieldsDropped is how many values a source has left out, by their field, because the
	// type of its items does not have it.
	FieldsDropped map[string]int64 `json:"fields_dropped,omitempty"`

	// Notes is what has befallen the node and is no failure of an item, such as a file that
	// it follows and that was truncated.
	Notes []Note `json:"notes,omitempty"`

	// Standing is how the node stands with a broker; nil: it has none.
	Standing *Standing `json:"standing,omitempty"`

	Limited  float64      `json:"limited,omitempty"` // share of the time that its rate or its breaker held it back
	Breaker  BreakerState `json:"breaker,omitempty"`
	Openings int64        `json:"openings,omitempty"` // how often the breaker opened
	Epoch    uint64       `json:"epoch,omitempty"`    // of the last cut that the node has met

	// CPU is the processor time of the node over all workers, Serial the time at
	// work of the part that one worker at a time does. Both are 0 unless a meter
	// measured them; see package meter.
	CPU    time.Duration `json:"cpu_ns,omitempty"`
	Serial time.Duration `json:"serial_ns,omitempty"`

	// For those who measure over a time of their own: what two reports have in
	// these, subtracted, is of the time between them.
	Latency     Distribution  `json:"-"`                 // of a task
	BusyTime    time.Duration `json:"busy_ns,omitempty"` // over all workers, as the two below
	BlockedTime time.Duration `json:"blocked_ns,omitempty"`
	StarvedTime time.Duration `json:"starved_ns,omitempty"`

	Began    time.Time `json:"-"` // zero: it has not
	Finished time.Time `json:"-"`

	Conserves bool `json:"-"`
	Source    bool `json:"source,omitempty"`
}

// A Note is something that has befallen a node.
type Note struct {
	Text  string `json:"text"`
	Times int64  `json:"times"`
	Last  string `json:"last,omitempty"` // with what it was last, such as a file
}

// A Standing is how a node stands with a broker; see nodes.Standing.
type Standing struct {
	Lag         int64         `json:"lag"` // -1: the broker does not tell
	Pending     int64         `json:"pending"`
	Redelivered int64         `json:"redelivered"`
	Missed      int64         `json:"missed"`
	Resent      int64         `json:"resent"`
	Reconnects  int64         `json:"reconnects"`
	Age         time.Duration `json:"age_ns"`
}

// Errors is how many items failed for good.
func (n *NodeReport) Errors() int64 { return n.Skipped + n.Dead + n.Failed }

// An EdgeReport is what went over one edge.
type EdgeReport struct {
	From     string `json:"from"` // node.port
	To       string `json:"to"`
	Capacity int    `json:"capacity"`
	Items    int64  `json:"items"` // waiting
	Bytes    int64  `json:"bytes"`
	Peak     int64  `json:"peak"`
	Sent     int64  `json:"sent"`
	Received int64  `json:"received"`
	Unwanted int64  `json:"unwanted,omitempty"`
	Dropped  int64  `json:"dropped,omitempty"`
	OnFull   string `json:"on_full,omitempty"` // what the edge does when it is full, unless its sender waits
	Spilled  int64  `json:"spilled,omitempty"`

	WaitP50 time.Duration `json:"wait_p50_ns"` // on the edge, per batch
	WaitP99 time.Duration `json:"wait_p99_ns"`
	Wait    Distribution  `json:"-"`

	Oldest time.Duration `json:"oldest_ns,omitempty"` // that the item which waits longest has waited
}

// Balance checks the books and says what does not add up, in sentences.
func (r *Report) Balance() []string {
	var wrong []string
	for i := range r.Nodes {
		n := &r.Nodes[i]
		if n.Source {
			continue
		}
		lost := n.Filtered + n.Skipped + n.Dead + n.Failed + n.Held
		if n.In != n.Used+lost {
			wrong = append(wrong, fmt.Sprintf("%s took %d items, but used %d, filtered %d, skipped %d, sent %d to errors, failed on %d and holds %d",
				n.ID, n.In, n.Used, n.Filtered, n.Skipped, n.Dead, n.Failed, n.Held))
		}
		if n.Held > 0 && r.Outcome != "failed" {
			wrong = append(wrong, fmt.Sprintf("%s has ended and still holds %d items", n.ID, n.Held))
		}
		if n.Conserves && r.Outcome == "done" && n.In != n.Out+lost {
			wrong = append(wrong, fmt.Sprintf("%s took %d items and gave %d on, but filtered only %d, skipped %d and sent %d to errors",
				n.ID, n.In, n.Out, n.Filtered, n.Skipped, n.Dead))
		}
	}
	for _, e := range r.Edges {
		if e.Sent != e.Received+e.Unwanted+e.Dropped+e.Items {
			wrong = append(wrong, fmt.Sprintf("edge %s -> %s got %d items, but %d were received, %d dropped, %d unwanted and %d are left",
				e.From, e.To, e.Sent, e.Received, e.Dropped, e.Unwanted, e.Items))
		}
		if e.Items > 0 && r.Outcome != "failed" {
			wrong = append(wrong, fmt.Sprintf("edge %s -> %s has ended and still holds %d items", e.From, e.To, e.Items))
		}
	}
	return wrong
}

// nameBottleneck says what bounds the flow: the node whose workers are busiest, or
// one that is held back for longer than that.
func (r *Report) nameBottleneck() string {
	worst, held := -1, -1
	for i, n := range r.Nodes {
		if worst < 0 || n.Busy > r.Nodes[worst].Busy {
			worst = i
		}
		if held < 0 || n.Limited > r.Nodes[held].Limited {
			held = i
		}
	}
	if held >= 0 && r.Nodes[held].Limited >= max(0.3, r.Nodes[worst].Busy) {
		return r.Nodes[held].heldBack()
	}
	if worst < 0 || r.Nodes[worst].Busy < 0.3 || len(r.Nodes) < 2 {
		return ""
	}
	n := r.Nodes[worst]
	s := fmt.Sprintf("%s bounds the flow: its workers were busy %.0f %% of the time", n.ID, 100*n.Busy)
	if n.Workers == 1 {
		s = fmt.Sprintf("%s bounds the flow: its worker was busy %.0f %% of the time", n.ID, 100*n.Busy)
	}
	return s
}

// Close finishes a report: the sentence on the bottleneck and the books.
func (r *Report) Close() {
	r.Bottleneck = r.nameBottleneck()
	if r.Outcome != "running" {
		r.Unbalanced = r.Balance()
	}
}
