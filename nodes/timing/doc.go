// Package timing is the pack of kinds that look at the clock, or at the items that came
// before: they slow streams down, wait for silence, hold items back, begin and end
// streams, and keep running totals.
//
// Terms. An item arrives when its node receives it; kinds of this pack read the
// clock of package time once for each batch that arrives. An item is due when its
// time to leave has come. A timed kind is one whose output depends on the clock:
// debounce, delay, sample_time, throttle and tick. The output of latest depends on the
// order in which its inputs arrive; that of the others on their input alone.
//
// Laws, beyond those of package nodes.
//  1. Timed kinds do not wait, but for tick, which is a source: they say when something
//     is due, and the engine wakes them then. While nothing is held, nothing is due.
//  2. At the end of the input nothing is lost: what is held leaves, in the order in
//     which it would have become due. Only delay still waits, unless told not to.
//  3. Clocks are monotonic: to set the clock of the machine has no effect.
//  4. Items that are kept are copied, so a kept item keeps no batch in memory.
//
// For time that is a field of the items, see package window.
package timing

import (
	"embed"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/columns"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes are the kinds of the pack.
var Nodes = nodes.Pack(docs,
	changedDecl, debounceDecl, delayDecl, latestDecl, sampleTimeDecl, scanDecl, skipUntilDecl, skipWhileDecl, startWithDecl,
	takeUntilDecl, takeWhileDecl, throttleDecl, tickDecl,
)

// keyColumns checks the parts of a key.
func keyColumns(c *graph.Inference, in *types.Type, by []config.Text) *columns.Columns {
	key := columns.New()
	for _, text := range by {
		e := columns.Check(c, text, in)
		key.Compute(types.Field{Name: text.Value, Type: e.Type()}, e, in)
	}
	return key
}

// keySettings are for kinds that give on items as they are, for each key apart.
type keySettings struct {
	By []config.Text `yaml:"by" lone:"true" doc:"The key: fields or expressions. The items of each key are a stream of their own. Without it, all items are one stream."`

	key *columns.Columns
}

func (k *keySettings) Infer(c *graph.Inference) {
	in := columns.Items(c, "in")
	c.Out("out", in)
	k.key = keyColumns(c, in, k.By)
}

func (k *keySettings) Needs(c *graph.Needs) { c.In("in", c.Out("out").Union(k.key.Needs())) }
