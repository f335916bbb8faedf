package text

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

// This file has how times and dates of a field are written, by its `format` and `zone`.

// A TimeFormat is how times or dates of a field are written. The zero value is RFC
// 3339.
type TimeFormat struct {
	number bool // units of 10^-scale nanoseconds since 1970
	days   bool // dates: days since 1970
	scale  int
	name   string   // as the user gave it
	layout *Layout  // nil: RFC 3339 or, of dates, 2006-01-02; or a number
	local  []Layout // times without an offset that are read, too
}

// epochs are the formats that are numbers: the decimals of the unit down to
// nanoseconds.
var epochs = map[string]int{"unix": 9, "unix_ms": 6, "unix_us": 3, "unix_ns": 0}

// FormatOf gives how the values of a field of type time or date are written.
func FormatOf(f types.Field) (TimeFormat, error) {
	var r types.Reading
	if f.Reading != nil {
		r = *f.Reading
	}
	if f.Type.Kind == types.KindDate {
		return ParseDateFormat(r.Format)
	}
	return ParseTimeFormat(r.Format, r.Zone)
}

// ParseTimeFormat understands "" and "rfc3339"; unix, unix_ms, unix_us and
// unix_ns, numbers since 1970, which may have decimals; "date", 2006-01-02; and
// what ParseLayout does. A time without an offset is one of the named zone, UTC if
// there is none.
func ParseTimeFormat(format, zone string) (TimeFormat, error) {
	var loc *time.Location
	if zone != "" {
		var err error
		if loc, err = Location(zone); err != nil {
			return TimeFormat{}, err
		}
	}
	if scale, ok := epochs[format]; ok {
		if loc != nil {
			return TimeFormat{}, fmt.Errorf("the format %s counts from 1970 in UTC; it takes no zone", format)
		}
		return TimeFormat{name: format, number: true, scale: scale}, nil
	}
	switch format {
	case "", "rfc3339", time.RFC3339, time.RFC3339Nano:
		if loc == nil {
			return TimeFormat{}, nil
		}
		var f TimeFormat
		for _, name := range []string{"2006-01-02T15:04:05", time.DateTime} {
			l, err := ParseLayout(name, loc)
			if err != nil {
				return TimeFormat{}, err
			}
			f.local = append(f.local, l)
		}
		return f, nil
	}
	layout := format
	if format == "date" {
		layout = time.DateOnly
	}
	l, err := ParseLayout(layout, loc)
	switch {
	case errors.Is(err, errNoPart):
		return TimeFormat{}, fmt.Errorf("the time format %q names no part of a time: write how 3:04:05 pm on January 2, 2006 looks, such as 2006-01-02 15:04:05, "+
			"directives of strptime, such as %%Y-%%m-%%d %%H:%%M:%%S, or one of rfc3339, date, unix, unix_ms, unix_us, unix_ns", format)
	case err != nil:
		return TimeFormat{}, err
	}
	return TimeFormat{name: format, layout: &l}, nil
}

// ParseDateFormat understands "" and "date", 2006-01-02, and what ParseLayout does.
func ParseDateFormat(format string) (TimeFormat, error) {
	if format == "" || format == "date" || format == time.DateOnly {
		return TimeFormat{days: true}, nil
	}
	if _, number := epochs[format]; number {
		return TimeFormat{}, fmt.Errorf("the format %s is one of times; declare the field as time and take to_date(x) of it", format)
	}
	l, err := ParseLayout(format, nil)
	switch {
	case errors.Is(err, errNoPart):
		return TimeFormat{}, fmt.Errorf("the date format %q names no part of a date: write how January 2, 2006 looks, such as 02.01.2006, or directives of strptime, such as %%d.%%m.%%Y", format)
	case err == nil && !l.HasZone() && probe.Format(l.layouts[0]) == probe.AddDate(1, 1, 1).Format(l.layouts[0]):
		return TimeFormat{}, fmt.Errorf("the date format %q names no part of a date, but one of the time of day", format)
	case err != nil:
		return TimeFormat{}, err
	}
	if l.HasZone() {
		return TimeFormat{}, fmt.Errorf("the date format %q has a time zone, and a date has none; declare the field as time and take to_date(x, zone) of it", format)
	}
	return TimeFormat{name: format, days: true, layout: &l}, nil
}

