package graph

import (
	"maps"
	"slices"

	"github.com/flowrun/flowrun/graph/types"
)

// Fields is a set of names of a record's fields.
type Fields struct {
	All   bool
	names map[string]bool
}

// AllFields is the set of every field there is.
func AllFields() Fields { return Fields{All: true} }

// FieldSet is the set of the names.
func FieldSet(names ...string) Fields {
	f := Fields{names: map[string]bool{}}
	for _, n := range names {
		f.names[n] = true
	}
	return f
}

// Has reports whether the set has the name.
func (f Fields) Has(name string) bool { return f.All || f.names[name] }

// With gives the set with more names.
func (f Fields) With(names ...string) Fields {
	if f.All {
		return f
	}
	out := Fields{names: maps.Clone(f.names)}
	if out.names == nil {
		out.names = map[string]bool{}
	}
	for _, n := range names {
		out.names[n] = true
	}
	return out
}

// Without gives the set without the names. The set of all stays as it is.
func (f Fields) Without(names ...string) Fields {
	if f.All {
		return f
	}
	out := Fields{names: maps.Clone(f.names)}
	for _, n := range names {
		delete(out.names, n)
	}
	return out
}

// Union gives what is in either set.
func (f Fields) Union(g Fields) Fields {
	if f.All || g.All {
		return AllFields()
	}
	return f.With(g.Names()...)
}

// Names lists the set, sorted; nil for the set of all.
func (f Fields) Names() []string { return slices.Sorted(maps.Keys(f.names)) }

// Mask gives, for each field of a record, whether the set has it.
func (f Fields) Mask(t *types.Type) []bool {
	mask := make([]bool, len(t.Fields))
	for i, field := range t.Fields {
		mask[i] = f.Has(field.Name)
	}
	return mask
}
