package expr

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/quantity"
	literal "github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has the functions of times, dates and time zones.

const zoned = ", zone: string = UTC"

// timeFunctions take times apart and put them together. Times have no zone of
// their own; what depends on one takes its name, such as "Europe/Berlin".
func timeFunctions() []function {
	return []function{
		{sig: "now() time", summary: "The time at which the batch with the row is computed, the same for all of its rows. A flow that uses it gives something else every time it runs.",
			impure: true, eval: func(r *row, _ []value) (value, error) { return intValue(r.clock()), nil }},
		{sig: "year(t: time|date" + zoned + ") int", summary: "The year.", example: `year(time("2024-05-17")) == 2024`, bind: part(func(t time.Time) int { return t.Year() })},
		{sig: "month(t: time|date" + zoned + ") int", summary: "The month, from 1 to 12.", example: `month(time("2024-05-17")) == 5`, bind: part(func(t time.Time) int { return int(t.Month()) })},
		{sig: "day(t: time|date" + zoned + ") int", summary: "The day of the month.", example: `day(time("2024-05-17")) == 17`, bind: part(time.Time.Day)},
		{sig: "hour(t: time" + zoned + ") int", summary: "The hour, from 0 to 23.", example: `hour(time("2024-05-17T23:30:00Z"), "Europe/Berlin") == 1`, bind: part(time.Time.Hour)},
		{sig: "minute(t: time" + zoned + ") int", summary: "The minute.", example: `minute(time("2024-05-17T23:30:00Z")) == 30`, bind: part(time.Time.Minute)},
		{sig: "second(t: time" + zoned + ") int", summary: "The second.", example: `second(time("2024-05-17T23:30:07Z")) == 7`, bind: part(time.Time.Second)},
		{sig: "yearday(t: time|date" + zoned + ") int", summary: "The day of the year, from 1 on.", example: `yearday(time("2024-02-01")) == 32`, bind: part(time.Time.YearDay)},
		{sig: "week(t: time|date" + zoned + ") int", summary: "The ISO 8601 week of the year.", example: `week(time("2024-01-08")) == 2`,
			bind: part(func(t time.Time) int { _, w := t.ISOWeek(); return w })},
		{sig: "weekday(t: time|date" + zoned + ") int", summary: "The day of the week by ISO 8601: Monday is 1, Sunday 7.", example: `weekday(time("2024-05-17")) == 5`,
			bind: part(func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 })},
		{sig: "date(t: time" + zoned + ") time", summary: "The time at which the day of t began in the zone: its midnight or, where that is skipped, the first moment after. Its date is to_date(t, zone).", example: `date(time("2024-05-17T23:30:00Z")) == time("2024-05-17")`,
			bind: bindDate},
		{sig: "truncate(t: time, unit: string) time", summary: "t rounded down to a multiple of a duration such as \"15m\", \"1d\" or \"1w\" (weeks begin on Monday), or to the beginning of its \"month\", \"quarter\" or \"year\", in UTC.",
			example: `truncate(time("2024-05-17T23:44:00Z"), "15m") == time("2024-05-17T23:30:00Z") && truncate(time("2024-05-17"), "month") == time("2024-05-01")`, bind: bindTruncate},
		{sig: "format(t: time|date, layout: string" + zoned + ") string", summary: "The time or date as text by a layout as in Go, how the second of January 2006, 15:04:05, would be written, or, with %, as in strftime.",
			example: `format(time("2024-05-17"), "02.01.2006") == "17.05.2024"`, bind: bindFormat},
		{sig: "unix(t: time) int", summary: "Seconds since 1970.", example: `unix(time("1970-01-02")) == 86400`,
			eval: func(_ *row, a []value) (value, error) { return intValue(floorDiv(a[0].n, int64(time.Second))), nil }},
		{sig: "unix_ms(t: time) int", summary: "Milliseconds since 1970.", example: `unix_ms(time("1970-01-02")) == 86400000`,
			eval: func(_ *row, a []value) (value, error) {
				return intValue(floorDiv(a[0].n, int64(time.Millisecond))), nil
			}},
		{sig: "from_unix(seconds: number) time", summary: "The time so many seconds after 1970 began.", example: `from_unix(86400) == time("1970-01-02")`, bind: fromUnix(time.Second)},
		{sig: "from_unix_ms(milliseconds: number) time", summary: "The time so many milliseconds after 1970 began.", example: `from_unix_ms(86400000) == time("1970-01-02")`, bind: fromUnix(time.Millisecond)},
		{sig: "seconds(d: duration) float", summary: "The duration in seconds.", example: `seconds(duration("1m")) == 60`, eval: inUnit(time.Second)},
		{sig: "minutes(d: duration) float", summary: "The duration in minutes.", example: `minutes(duration("90s")) == 1.5`, eval: inUnit(time.Minute)},
		{sig: "hours(d: duration) float", summary: "The duration in hours.", example: `hours(duration("1d")) == 24`, eval: inUnit(time.Hour)},
	}
}

