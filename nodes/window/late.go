package window

import (
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// lateItems are the items of one batch that have come too late.
type lateItems struct {
	port int
	read bool // somebody reads the port
	rows []uint16
}

func newLateItems(env *nodes.Env, port string) lateItems {
	return lateItems{port: env.PortIndex(port), read: env.IsRead(port)}
}

func (l *lateItems) add(row int) { l.rows = append(l.rows, uint16(row)) }

// send sends the late items of a batch, or counts them as left out if nobody reads them.
func (l *lateItems) send(in *record.Batch, out nodes.Out) error {
	rows := l.rows
	l.rows = rows[:0]
	switch {
	case len(rows) == 0:
		return nil
	case !l.read:
		out.Filtered(len(rows))
		return nil
	}
	s := in.Share()
	s.Sel = append(s.SelBuf(), rows...)
	return out.Emit(l.port, s)
}
