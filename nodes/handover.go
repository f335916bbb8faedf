package nodes

import (
	"context"
	"io"
)

// A Handover lies between the goroutines of a source and the engine: what they have taken
// waits here for Next. Any number of goroutines may send; the engine, one call at a time,
// takes. What nobody takes is released.
type Handover[P interface{ Release() }] struct {
	parts chan handed[P]
	ended error // what Next gives at the end; nil: not there
}

// handed is a part, or the end.
type handed[P any] struct {
	part P
	end  error
}

// NewHandover gives one in which so many parts wait; behind them the senders wait.
func NewHandover[P interface{ Release() }](n int) *Handover[P] {
	return &Handover[P]{parts: make(chan handed[P], n)}
}

// Send leaves a part for the engine; false: ctx has ended, and the part is gone.
func (h *Handover[P]) Send(ctx context.Context, p P) bool {
	select {
	case h.parts <- handed[P]{part: p}:
		return true
	case <-ctx.Done():
		p.Release()
		return false
	}
}

// End leaves the end for the engine: io.EOF, or why there is no more.
func (h *Handover[P]) End(ctx context.Context, why error) {
	select {
	case h.parts <- handed[P]{end: why}:
	case <-ctx.Done():
	}
}

// Next waits for a part. The end comes again whenever it is asked for.
func (h *Handover[P]) Next(ctx context.Context) (p P, err error) {
	if h.ended != nil {
		return p, h.ended
	}
	select {
	case x := <-h.parts:
		return h.take(x)
	case <-ctx.Done():
		return p, context.Cause(ctx)
	}
}

// Drain gives a part that waits, and io.EOF if none does.
func (h *Handover[P]) Drain() (p P, err error) {
	if h.ended != nil {
		return p, h.ended
	}
	select {
	case x := <-h.parts:
		return h.take(x)
	default:
		return p, io.EOF
	}
}

func (h *Handover[P]) take(x handed[P]) (P, error) {
	h.ended = x.end
	return x.part, x.end
}

// Close gives back what waits. Nobody sends any more.
func (h *Handover[P]) Close() {
	for {
		select {
		case x := <-h.parts:
			if x.end == nil {
				x.part.Release()
			}
		default:
			return
		}
	}
}