func toTime(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// fromTime gives nanoseconds since 1970, for times from 1677 to 2262.
func fromTime(t time.Time) (int64, error) {
	ns, err := literal.Nanoseconds(t)
	if err != nil {
		return 0, fmt.Errorf("%s is no time: times go from 1677-09-21 to 2262-04-11; a date goes to the year 9999: to_date(x)", t.UTC().Format(time.DateOnly))
	}
	return ns, nil
}

// floorDiv is a / b rounded down, for positive b.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// inUnit gives a duration in a unit, rounded once: what is no float in nanoseconds may be
// one in hours.
func inUnit(unit time.Duration) call {
	return func(_ *row, a []value) (value, error) { return floatValue(quotient(a[0].n, int64(unit))), nil }
}

// zones gives the zone that argument arg names, UTC if there is none.
func zones(n *node, arg int) (func(args []value) (*time.Location, error), error) {
	if arg >= len(n.args) {
		return func([]value) (*time.Location, error) { return time.UTC, nil }, nil
	}
	var last *time.Location
	name := ""
	load := func(args []value) (*time.Location, error) {
		if last != nil && name == args[arg].s {
			return last, nil
		}
		loc, err := literal.Location(args[arg].s)
		if err != nil {
			return nil, err
		}
		last, name = loc, strings.Clone(args[arg].s)
		return loc, nil
	}
	if z := n.args[arg]; z.isConst() && !z.val.null {
		args := make([]value, arg+1)
		args[arg] = z.val
		if _, err := load(args); err != nil {
			return nil, &argError{arg, err}
		}
	}
	return load, nil
}

// moments gives the time or date in the first argument, in the zone that argument arg
// names. A date is of no zone.
func moments(n *node, arg int) (func(args []value) (time.Time, error), error) {
	if n.args[0].typ.Kind == types.KindDate {
		if arg < len(n.args) {
			return nil, &argError{arg, fmt.Errorf("a date is the same in every zone; %s() of it takes none", n.fn.name)}
		}
		return func(a []value) (time.Time, error) { return time.Unix(a[0].n*86400, 0).UTC(), nil }, nil
	}
	zone, err := zones(n, arg)
	if err != nil {
		return nil, err
	}
	return func(a []value) (time.Time, error) {
		loc, err := zone(a)
		if err != nil {
			return time.Time{}, err
		}
		return time.Unix(0, a[0].n).In(loc), nil
	}, nil
}

// part makes a function of one part of a time.
func part(f func(time.Time) int) func(*node) (call, error) {
	return func(n *node) (call, error) {
		moment, err := moments(n, 1)
		if err != nil {
			return nil, err
		}
		return func(_ *row, a []value) (value, error) {
			t, err := moment(a)
			if err != nil {
				return null, err
			}
			return intValue(int64(f(t))), nil
		}, nil
	}
}

func bindDate(n *node) (call, error) {
	zone, err := zones(n, 1)
	if err != nil {
		return nil, err
	}
	return func(_ *row, a []value) (value, error) {
		loc, err := zone(a)
		if err != nil {
			return null, err
		}
		start := literal.StartOfDay(floorDiv(a[0].n, int64(time.Second)), loc)
		ns, err := fromTime(time.Unix(start, 0))
		return intValue(ns), err
	}, nil
}

func bindFormat(n *node) (call, error) {
	moment, err := moments(n, 2)
	if err != nil {
		return nil, err
	}
	var layout, last string
	prepare := func(name string) (err error) {
		if layout == "" || last != name {
			if layout, err = writtenBy(name); err != nil {
				layout = ""
				return err
			}
			last = strings.Clone(name) // it outlives the batch
		}
		return nil
	}
	if l := n.args[1]; l.isConst() && !l.val.null {
		if err := checkLayout(l.val.s); err != nil {
			return nil, &argError{1, err}
		}
	}
	return func(r *row, a []value) (value, error) {
		t, err := moment(a)
		if err == nil {
			err = prepare(a[1].s)
		}
		if err != nil {
			return null, err
		}
		return textValue(r.text(func(dst []byte) []byte { return t.AppendFormat(dst, layout) })), nil
	}, nil
}

// writtenBy gives the layout of package time for one that a user wrote. It is a copy.
func writtenBy(name string) (string, error) {
	layout, err := literal.GoLayout(name)
	return strings.Clone(layout), err
}

// checkLayout refuses layouts that have nothing of a time in them, and directives of
// strptime that there are not.
func checkLayout(name string) error {
	layout, err := literal.GoLayout(name)
	if err != nil {
		return err
	}
	probe := time.Date(1987, 11, 23, 9, 48, 37, 123456789, time.FixedZone("XYZ", 3*3600))
	if probe.Format(layout) != layout {
		return nil
	}
	return fmt.Errorf("the layout %s has no part of a time; it shows how 2006-01-02 15:04:05 would be written", textIn(name))
}

func fromUnix(unit time.Duration) func(*node) (call, error) {
	return func(n *node) (call, error) {
		arg := n.args[0]
		if arg.typ.Kind == types.KindDuration || arg.typ.Kind == types.KindDecimal {
			return nil, &argError{0, fmt.Errorf("%s() wants int or float, got %s", n.fn.name, arg.typ)}
		}
		tooFar := func(v value) error {
			return fmt.Errorf("%s(%s) is outside the years 1677 to 2262", n.fn.name, appendText(nil, v, arg.typ))
		}
		if arg.typ.Kind == types.KindFloat {
			return func(_ *row, a []value) (value, error) {
				ns, ok := floatToInt(math.Round(a[0].float() * float64(unit)))
				if !ok {
					return null, tooFar(a[0])
				}
				return intValue(ns), nil
			}, nil
		}
		return func(_ *row, a []value) (value, error) {
			ns := a[0].n * int64(unit)
			if mulOverflows(a[0].n, int64(unit), ns) {
				return null, tooFar(a[0])
			}
			return intValue(ns), nil
		}, nil
	}
}

// parseDuration reads a duration such as 1h30m or 7d.
func parseDuration(s string) (time.Duration, error) {
	d, err := quantity.Duration(s)
	if err != nil {
		return 0, fmt.Errorf("%s is not a duration", textIn(s))
	}
	return d, nil
}

// A truncation rounds a time down.
type truncation func(ns int64) (int64, error)

// truncateBy understands the unit of truncate().
func truncateBy(unit string) (truncation, error) {
	months := map[string]int{"month": 1, "quarter": 3, "year": 12}[unit]
	if months > 0 {
		return func(ns int64) (int64, error) {
			y, m, _ := toTime(ns).Date()
			return fromTime(time.Date(y, time.Month((int(m)-1)/months*months+1), 1, 0, 0, 0, 0, time.UTC))
		}, nil
	}
	switch unit {
	case "second", "minute", "hour", "day", "week":
		unit = "1" + unit[:1]
	}
	span, err := parseDuration(unit)
	if err != nil {
		return nil, fmt.Errorf("%s is neither a duration such as 15m nor month, quarter or year", textIn(unit))
	}
	d := int64(span)
	if d <= 0 {
		return nil, errors.New("truncate() wants a duration above zero")
	}
	// Multiples count from Monday, the first of January of the year 1, so that
	// weeks begin on Monday. That is 62135596800 seconds before 1970.
	hi, lo := bits.Mul64(62135596800, uint64(time.Second))
	offset := int64(bits.Rem64(hi, lo, uint64(d)))
	return func(ns int64) (int64, error) {
		over := ns % d
		if over < 0 {
			over += d
		}
		if over -= d - offset; over < 0 { // (over + offset) mod d without overflow
			over += d
		}
		if r := ns - over; r <= ns {
			return r, nil
		}
		return 0, fmt.Errorf("%s is outside the years 1677 to 2262 when truncated to %s", toTime(ns).Format(time.RFC3339), unit)
	}, nil
}

func bindTruncate(n *node) (call, error) {
	var by truncation
	last := ""
	prepare := func(unit string) (err error) {
		if by == nil || last != unit {
			last = strings.Clone(unit) // it outlives the batch
			if by, err = truncateBy(last); err != nil {
				by = nil
				return err
			}
		}
		return nil
	}
	if u := n.args[1]; u.isConst() && !u.val.null {
		if err := prepare(u.val.s); err != nil {
			return nil, &argError{1, err}
		}
	}
	return func(_ *row, a []value) (value, error) {
		if err := prepare(a[1].s); err != nil {
			return null, err
		}
		ns, err := by(a[0].n)
		return intValue(ns), err
	}, nil
}
