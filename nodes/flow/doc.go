// Package flow is the pack of kinds that make items, change them one by one, leave some
// out, put them in order, split streams and bring them together. None of them touches
// anything outside the flow, except for log, which prints.
//
// Laws, beyond those of package nodes.
//  1. What a kind decides by position (limit, sample, balance, zip) depends on
//     the position of the item in its input alone.
//  2. Kinds that do not look into items take Go values as they are.
//  3. A kind that keeps items says so in its documentation, and what that costs.
package flow

import (
	"embed"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

//go:embed docs/*.md
var docs embed.FS

// Nodes are the kinds of the pack.
var Nodes = nodes.Pack(docs,
	balanceDecl, batchDecl, concatDecl, dropDecl, filterDecl, flattenDecl, generateDecl, limitDecl, logDecl, mapDecl, mergeDecl,
	partitionDecl, routeDecl, sampleDecl, skipDecl, sortDecl, unbatchDecl, uniqueDecl, zipDecl,
)

// item is the type of kinds that take anything.
var item = types.Variable("T")

// anyIn and anyOut are the ports of kinds that do not look into items.
var anyIn = nodes.InPort(graph.Port{Name: "in", Doc: "Items of any type.", Type: item, Any: true})

func anyOut(doc string) nodes.Option {
	return nodes.OutPort(graph.Port{Name: "out", Doc: doc, Type: item, Any: true})
}

// passThrough is for kinds whose one output carries items of their one input: it needs
// what later nodes need.
type passThrough struct{}

func (passThrough) Needs(c *graph.Needs) { c.In("in", c.Out("out")) }

// emitChosen sends the items of d at the given indexes, ascending, and keeps their
// order. Records take a selection for it; Go values a slice for each run.
func emitChosen(out nodes.Out, port int, d record.Data, indexes []int) error {
	if len(indexes) == d.Len() {
		return out.Emit(port, d.Retain())
	}
	if b, ok := d.(*record.Batch); ok {
		s := b.Share()
		sel := s.SelBuf()
		for _, i := range indexes {
			sel = append(sel, uint16(b.Row(i)))
		}
		s.Sel = sel
		return out.Emit(port, s)
	}
	for from := 0; from < len(indexes); {
		to := from + 1
		for to < len(indexes) && indexes[to] == indexes[to-1]+1 {
			to++
		}
		if err := out.Emit(port, d.Slice(indexes[from], indexes[to-1]+1)); err != nil {
			return err
		}
		from = to
	}
	return nil
}
