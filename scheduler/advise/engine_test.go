package advise_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/scheduler/advise"
)

// A stage of a chain takes a fixed time for each item.
type stage struct {
	takes   time.Duration
	workers int
}

func chain(stages []stage, items int) *flowrun.Graph {
	g := flowrun.New("chain")
	numbers := make([]int, items)
	s := flowrun.Slice(g, "numbers", numbers)
	for i, st := range stages {
		s = flowrun.Map(s, fmt.Sprintf("s%d", i), func(_ context.Context, x int) (int, error) {
			time.Sleep(st.takes)
			return x, nil
		}, flowrun.Workers(st.workers))
	}
	flowrun.Drop(s, "end")
	return g
}

// What is predicted of random chains is what the engine does, on the virtual clock:
// to some percent, for a task has several items when they are quick.
func TestEngineDoesWhatIsPredicted(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 7))
	worst := 0.0
	for range 24 {
		stages := make([]stage, 1+r.IntN(5))
		wait := map[string]time.Duration{}
		for i := range stages {
			stages[i] = stage{time.Duration(1+r.IntN(400)) * 10 * time.Microsecond, 1 + r.IntN(8)}
			wait[fmt.Sprintf("s%d", i)] = stages[i].takes
		}
		const items = 800
		m, err := advise.New(chain(stages, 1).Flow(), advise.Options{Cores: 2, Wait: wait})
		if err != nil {
			t.Fatal(err)
		}
		ideal := time.Duration(m.Ideal(items))
		synctest.Test(t, func(t *testing.T) {
			report, err := chain(stages, items).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			off := float64(report.Took)/float64(ideal) - 1
			if worst = max(worst, math.Abs(off)); math.Abs(off) > 0.05 {
				t.Errorf("%v: %d items took %v, predicted %v: %+.1f %%", stages, items, report.Took, ideal, 100*off)
			}
			bound := m.Nodes[m.Predict().Node].ID
			report.CPU, report.Cores = 1, 2 // all of them wait
			again, err := advise.New(chain(stages, 1).Flow(), advise.Options{Report: &report})
			if err != nil {
				t.Fatal(err)
			}
			if seen := again.Predict(); math.Abs(seen.Span/m.Predict().Span-1) > 0.05 || again.Nodes[seen.Node].Limit() < 0.95*m.Predict().Span {
				t.Errorf("%v: the report says %s, %v; predicted %s, %v", stages, again.Nodes[seen.Node].ID, seen.Span, bound, m.Predict().Span)
			}
		})
	}
	t.Logf("at worst %.1f %% off", 100*worst)
}

// A proposal from a measured run, applied, gains what it promised.
func TestProposalsHold(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 11))
	worst, proposals := 0.0, 0
	for range 16 {
		stages := make([]stage, 2+r.IntN(4))
		for i := range stages {
			stages[i] = stage{time.Duration(1+r.IntN(400)) * 10 * time.Microsecond, 1 + r.IntN(3)}
		}
		synctest.Test(t, func(t *testing.T) {
			before, err := chain(stages, 600).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			before.CPU, before.Cores = 1, 2 // all of them wait
			m, err := advise.New(chain(stages, 1).Flow(), advise.Options{Report: &before})
			if err != nil {
				t.Fatal(err)
			}
			all := m.Propose(16)
			if len(all) == 0 {
				return
			}
			proposals++
			for _, c := range all {
				var i int
				fmt.Sscanf(strings.TrimPrefix(c.Node, "s"), "%d", &i)
				stages[i].workers = c.To
			}
			after, err := chain(stages, 600).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			gained, promised := float64(before.Took)/float64(after.Took), all[len(all)-1].Total
			if worst = max(worst, math.Abs(gained/promised-1)); math.Abs(gained/promised-1) > 0.2 {
				t.Errorf("%v: promised %.2f times, gained %.2f", stages, promised, gained)
			}
		})
	}
	t.Logf("%d proposals, at worst %.1f %% off", proposals, 100*worst)
	if proposals < 12 {
		t.Errorf("%d proposals", proposals)
	}
}
