package timing

import (
	"context"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

// An inlet is the one input of a kind that waits for items and for the clock.
type inlet struct {
	from nodes.Receiver
	t    *types.Type // of the items
}

// receive waits for items, not beyond the time until; the zero time sets no bound.
// It gives neither a batch nor the end if that time has come. The caller releases
// the batch.
func (in inlet) receive(ctx context.Context, until time.Time, out nodes.Out) (b *record.Batch, ended bool, err error) {
	limited := ctx
	if !until.IsZero() {
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	d, err := in.from.Receive(limited)
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case d == nil:
		return nil, true, nil
	}
	b, err = columns.Records(d, in.t, out)
	return b, false, err
}

// sleep waits until a time has come.
func sleep(ctx context.Context, until time.Time) error {
	wait := time.Until(until)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
