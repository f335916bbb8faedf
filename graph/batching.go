package graph

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/record"
)

// A Batching says how many items a node is given at once: Count of them, or as
// many as have Bytes, or what has come within Period of the first one. The zero
// value leaves it to the engine. In a flow file it is {count, bytes, period}.
type Batching struct {
	Count  int
	Bytes  config.Size   // 0: no bound
	Period time.Duration // 0: items wait until there are enough
	At     diag.Span
}

type batchParts struct {
	Count  int           `yaml:"count" min:"1" doc:"Items at once."`
	Bytes  config.Size   `yaml:"bytes" min:"1" doc:"Fewer items, if they have this much memory."`
	Period time.Duration `yaml:"period" min:"1ms" doc:"Fewer items, if the first one has waited this long."`
}

// The most items that a node can be given at once: one of the catalogue that works
// on records, and one that works on Go values, which records are turned into.
const (
	maxBatch   = record.MaxRows
	maxGoBatch = math.MaxUint16
)

// Given reports whether the flow says anything.
func (b Batching) Given() bool { return b.Count > 0 }

// DecodeConfig implements config.Decoder.
func (b *Batching) DecodeConfig(n *config.Value, list *diag.List) {
	var parts batchParts
	if n.Kind != config.Mapping {
		if !n.Bad {
			list.Add(diag.WrongValue, n.Span, "want {count, bytes, period}, got %s", n.Describe()).
				WithHint("write batch: {count: 100, period: 1s}")
		}
		return
	}
	decode(n, &parts, list)
	b.take(parts, len(n.Entries) > 0, n.Span, list)
}

// CheckConfig implements config.Checker.
func (b *Batching) CheckConfig(at *config.Value, list *diag.List) {
	var given []string
	if b.Count != 0 {
		given = append(given, "count")
	}
	if b.Bytes != 0 {
		given = append(given, "bytes")
	}
	if b.Period != 0 {
		given = append(given, "period")
	}
	parts := batchParts{b.Count, b.Bytes, b.Period}
	check(&parts, &batchParts{}, given, at, list)
	b.take(parts, len(given) > 0, at.Span, list)
}

// take takes what was given, if anything was.
func (b *Batching) take(parts batchParts, given bool, at diag.Span, list *diag.List) {
	if !given {
		list.Add(diag.MissingKey, at, "batch says neither count nor bytes nor period").WithHint("write batch: {count: 100, period: 1s}")
		return
	}
	*b = Batching{parts.Count, parts.Bytes, parts.Period, at}
	if b.Count == 0 {
		b.Count = maxBatch
	}
}

// String is "count 100, period 1s"; "" for the zero value.
func (b Batching) String() string {
	var parts []string
	if b.Count > 0 {
		parts = append(parts, fmt.Sprintf("count %d", b.Count))
	}
	if b.Bytes > 0 {
		parts = append(parts, "bytes "+b.Bytes.String())
	}
	if b.Period > 0 {
		parts = append(parts, "period "+b.Period.String())
	}
	return strings.Join(parts, ", ")
}

// ConfigType implements config.Describer.
func (Batching) ConfigType() (string, map[string]any) {
	return "{count, bytes, period}", schemaOf(&batchParts{}).JSONSchema()
}
