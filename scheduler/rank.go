package scheduler

import (
	"fmt"
	"math"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/expr"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler/queue"
)

// A ranker finds where items go in a queue that reorders: by their priority, or by
// their delay. The sender uses it.
//
// Aging. An item gains one unit of priority for each contract.Aging that it waits.
// All items age alike, so what counts is priority - arrival/aging, which does not
// change while an item waits: the heap never needs to be built anew, and an item of
// low priority is overtaken only by items that are better by more than it has waited.
type ranker struct {
	contract *graph.Contract
	program  *expr.Program // of the contract's expression; nil: none, or not compiled yet
	from     time.Time     // arrivals are counted from here
}

func newRanker(c *graph.Contract) *ranker { return &ranker{contract: c, from: time.Now()} }

// ranks finds the place of each selected item of a batch. Items for which the
// expression fails, or gives what is no place (null, NaN, a negative delay), are
// reported and left out: the batch that comes back has the others.
func (r *ranker) ranks(b *record.Batch, out nodes.Out) ([]queue.Rank, *record.Batch, error) {
	now := time.Now()
	if r.contract.Rank == nil {
		due := now.Add(r.contract.DelayFor)
		order := make([]queue.Rank, b.Len())
		for i := range order {
			order[i] = queue.Rank{Row: b.Row(i), Due: due}
		}
		return order, b, nil
	}
	if r.program == nil {
		r.program = r.contract.Rank.Compile()
	}
	values := b.Derive(r.contract.Rank.Type())
	defer values.Release()
	col := values.Fresh(0)
	var errs expr.RowErrors
	r.program.Eval(b, col, values.Arena(), &errs)
	failed := map[int]error{}
	for i := range errs.Len() {
		row, err := errs.At(i)
		failed[row] = err
	}
	var order []queue.Rank
	kept := b.Share()
	kept.Sel = kept.SelBuf()
	for i := range b.Len() {
		row := b.Row(i)
		rank, err := r.rank(col, row, now)
		if e, ok := failed[row]; ok {
			err = e
		}
		if err != nil {
			if err := out.Bad(nodes.BadItem{Err: err, Data: b, Row: row}); err != nil {
				kept.Release()
				b.Release()
				return nil, nil, err
			}
			continue
		}
		order = append(order, rank)
		kept.Sel = append(kept.Sel, uint16(row))
	}
	b.Release()
	return order, kept, nil
}

// rank turns the value of the contract's expression into a rank.
func (r *ranker) rank(col *record.Column, row int, now time.Time) (queue.Rank, error) {
	rank := queue.Rank{Row: row}
	switch {
	case col.IsNull(row):
		return rank, fmt.Errorf("%s is null", r.contract.Rank)
	case r.contract.Delay.Value != "" && col.Int[row] < 0:
		return rank, fmt.Errorf("the delay %s is negative", time.Duration(col.Int[row]))
	case r.contract.Delay.Value != "":
		rank.Due = now.Add(time.Duration(col.Int[row]))
	case math.IsNaN(col.Float[row]):
		return rank, fmt.Errorf("the priority %s is not a number", r.contract.Rank)
	default:
		rank.Key = col.Float[row] - float64(now.Sub(r.from))/float64(r.contract.Aging)
	}
	return rank, nil
}
