package expr

import (
	"errors"
	"fmt"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	literal "github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the constructors of times and dates, and what is computed with dates.
// A date is a day of the calendar, of no zone: it takes one to make a time of it.

const dayLength = int64(24 * time.Hour)

// dateFunctions are part of convertFunctions.
func dateFunctions() []function {
	return []function{
		{sig: "time(x: string|date|any, layout: string = RFC 3339, zone: string = UTC) time", special: checkTime,
			summary: "The time that a text says: 2006-01-02T15:04:05Z, 2006-01-02 15:04:05 or 2006-01-02, or by a layout as in Go or, with %, as in strptime. " +
				"Without an offset it is one of the zone; of a time that comes twice there the first is taken, one that is skipped is an error. " +
				"Abbreviations such as CET are read only with a zone that uses them then, but for UTC and GMT. Of a date, as in time(d, zone), the beginning of the day.",
			example: `time("17.05.2024", "02.01.2006") == time("2024-05-17")`},
		{sig: "to_date(x: string|time|any, layout or zone: string) date", special: checkToDate,
			summary: "The date that a text says: 2006-01-02, or by a layout as in Go or, with %, as in strptime. Of a time, as in to_date(t, zone), the date in the zone, UTC if none is given.",
			example: `to_date(time("2024-05-17T23:30:00Z"), "Europe/Berlin") == to_date("2024-05-18")`},
	}
}

// checkTime checks time(x, layout, zone) and time(d, zone).
func checkTime(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, functionNamed("time").sig, 1, 3) || !ok {
		return errorNode(s.from, s.to)
	}
	x := args[0]
	if x.typ.Kind == types.KindDate {
		if !c.wants(s, "time(d: date, zone: string = UTC) time", 1, 2) {
			return errorNode(s.from, s.to)
		}
		return c.bound1(s, "time", types.Time, args, func(n *node) (call, error) {
			zone, err := zones(n, 1)
			if err != nil {
				return nil, err
			}
			return func(_ *row, a []value) (value, error) {
				loc, err := zone(a)
				if err != nil {
					return null, err
				}
				ns, err := fromTime(time.Unix(literal.DayBegins(a[0].n, loc), 0))
				return intValue(ns), err
			}, nil
		})
	}
	layout, loc := "", (*time.Location)(nil)
	if len(args) == 3 {
		zone, good := c.constantText(args[2], "zone", `it is the name of one, as in time(x, "02.01.2006 15:04", "Europe/Berlin")`)
		if !good {
			return errorNode(s.from, s.to)
		}
		var err error
		if loc, err = literal.Location(zone); err != nil {
			c.report(diag.WrongValue, args[2].from, args[2].to, "%s", err)
			return errorNode(s.from, s.to)
		}
	}
	if len(args) > 1 && (len(args) == 2 || !args[1].isConst() || args[1].val.s != "") {
		if layout, ok = c.layout(args[1]); !ok {
			return errorNode(s.from, s.to)
		}
	}
	read, err := timeReader(layout, loc)
	if err != nil {
		c.report(diag.WrongValue, args[1].from, args[1].to, "%s", err)
		return errorNode(s.from, s.to)
	}
	return c.constructed(s, "time", types.Time, x, textTo(func(s string) (value, error) {
		ns, err := read(s)
		return intValue(ns), err
	}))
}

// checkToDate checks to_date(t, zone) and to_date(x, layout).
func checkToDate(c *checker, s *callSite) *node {
	args, ok := c.arguments(s)
	if !c.wants(s, functionNamed("to_date").sig, 1, 2) || !ok {
		return errorNode(s.from, s.to)
	}
	x := args[0]
	if x.typ.Kind == types.KindTime {
		return c.bound1(s, "to_date", types.Date, args, func(n *node) (call, error) {
			moment, err := moments(n, 1)
			if err != nil {
				return nil, err
			}
			return func(_ *row, a []value) (value, error) {
				t, err := moment(a)
				if err != nil {
					return null, err
				}
				_, offset := t.Zone()
				return intValue(floorDiv(t.Unix()+int64(offset), 86400)), nil
			}, nil
		})
	}
	layout := ""
	if len(args) == 2 {
		if layout, ok = c.layout(args[1]); !ok {
			return errorNode(s.from, s.to)
		}
	}
	format, err := literal.ParseDateFormat(layout)
	if err != nil {
		c.report(diag.WrongValue, args[1].from, args[1].to, "%s", err)
		return errorNode(s.from, s.to)
	}
	return c.constructed(s, "to_date", types.Date, x, textTo(func(s string) (value, error) {
		days, ok := format.Parse([]byte(s))
		if !ok {
			return null, fmt.Errorf("%s is not a %s%s", textIn(s), format.String(), dateRemedy(s))
		}
		return intValue(days), nil
	}))
}

// dateRemedy is for texts that are times.
func dateRemedy(s string) string {
	if _, ok := literal.Time([]byte(s)); ok {
		return "; write to_date(time(x), zone)"
	}
	return ""
}

