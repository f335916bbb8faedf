package metrics

import "fmt"

// A BreakerState says whether the breaker of a node lets items pass.
type BreakerState int32

// The states. NoBreaker is that of a node without one.
const (
	NoBreaker BreakerState = iota
	Closed                 // items pass
	Open                   // none does
	Trying                 // one does, to find out
)

// String is "closed", "open" or "trying"; "" without a breaker.
func (s BreakerState) String() string { return [...]string{"", "closed", "open", "trying"}[s] }

// heldBack says for how long a node was, and by what.
func (n *NodeReport) heldBack() string {
	by := "its rate"
	if n.Openings > 0 {
		by = "its breaker" // which waits longer than any rate
	}
	return fmt.Sprintf("%s bounds the flow: %s held it back %.0f %% of the time", n.ID, by, 100*n.Limited)
}

// MarshalText is String, for reports.
func (s BreakerState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