// Number reports whether times are numbers: read them by Decimal.
func (f *TimeFormat) Number() bool { return f.number }

// Decimal reads a time that is a number at b[p].
func (f *TimeFormat) Decimal(b []byte, p int) (ns int64, end int) {
	return Decimal(b, p, 19, f.scale)
}

// Parse reads a whole literal: nanoseconds since 1970, of a date days.
func (f *TimeFormat) Parse(s []byte) (n int64, ok bool) {
	switch {
	case f.number:
		ns, end := f.Decimal(s, 0)
		return ns, end == len(s) && end > 0
	case f.layout != nil || f.local != nil:
		n, err := f.parse(s)
		return n, err == nil
	case f.days:
		return Date(s)
	}
	return Time(s)
}

// parse reads a literal that has a layout.
func (f *TimeFormat) parse(s []byte) (int64, error) {
	if f.layout == nil {
		ns, ok := Time(s)
		if ok {
			return ns, nil
		}
		err := ErrNotLike
		for _, l := range f.local {
			var t time.Time
			if t, err = l.Parse(record.View(s)); err == nil {
				return Nanoseconds(t)
			} else if !errors.Is(err, ErrNotLike) {
				break
			}
		}
		return 0, err
	}
	t, err := f.layout.Parse(record.View(s))
	switch {
	case err != nil:
		return 0, err
	case f.days:
		return Days(t)
	}
	return Nanoseconds(t)
}

// Nanoseconds gives a time as nanoseconds since 1970.
func Nanoseconds(t time.Time) (int64, error) {
	ns, ok := join(t.Unix(), int64(t.Nanosecond()))
	if !ok {
		return 0, errOutside
	}
	return ns, nil
}

var errOutside = errors.New("times go from 1677-09-21 to 2262-04-11; a date goes to the year 9999")

// Days gives the date that a time of no zone stands for. A time of day is no part of
// a date and not dropped in silence.
func Days(t time.Time) (int64, error) {
	if t.Hour() != 0 || t.Minute() != 0 || t.Second() != 0 || t.Nanosecond() != 0 {
		return 0, errors.New("a date has no time of day; declare the field as time")
	}
	if y := t.Year(); y < 1 || y > 9999 {
		return 0, errors.New("dates go from 0001-01-01 to 9999-12-31")
	}
	return floorDay(t.Unix()), nil
}

// Wrong says more about a literal that Parse refuses, behind "want ..., got ...".
func (f *TimeFormat) Wrong(s []byte) string {
	if f.number {
		return ""
	}
	if f.layout != nil || f.local != nil {
		if _, err := f.parse(s); err != nil && !errors.Is(err, ErrNotLike) {
			return "; " + err.Error()
		}
	} else if t, err := time.Parse(time.RFC3339Nano, string(s)); err == nil {
		if _, err := Nanoseconds(t); err != nil && !f.days {
			return "; " + err.Error()
		}
		if f.days {
			return "; a date has no time of day: declare the field as time, or say format: " + `"2006-01-02T15:04:05Z"`
		}
	} else if _, ok := Date(s); ok && !f.days {
		return "; that is a date: declare the field as date, or say format: date"
	}
	if f.layout == nil {
		return "; another form is declared by format:, such as format: 02.01.2006"
	}
	return ""
}

// String says how a time looks, for messages: "time like 2006-01-02".
func (f *TimeFormat) String() string {
	kind, like := "time", "2006-01-02T15:04:05Z"
	if f.days {
		kind, like = "date", time.DateOnly
	}
	switch {
	case f.number:
		return kind + " as a number, " + f.name
	case f.layout != nil && f.name != "date":
		like = f.name
	case f.layout != nil:
		like = time.DateOnly
	}
	return kind + " like " + strings.TrimSpace(like)
}
