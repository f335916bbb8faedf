package graph

import (
	"sync"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file has the schemas of the settings that the engine reads itself, and how values
// are held to them.

// engineSchema is the schema of what stands beside `use`, `with` and `in`.
var engineSchema = sync.OnceValue(func() *config.Schema {
	proto := DefaultEngine()
	return schemaOf(&proto)
})

// EngineSchema describes the settings that every node may have.
func EngineSchema() *config.Schema { return engineSchema() }

var contractSchema = sync.OnceValue(func() *config.Schema {
	proto := DefaultContract()
	s := schemaOf(&proto)
	s.Alias("cap", "capacity")
	s.Alias("buffer", "capacity")
	s.Alias("queue_size", "capacity")
	return s
})

// ContractSchema describes what may stand beside `from` on an edge.
func ContractSchema() *config.Schema { return contractSchema() }

// LimitsSchema describes the limits of a flow.
func LimitsSchema() *config.Schema { return schemaOf(&Limits{}) }

// schemaOf is the schema of settings of this package, which are sound.
func schemaOf(proto any) *config.Schema {
	s, err := config.Of(proto)
	if err != nil {
		panic("graph: " + err.Error())
	}
	return s
}

// decode fills a struct from a mapping.
func decode(n *config.Value, into any, list *diag.List) {
	schemaOf(into).DecodeAt(n, n.Span, into, list)
}

// check holds the settings that are given to the schema of a prototype: see
// config.Schema.Check.
func check(from, proto any, given []string, at *config.Value, list *diag.List) {
	written := &config.Value{Kind: config.Mapping, Span: at.Span}
	for _, key := range given {
		written.Entries = append(written.Entries, config.Entry{Key: key, KeySpan: at.Span, Value: &config.Value{Span: at.Span}})
	}
	schemaOf(proto).Check(written, from, list)
}
