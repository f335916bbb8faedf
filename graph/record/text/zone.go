package text

import (
	"fmt"
	"slices"
	"time"
)

// This file has what depends on a time zone: where its days begin, and which moment
// a local time is.

// maxShift is more than a clock of any zone was ever moved at once: a day, at the
// date line.
const maxShift = 26 * 3600

// Location gives the zone of a name such as Europe/Berlin. The zone of the machine
// is none, for then a flow would say something else on another one.
func Location(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%s is not the name of a time zone such as Europe/Berlin", Shorten(fmt.Sprintf("%q", name)))
	}
	return loc, nil
}

// StartOfDay gives the first moment, in seconds since 1970, of the day that the
// clocks of a zone show at sec. Where midnight is skipped that is the moment after
// the gap, where it comes twice the first of the two.
//
// It asks for offsets only: where the rule of a zone takes over from its table,
// Time.ZoneBounds gives bounds that are none.
func StartOfDay(sec int64, loc *time.Location) int64 {
	offset := offsetAt(sec, loc)
	day := floorDay(sec + offset)
	midnight := day*86400 - offset
	if offsetAt(midnight, loc) == offset && offsetAt(midnight-1, loc) == offset && offsetAt(midnight-maxShift, loc) == offset {
		return midnight
	}
	// The clocks were changed. A part of the day may be as short as a minute, but then
	// it begins at midnight; any other is found by its quarters of an hour.
	const step = 900
	first := sec
	for at := sec - 2*maxShift; at < first; at += step {
		if midnight := day*86400 - offsetAt(at, loc); midnight < first && floorDay(midnight+offsetAt(midnight, loc)) == day {
			first = midnight
		}
		if floorDay(at+offsetAt(at, loc)) == day && at < first {
			first = at
		}
	}
	before := first - step
	if floorDay(before+offsetAt(before, loc)) == day {
		return first
	}
	for first-before > 1 {
		if middle := before + (first-before)/2; floorDay(middle+offsetAt(middle, loc)) == day {
			first = middle
		} else {
			before = middle
		}
	}
	return first
}

// offsetAt gives the seconds by which the clocks of a zone are ahead of UTC at sec.
func offsetAt(sec int64, loc *time.Location) int64 {
	_, offset := time.Unix(sec, 0).In(loc).Zone()
	return int64(offset)
}

// DayBegins gives the first moment, in seconds since 1970, of a day that is counted
// from 1970-01-01; of one that a zone left out, as at the date line, that of the next.
func DayBegins(day int64, loc *time.Location) int64 {
	noon := day*86400 + 43200
	for sec := noon - offsetAt(noon, loc); ; sec += 86400 {
		start := StartOfDay(sec, loc)
		if floorDay(start+offsetAt(start, loc)) >= day {
			return start
		}
	}
}

func floorDay(sec int64) int64 {
	day := sec / 86400
	if sec%86400 < 0 {
		day--
	}
	return day
}

// instants gives the moments, in seconds since 1970, at which the clocks of a zone
// show wall, the seconds from 1970-01-01T00:00:00 of the same clock: one, two where
// clocks were put back, none where they were put forward. They come in order.
func instants(wall int64, loc *time.Location) (all []int64) {
	early, late := offsetAt(wall-maxShift, loc), offsetAt(wall+maxShift, loc)
	if sec := wall - early; early == late && offsetAt(sec, loc) == early {
		return []int64{sec}
	}
	const step = 900
	last := early - 1 // no offset
	for at := wall - maxShift; at <= wall+maxShift; at += step {
		offset := offsetAt(at, loc)
		if offset == last {
			continue
		}
		last = offset
		if sec := wall - offset; offsetAt(sec, loc) == offset && !slices.Contains(all, sec) {
			all = append(all, sec)
		}
	}
	slices.Sort(all)
	return all
}
