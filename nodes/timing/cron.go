package timing

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// This file knows when a schedule in the form of cron is due, also where the clock of its
// zone goes forward or back. The library reads the five fields; what it would do at such
// hours (leave a run out, run twice) is not what a report of every night wants.

// A schedule is a cron line in a time zone.
type schedule struct {
	spec *cron.SpecSchedule
	zone *time.Location
}

// everyHour is the bit by which the library marks a field that is a star.
const everyHour = 1 << 63

var cronFields = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

var (
	errOwnZone  = errors.New("its zone is a setting of its own")
	errInterval = errors.New("@every is an interval")
)

// parseSchedule reads a cron line.
func parseSchedule(line string, zone *time.Location) (*schedule, error) {
	line = strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(line, "TZ=") || strings.HasPrefix(line, "CRON_TZ="):
		return nil, errOwnZone
	case strings.HasPrefix(line, "@every"):
		return nil, errInterval
	}
	text, err := sundays(line)
	if err != nil {
		return nil, err
	}
	parsed, err := cronFields.Parse(text)
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%q is no list of fields", line)
	}
	s := &schedule{spec: spec, zone: zone}
	if s.after(time.Unix(0, 0)).IsZero() {
		return nil, errors.New("it is never due: no month has such a day")
	}
	return s, nil
}

// sundays writes the last field of a line, the day of the week, as the library reads it: in a
// crontab Sunday is 0 and 7, and may be the end of a range, where the library knows 0 alone.
func sundays(line string) (string, error) {
	fields := strings.Fields(line)
	if len(fields) != 5 && len(fields) != 6 {
		return line, nil
	}
	last := &fields[len(fields)-1]
	terms := strings.Split(*last, ",")
	for i, term := range terms {
		days, err := weekdays(term)
		if err != nil {
			return "", err
		}
		terms[i] = days
	}
	*last = strings.Join(terms, ",")
	return strings.Join(fields, " "), nil
}

// weekdays writes a term that has Sunday as 7, or as the name at the end of a range, as the
// list of its days. Any other stays as it is, also one that is wrong.
func weekdays(term string) (string, error) {
	days, every, stepped := strings.Cut(term, "/")
	first, last, ranged := strings.Cut(days, "-")
	from, err := strconv.Atoi(first)
	if named := slices.Index(weekdayNames, strings.ToLower(first)); named >= 0 {
		from, err = named, nil
	}
	if err != nil {
		return term, nil
	}
	to := from
	switch {
	case !ranged && stepped: // from there to the end of the week
		to = max(6, from)
	case ranged && from > 0 && strings.EqualFold(last, weekdayNames[0]):
		to = 7
	case ranged:
		if to, err = strconv.Atoi(last); err != nil {
			return term, nil
		}
	}
	step := 1
	if stepped {
		if step, err = strconv.Atoi(every); err != nil || step < 1 {
			return term, nil
		}
	}
	switch {
	case max(from, to) > 7:
		return "", fmt.Errorf("%s is no day of the week: want 0 to 7, where 0 and 7 are Sunday, or a name such as sun", term)
	case to < 7 || from > to:
		return term, nil
	}
	var list []string
	for ; from <= to; from += step {
		list = append(list, strconv.Itoa(from%7))
	}
	return strings.Join(list, ","), nil
}

var weekdayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// after gives the first moment after t at which the schedule is due; the zero time: never.
//
// One that is due in every hour follows the time that passes: it has no run in an hour that
// the clock leaves out, and runs in both hours of the same name. Any other follows the clock
// on the wall, and every time on it counts once: what the clock leaves out is due when it
// jumps, and of an hour that comes twice the first counts.
func (s *schedule) after(t time.Time) time.Time {
	t = t.In(s.zone)
	if s.spec.Hour&everyHour != 0 {
		spec := *s.spec
		spec.Location = s.zone
		return spec.Next(t)
	}
	wall := *s.spec
	wall.Location = time.UTC
	at := asUTC(t)
	for {
		if at = wall.Next(at); at.IsZero() {
			return at
		}
		if due := s.instant(at); due.After(t) {
			return due
		}
	}
}

// asUTC gives what the clock on the wall shows at t as a time in UTC, whose clock never
// jumps.
func asUTC(t time.Time) time.Time {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return time.Date(year, month, day, hour, minute, second, t.Nanosecond(), time.UTC)
}

// instant gives the first moment at which the clock of the zone shows wall; if it never
// does, the moment at which it jumps over it.
func (s *schedule) instant(wall time.Time) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, s.zone)
	begin, end := t.ZoneBounds()
	switch shown := asUTC(t); {
	case shown.After(wall): // it was read with the offset before the jump
		return begin
	case shown.Before(wall):
		return end
	}
	if !begin.IsZero() {
		_, before := begin.Add(-time.Second).Zone()
		if first := time.Unix(wall.Unix()-int64(before), 0).In(s.zone); first.Before(begin) && asUTC(first).Equal(wall) {
			return first
		}
	}
	return t
}
