package exec

import (
	"time"

	"github.com/flowrun/flowrun/nodes/stream"
)

// This file tells a command that prints rows how many of its lines have arrived.

// A confirmation tells one start of a command, by its standard input.
type confirmation struct {
	*stream.Confirmer
	p     *process
	start uint64
}

func newConfirmation(p *process, start uint64) *confirmation {
	c := &confirmation{stream.NewConfirmer(p.stdin, p.ended), p, start}
	go func() {
		<-c.Done()
		p.stdin.Close()
	}()
	return c
}

// upTo says how many lines of a start of the command have arrived.
func (c *confirmation) upTo(start, lines uint64) {
	if start == c.start {
		c.UpTo(lines)
	}
}

// close ends the input of the command after what has arrived by now, and gives it some time
// to read that and to end.
func (c *confirmation) close(grace time.Duration) {
	c.Finish(0)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-c.p.reaped:
	case <-t.C:
	}
}
