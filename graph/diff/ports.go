package diff

import (
	"slices"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/types"
)

// This file compares the types on the ports of a node.

// A PortChange is a port with another type, or one that came or went.
type PortChange struct {
	Port   string        `json:"port"`
	Input  bool          `json:"input,omitempty"`
	Old    string        `json:"old,omitempty"` // "": the port came
	New    string        `json:"new,omitempty"` // "": it went
	Fields []FieldChange `json:"fields,omitempty"`
}

// A FieldChange is what differs between the fields of two records.
type FieldChange struct {
	Mark Mark   `json:"mark"`
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// String gives "+ gross: float?", "− origin" or "delay: int → float".
func (f FieldChange) String() string {
	switch f.Mark {
	case Added:
		return "+ " + types.Quote(f.Name) + ": " + f.New
	case Removed:
		return "− " + types.Quote(f.Name)
	}
	return types.Quote(f.Name) + ": " + f.Old + " → " + f.New
}

// String gives "out: + gross: float?, − origin".
func (p PortChange) String() string {
	text := p.Port + ": "
	switch {
	case p.Old == "":
		return "+ port " + text + p.New
	case p.New == "":
		return "− port " + text + p.Old
	case len(p.Fields) == 0:
		return text + p.Old + " → " + p.New
	}
	for i, f := range p.Fields {
		if i > 0 {
			text += ", "
		}
		text += f.String()
	}
	return text
}

// comparePorts gives the ports of a pair that differ. Side ports that nothing reads
// do not count.
func comparePorts(old, new *graph.Node) []PortChange {
	if old.Spec == nil || new.Spec == nil {
		return nil
	}
	var all []PortChange
	for _, in := range new.In {
		if was := old.Input(in.Name); was != nil && len(was.Edges) > 0 && len(in.Edges) > 0 {
			all = comparePort(all, in.Name, true, was.Arriving(), in.Arriving())
		}
	}
	for _, out := range new.Out {
		switch was := old.Output(out.Name); {
		case was != nil:
			all = comparePort(all, out.Name, false, was.Carries, out.Carries)
		case known(out.Carries):
			all = append(all, PortChange{Port: out.Name, New: out.Carries.String()})
		}
	}
	for _, out := range old.Out {
		if new.Output(out.Name) == nil && known(out.Carries) {
			all = append(all, PortChange{Port: out.Name, Old: out.Carries.String()})
		}
	}
	return all
}

func comparePort(all []PortChange, name string, input bool, a, b *types.Type) []PortChange {
	if sameType(a, b) {
		return all
	}
	return append(all, PortChange{Port: name, Input: input, Old: a.String(), New: b.String(), Fields: compareFields(a, b)})
}

// known reports whether a type is known in all its parts: one that is not has a
// message already.
func known(t *types.Type) bool {
	switch {
	case t == nil || t.Kind == types.KindError:
		return false
	case t.Kind == types.KindList:
		return known(t.Elem)
	}
	return !slices.ContainsFunc(t.Fields, func(f types.Field) bool { return !known(f.Type) })
}

// sameType reports whether two types are equal, or one is not known.
func sameType(a, b *types.Type) bool { return !known(a) || !known(b) || types.Equal(a, b) }

// compareFields gives the fields that differ between two records, or between the
// records of two lists; nothing for other types, and nothing if only the order or
// the openness differs.
func compareFields(a, b *types.Type) []FieldChange {
	if a.Kind == types.KindList && b.Kind == types.KindList && a.Nullable == b.Nullable {
		return compareFields(a.Elem, b.Elem)
	}
	if a.Kind != types.KindRecord || b.Kind != types.KindRecord || a.Nullable != b.Nullable {
		return nil
	}
	var all []FieldChange
	for _, f := range b.Fields {
		switch was, ok := a.Field(f.Name); {
		case !ok:
			all = append(all, FieldChange{Mark: Added, Name: f.Name, New: f.Type.String()})
		case !types.Equal(was.Type, f.Type):
			all = append(all, FieldChange{Mark: Changed, Name: f.Name, Old: was.Type.String(), New: f.Type.String()})
		}
	}
	for _, f := range a.Fields {
		if _, ok := b.Field(f.Name); !ok {
			all = append(all, FieldChange{Mark: Removed, Name: f.Name, Old: f.Type.String()})
		}
	}
	return all
}
