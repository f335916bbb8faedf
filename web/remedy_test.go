package web

import (
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
)

// More workers do not help a node that its rate holds.
func TestRemedyOfARate(t *testing.T) {
	n := &graph.Node{ID: "calls", Spec: &graph.Spec{}, Engine: graph.Engine{Rate: graph.Rate{Count: 5, Per: time.Second, Burst: 1}}}
	if got := remedy(n, 1); !strings.Contains(got, "`rate`") || strings.Contains(got, "workers") {
		t.Errorf("the remedy is %q", got)
	}
}
