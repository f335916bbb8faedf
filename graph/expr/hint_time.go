package expr

import (
	"fmt"
	"strings"

	literal "github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the hints for texts that stand where a date, a time or a duration is
// wanted, and for dates beside times. What they say can be put there as it is.

// isClock reports whether a value of the type is often written as text.
func isClock(t *types.Type) bool {
	return t.Kind == types.KindDate || t.Kind == types.KindTime || t.Kind == types.KindDuration
}

// constructor gives the name of the function that makes a value of the type of a text.
func constructor(t *types.Type) string {
	if t.Kind == types.KindDate {
		return "to_date"
	}
	return t.NotNull().String()
}

// clockText says how the text becomes a value of the type, which isClock.
func (c *checker) clockText(t *types.Type, text *node) string {
	source, make := c.source(text), constructor(t)
	switch {
	case !text.isConst():
		return fmt.Sprintf("%s is text; declare it `%s` in the reader's type or use %s(%[1]s)", source, t.NotNull(), make)
	case readsAs(t, text.val.s):
		return fmt.Sprintf("write %s(%s)", make, source)
	case t.Kind == types.KindDate && readsAs(types.Time, text.val.s):
		return fmt.Sprintf("write to_date(time(%s))", source)
	case t.Kind == types.KindDuration:
		return `write duration("1h30m")`
	}
	return fmt.Sprintf("%s(x, layout) reads other forms of a %s: write %[1]s(%[3]s, \"02.01.2006\") for a text such as \"31.12.2024\"", make, t.NotNull(), source)
}

// readsAs reports whether the constructor of a type takes a text without a layout.
func readsAs(t *types.Type, s string) bool {
	switch t.Kind {
	case types.KindDate:
		_, ok := literal.Date([]byte(s))
		return ok
	case types.KindTime:
		_, err := parseTime(s)
		return err == nil
	}
	_, ok := literal.Duration(s)
	return ok
}

// oneTypeHint is for two values that must be of one type, where one is a date, a time or
// a duration; "" if that is not what is wrong.
func (c *checker) oneTypeHint(l, r *node) string {
	for _, pair := range [][2]*node{{l, r}, {r, l}} {
		of, other := pair[0], pair[1]
		switch {
		case isClock(of.typ) && other.typ.IsText():
			return c.clockText(of.typ, other)
		case of.typ.Kind == types.KindDate && other.typ.Kind == types.KindTime:
			return fmt.Sprintf("make dates of both: to_date(%s), or times: time(%s)", c.source(other), c.source(of))
		}
	}
	return ""
}

// inHint is oneTypeHint for a value and the items of a list.
func (c *checker) inHint(x, list *node) string {
	if list.typ.Kind != types.KindList {
		return ""
	}
	elem := list.typ.Elem
	if !isClock(x.typ) || !elem.IsText() || len(list.args) == 0 {
		switch {
		case isClock(elem) && x.typ.IsText():
			return c.clockText(elem, x)
		case isClock(x.typ) && elem.IsText():
			return fmt.Sprintf("the items of %s are text; declare it `[%s]` in the reader's type", c.source(list), x.typ.NotNull())
		case elem.Kind == types.KindTime && x.typ.Kind == types.KindDate:
			return fmt.Sprintf("write time(%s)", c.source(x))
		case elem.Kind == types.KindDate && x.typ.Kind == types.KindTime:
			return fmt.Sprintf("write to_date(%s)", c.source(x))
		}
		return ""
	}
	var items []string
	for _, item := range list.args {
		if item.isConst() && !item.val.null && !readsAs(x.typ, item.val.s) {
			return c.clockText(x.typ, item)
		}
		if items = append(items, fmt.Sprintf("%s(%s)", constructor(x.typ), c.source(item))); len(items) > 5 {
			return fmt.Sprintf("write each item as %s", items[0])
		}
	}
	return fmt.Sprintf("write [%s]", strings.Join(items, ", "))
}

// wantHint is for a value where another type is wanted, such as by a setting.
func (c *checker) wantHint(want *types.Type, n *node) string {
	source := c.source(n)
	switch {
	case isClock(want) && n.typ.IsText():
		return c.clockText(want, n)
	case want.Kind == types.KindTime && n.typ.Kind == types.KindDate:
		return fmt.Sprintf(`a date has no time of day: write 'time(%s, "Europe/Berlin")', with the quotes, for its beginning in a zone, or time(%[1]s) in UTC`, source)
	case want.Kind == types.KindDate && n.typ.Kind == types.KindTime:
		return fmt.Sprintf("write to_date(%s)", source)
	case want.Kind == types.KindTime && n.typ.IsNumber():
		return fmt.Sprintf("write from_unix(%s), of seconds since 1970", source)
	case want.Kind == types.KindDuration && n.typ.IsNumber() && n.isConst():
		return fmt.Sprintf(`a number has no unit: write duration("%ss")`, source)
	case want.Kind == types.KindDuration && n.typ.IsNumber():
		return fmt.Sprintf(`a number has no unit: write %s * duration("1s")`, source)
	}
	return ""
}
