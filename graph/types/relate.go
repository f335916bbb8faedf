package types

import (
	"fmt"
	"slices"
)

// This file has how types relate: what holds both, and what fits where.

// Bound is the least upper bound of two types, what `?:`, lists and `merge`
// need. int and float give float; null and a field on one side only give `?`;
// two enums give string unless equal. Types without a bound are an error that
// names the place, such as `field "id": int and string`.
func Bound(a, b *Type) (*Type, error) {
	opt := a.Nullable || b.Nullable
	switch {
	case a.Kind == KindError:
		return b, nil
	case b.Kind == KindError:
		return a, nil
	case a.Kind == KindNull:
		return b.Opt(), nil
	case b.Kind == KindNull:
		return a.Opt(), nil
	case a.Kind == KindAny && b.Kind == KindAny:
		return Any, nil
	case a.Kind == KindReply && b.Kind == KindReply:
		return boundReplies(a, b), nil
	case Equal(a.NotNull(), b.NotNull()):
		if a.Name == "" {
			a = b.keepOrigins(a)
		}
		return a.WithOpt(opt), nil
	case a.Kind == KindRecord && b.Kind == KindRecord:
		return boundRecords(a, b, opt)
	case a.Kind == KindList && b.Kind == KindList:
		elem, err := Bound(a.Elem, b.Elem)
		if err != nil {
			return nil, fmt.Errorf("items of the list: %w", err)
		}
		return List(elem).WithOpt(opt), nil
	case a.IsText() && b.IsText():
		return String.WithOpt(opt), nil
	case a.Kind == KindDecimal && b.Kind == KindDecimal:
		scale := max(a.Scale, b.Scale)
		if whole := max(a.Precision-a.Scale, b.Precision-b.Scale); whole+scale <= 18 {
			return Decimal(whole+scale, scale).WithOpt(opt), nil
		}
	case a.IsNumber() && b.IsNumber() && a.Kind != b.Kind && (a.Kind == KindFloat || b.Kind == KindFloat):
		return Float.WithOpt(opt), nil
	}
	return nil, fmt.Errorf("%s and %s", a, b)
}

// keepOrigins prefers the origins of first where both types have the fields.
func (t *Type) keepOrigins(first *Type) *Type {
	if t.Name != "" && t.Kind == KindRecord {
		return first.Named(t.Name)
	}
	return first
}

func boundRecords(a, b *Type, opt bool) (*Type, error) {
	out := &Type{Kind: KindRecord, Nullable: opt, Open: a.Open || b.Open}
	for _, f := range a.Fields {
		t := f.Type.Opt()
		if g, both := b.Field(f.Name); both {
			var err error
			if t, err = Bound(f.Type, g.Type); err != nil {
				return nil, fmt.Errorf("field %q: %w", f.Name, err)
			}
		}
		out.Fields = append(out.Fields, Field{Name: f.Name, Type: t, Origin: f.Origin})
	}
	for _, g := range b.Fields {
		if a.Index(g.Name) < 0 {
			out.Fields = append(out.Fields, Field{Name: g.Name, Type: g.Type.Opt(), Origin: g.Origin})
		}
	}
	return out, nil
}

// Fits reports whether every value of from may stand where to is wanted, and if
// not, why, in words that follow "...: ". A record fits one that asks for some
// of its fields; int fits float; an enum fits string; everything but an opaque
// Go type fits any.
func Fits(from, to *Type) (why string, ok bool) {
	switch {
	case from.Kind == KindError || to.Kind == KindError || to.Kind == KindVar:
		return "", true
	case to.Kind == KindAny:
		if from.Kind == KindOpaque {
			return fmt.Sprintf("%s is a Go type that only Go nodes can pass on", from), false
		}
		if from.HoldsReply() {
			return fmt.Sprintf("%s has a reply, which is no data", from), false
		}
		return "", true
	case from.Kind == KindNull:
		return fmt.Sprintf("%s cannot be null", to), to.Nullable
	case from.Nullable && !to.Nullable:
		return fmt.Sprintf("%s may be null, %s must not be", from, to), false
	case from.Kind == KindInt && to.Kind == KindFloat, from.Kind == KindEnum && to.Kind == KindString:
		return "", true
	case from.Kind != to.Kind:
		return fmt.Sprintf("%s is not %s", from, to), false
	}
	switch from.Kind {
	case KindList:
		return Fits(from.Elem, to.Elem)
	case KindRecord:
		return fitsRecord(from, to)
	case KindEnum:
		for _, w := range from.Words {
			if !slices.Contains(to.Words, w) {
				return fmt.Sprintf("%q is not one of %s", w, to), false
			}
		}
		return "", true
	case KindDecimal:
		ok := from.Scale <= to.Scale && from.Precision-from.Scale <= to.Precision-to.Scale
		return fmt.Sprintf("%s does not fit into %s", from, to), ok
	case KindOpaque:
		return fmt.Sprintf("%s is not %s", from, to), from.Go == to.Go
	}
	return "", true
}

func fitsRecord(from, to *Type) (string, bool) {
	for _, want := range to.Fields {
		got, ok := from.Field(want.Name)
		if !ok {
			if want.Type.Nullable {
				continue
			}
			return fmt.Sprintf("field %q is missing", want.Name), false
		}
		if why, ok := Fits(got.Type, want.Type); !ok {
			return fmt.Sprintf("field %q: %s", want.Name, why), false
		}
	}
	return "", true
}