// constructed is the call of a constructor on text or JSON; what is of the type
// already stays as it is.
func (c *checker) constructed(s *callSite, name string, to *types.Type, x *node, from converter) *node {
	if x.typ.Kind == types.KindNull || x.typ.Kind == to.Kind {
		n := *c.convert(x, to.WithOpt(x.typ.Nullable))
		if n.typ.Kind == types.KindList {
			n.typ = x.typ
		}
		n.from, n.to = s.from, s.to
		return &n
	}
	if from(x.typ) == nil {
		return c.noConversion(s, x, name)
	}
	f := &function{name: name, bind: func(n *node) (call, error) { return from(n.args[0].typ), nil }}
	return &node{kind: kCall, fn: f, typ: to.WithOpt(x.typ.Nullable), args: []*node{x}, from: s.from, to: s.to, fails: true}
}

// bound1 is the call of a function that is chosen by its first argument; a second
// one is the name of a zone.
func (c *checker) bound1(s *callSite, name string, to *types.Type, args []*node, bind func(*node) (call, error)) *node {
	n := &node{kind: kCall, fn: &function{name: name, bind: bind}, typ: to, args: args, from: s.from, to: s.to, fails: true}
	for i, a := range args {
		n.typ = n.typ.WithOpt(a.typ.Nullable)
		if i > 0 && !a.typ.IsText() && a.typ.Kind != types.KindNull {
			c.report(diag.WrongType, a.from, a.to, "%s() wants the name of a zone, got %s", name, a.typ).WithHint(`such as "Europe/Berlin"`)
			return errorNode(s.from, s.to)
		}
	}
	if _, err := bind(n); err != nil {
		at := args[err.(*argError).arg]
		c.report(diag.WrongValue, at.from, at.to, "%s", err)
		return errorNode(s.from, s.to)
	}
	return n
}

// layouts are what time() reads without a layout.
var layouts = []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00"}

// timeReader reads times by a layout, or by the usual ones if layout is empty. Texts
// without an offset are of loc, UTC if it is nil.
func timeReader(layout string, loc *time.Location) (func(s string) (int64, error), error) {
	names, like := layouts, "2006-01-02T15:04:05Z or 2006-01-02"
	if layout != "" {
		names, like = []string{layout}, textIn(layout)
	}
	var all []literal.Layout
	for _, name := range names {
		l, err := literal.ParseLayout(name, loc)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return func(s string) (int64, error) {
		var why error
		for _, l := range all {
			t, err := l.Parse(s)
			if err == nil {
				return fromTime(t)
			}
			if !errors.Is(err, literal.ErrNotLike) {
				why = err
			}
		}
		if why != nil {
			return 0, fmt.Errorf("%s: %w", textIn(s), why)
		}
		return 0, fmt.Errorf("%s is not a time like %s", textIn(s), like)
	}, nil
}

// parseTime reads a time by the usual layouts.
var parseTime = func() func(s string) (int64, error) {
	read, err := timeReader("", nil)
	if err != nil {
		panic("expr: " + err.Error())
	}
	return read
}()

// dates types the arithmetic of dates: it is that of whole days.
func (c *checker) dates(n *node, opt bool) bool {
	l, r := n.args[0].typ.Kind, n.args[1].typ.Kind
	const date, span = types.KindDate, types.KindDuration
	for i, x := range n.args {
		if x.typ.Kind == span && x.isConst() && !x.val.null && x.val.n%dayLength != 0 && c.quiet == 0 && (n.op == "+" || n.op == "-" && i == 1) {
			c.report(diag.WrongValue, x.from, x.to, "%s is not whole days, and a date has no hours", time.Duration(x.val.n)).
				WithHint(`make a time of the date first, time(%s), or write whole days, such as duration("1d")`, c.source(n.args[1-i]))
			n.typ = types.Error
			return false
		}
	}
	var eval call
	result := types.Date
	switch op := n.op; {
	case op == "-" && l == date && r == date:
		result = types.Duration
		eval = func(_ *row, a []value) (value, error) {
			days := a[0].n - a[1].n
			if mulOverflows(days, dayLength, days*dayLength) {
				return null, fmt.Errorf("%s and %s are %d days apart, more than a duration can be", literal.AppendDate(nil, a[0].n), literal.AppendDate(nil, a[1].n), days)
			}
			return intValue(days * dayLength), nil
		}
	case (op == "+" || op == "-") && l == date && r == span:
		eval = func(_ *row, a []value) (value, error) {
			if op == "-" {
				return addDays(a[0].n, a[1].n, -1)
			}
			return addDays(a[0].n, a[1].n, 1)
		}
	case op == "+" && l == span && r == date:
		eval = func(_ *row, a []value) (value, error) { return addDays(a[1].n, a[0].n, 1) }
	default:
		return false
	}
	n.kind, n.typ, n.fn = kCall, result.WithOpt(opt), &function{name: n.op, eval: eval}
	return true
}

// addDays adds a duration to a date. A date has no hours that a part of a day could
// be added to.
func addDays(date, span, sign int64) (value, error) {
	if span%dayLength != 0 {
		return null, fmt.Errorf("%s is not whole days, and a date has no hours; make a time of the date first: time(d)", time.Duration(span))
	}
	days := date + sign*(span/dayLength)
	if days < int64(types.FirstDate) || days > int64(types.LastDate) {
		return null, errors.New("the date is outside the years 1 to 9999")
	}
	return intValue(days), nil
}
