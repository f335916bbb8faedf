package columns

import (
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// Records gives what a Receiver received as records of type t: batches as they
// are, Go values converted. Values that do not fit are reported to out. The
// reference to d passes to the result, or is given back.
func Records(d record.Data, t *types.Type, out nodes.Out) (*record.Batch, error) {
	if b, ok := d.(*record.Batch); ok {
		return b, nil
	}
	defer d.Release()
	var stop error
	b := d.(record.GoItems).ToBatch(t, func(i int, err error) {
		if stop == nil {
			stop = out.Bad(nodes.BadItem{Err: err, Data: d, Row: i})
		}
	})
	if stop != nil {
		b.Release()
		return nil, stop
	}
	return b, nil
}
