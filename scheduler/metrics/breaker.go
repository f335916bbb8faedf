package metrics

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

// MarshalText is String, for reports.
func (s BreakerState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
