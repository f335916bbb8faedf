package cli

import (
	"testing"

	"github.com/flowrun/flowrun/scheduler/metrics"
)

func TestCutWords(t *testing.T) {
	in, source := &metrics.CutHolder{Node: "post", Input: "in"}, &metrics.CutHolder{Node: "orders"}
	for want, c := range map[string]metrics.CutReport{
		"none was drawn":                                                   {},
		"1,200 complete, 0 given up":                                       {Complete: 1200},
		"0 complete, 1 given up; it had waited for post.in":                {GivenUp: 1, Last: in},
		"24 complete, 3 given up; the last of these had waited for orders": {Complete: 24, GivenUp: 3, Last: source},
	} {
		if got := cutWords(&c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
