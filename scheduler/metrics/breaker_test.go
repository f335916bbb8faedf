package metrics

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestHeldBack(t *testing.T) {
	for want, nodes := range map[string][]NodeReport{
		"b bounds the flow: its rate held it back 90 % of the time":    {{ID: "a", Busy: 0.8, Workers: 1}, {ID: "b", Limited: 0.9, Breaker: Closed}},
		"b bounds the flow: its breaker held it back 90 % of the time": {{ID: "a", Busy: 0.8, Workers: 1}, {ID: "b", Limited: 0.9, Breaker: Open, Openings: 2}},
		"a bounds the flow: its worker was busy 80 % of the time":      {{ID: "a", Busy: 0.8, Workers: 1}, {ID: "b", Limited: 0.7}},
		"": {{ID: "a", Busy: 0.1, Workers: 1}, {ID: "b", Limited: 0.2}},
	} {
		r := Report{Nodes: nodes}
		if r.Close(); r.Bottleneck != want {
			t.Errorf("got %q, want %q", r.Bottleneck, want)
		}
	}
}

func TestBreakerStateInReports(t *testing.T) {
	for state, want := range map[BreakerState]string{NoBreaker: "", Closed: `"breaker":"closed"`, Open: `"breaker":"open"`, Trying: `"breaker":"trying"`} {
		b, err := json.Marshal(NodeReport{Breaker: state})
		if err != nil || !strings.Contains(string(b), want) || state == NoBreaker && strings.Contains(string(b), "breaker") {
			t.Errorf("%v: %v, %s", state, err, b)
		}
	}
}
