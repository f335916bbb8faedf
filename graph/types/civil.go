package types

import (
	"fmt"
	"time"
)

// This file has the Go type of dates.

// A CivilDate is a day of the calendar, of no time zone, as days since 1970-01-01. The
// years go from 1 to 9999. It is the Go type of fields of type date.
type CivilDate int64

// The first and the last CivilDate.
const (
	FirstDate CivilDate = -719162 // 0001-01-01
	LastDate  CivilDate = 2932896 // 9999-12-31
)

// DateOf gives the date that the clock of t shows in its own zone.
func DateOf(t time.Time) CivilDate {
	y, m, d := t.Date()
	return CivilDate(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400) // exact: midnights
}

// In gives the beginning of the date in a zone, as time.Date has it.
func (d CivilDate) In(loc *time.Location) time.Time {
	y, m, day := d.utc().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, loc)
}

func (d CivilDate) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String gives the date as 2006-01-02.
func (d CivilDate) String() string { return d.utc().Format(time.DateOnly) }

// MarshalText gives the date as 2006-01-02.
func (d CivilDate) MarshalText() ([]byte, error) {
	if d < FirstDate || d > LastDate {
		return nil, fmt.Errorf("date %s is outside the years 1 to 9999", d)
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads 2006-01-02.
func (d *CivilDate) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil || t.Year() < 1 {
		return fmt.Errorf("%q is not a date like 2006-01-02", text)
	}
	*d = DateOf(t)
	return nil
}
