package text

import (
	"archive/zip"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// everyZone gives the zones of the tz database that Go ships.
var everyZone = sync.OnceValue(func() []*time.Location {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		panic(err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		panic(err)
	}
	defer z.Close()
	var all []*time.Location
	known := map[string]bool{} // half of the names are second ones
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			panic(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			panic(err)
		}
		if loc, err := time.LoadLocationFromTZData(f.Name, data); err == nil && !known[string(data)] {
			known[string(data)] = true
			all = append(all, loc)
		}
	}
	if len(all) < 300 {
		panic(fmt.Sprintf("only %d zones", len(all)))
	}
	return all
})

// changes gives the moments from 1900 to 2040 at which the offset of a zone changes,
// found by its offsets alone.
func changes(loc *time.Location) (all []int64) {
	const step = 7 * 86400
	start := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	last := offsetAt(start, loc)
	for sec := start; sec < start+140*365*86400; sec += step {
		next := offsetAt(sec+step, loc)
		if next == last {
			continue
		}
		from, to := sec, sec+step
		for to-from > 1 {
			if middle := from + (to-from)/2; offsetAt(middle, loc) == last {
				from = middle
			} else {
				to = middle
			}
		}
		all, last = append(all, to), next
	}
	return all
}

// A turn is a moment at which the offset of a zone changes.
type turn struct {
	loc *time.Location
	at  int64
}

// turns gives the changes of every zone from 1900 to 2040, of those that are alike one.
// Changes are alike if they come at the same second of the day in UTC, and the offsets
// for five days before and behind are the same: that is all the functions of this package
// see of a zone, and they count days from no particular one. So what holds for one of them
// holds for the others.
var turns = sync.OnceValue(func() (all []turn) {
	const near = 5 * 86400
	known := map[string]bool{}
	for _, loc := range everyZone() {
		changes := changes(loc)
		for i, c := range changes {
			like := fmt.Append(nil, c%86400, offsetAt(c-near, loc))
			for j := i; j > 0 && c-changes[j-1] <= near; j-- {
				like = fmt.Append(like, " ", changes[j-1]-c, offsetAt(changes[j-1], loc))
			}
			for _, other := range changes[i:] {
				if other-c > near {
					break
				}
				like = fmt.Append(like, " ", other-c, offsetAt(other, loc))
			}
			if !known[string(like)] {
				known[string(like)] = true
				all = append(all, turn{loc, c})
			}
		}
	}
	return all
})

func localDay(sec int64, loc *time.Location) int64 {
	_, offset := time.Unix(sec, 0).In(loc).Zone()
	return floorDay(sec + int64(offset))
}

// The start of a day is of that day, is its first moment, has itself as its start, and is
// where DayBegins says; at every change of every zone and at moments by chance.
func TestStartOfDayInEveryZone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var moments []turn
	for _, c := range turns() {
		for _, sec := range []int64{c.at - 1, c.at, c.at + 1800, c.at + 86399} {
			moments = append(moments, turn{c.loc, sec})
		}
	}
	for _, loc := range everyZone() {
		for range 50 {
			moments = append(moments, turn{loc, random.Int64N(140*365*86400) - 70*365*86400})
		}
	}
	for i, m := range moments {
		loc, sec := m.loc, m.at
		start, day := StartOfDay(sec, loc), localDay(sec, loc)
		if start > sec || localDay(start, loc) != day {
			t.Fatalf("%s: the day of %s begins at %s", loc, time.Unix(sec, 0).In(loc), time.Unix(start, 0).In(loc))
		}
		if again := StartOfDay(start, loc); again != start {
			t.Fatalf("%s: the day of %s begins at %s, whose day begins at %s", loc, time.Unix(sec, 0).In(loc), time.Unix(start, 0).In(loc), time.Unix(again, 0).In(loc))
		}
		if localDay(start-1, loc) == day {
			t.Fatalf("%s: %s is of the day as well", loc, time.Unix(start-1, 0).In(loc))
		}
		if begins := DayBegins(day, loc); begins != start {
			t.Fatalf("%s: DayBegins(%d) is %s, want %s", loc, day, time.Unix(begins, 0).In(loc), time.Unix(start, 0).In(loc))
		}
		if i < 4*len(turns()) || i%41 == 0 {
			for before := start - 50*3600; before < start; before += 600 {
				if localDay(before, loc) == day {
					t.Fatalf("%s: the day of %s has %s, before its beginning", loc, time.Unix(sec, 0).In(loc), time.Unix(before, 0).In(loc))
				}
			}
		}
	}
	t.Log(len(moments), "moments,", len(turns()), "changes of offsets that are not alike")
}

// Every moment is found by the time on its clock, as the first or as the second.
func TestInstantsInEveryZone(t *testing.T) {
	for _, c := range turns() {
		for _, sec := range []int64{c.at - 3600, c.at - 1, c.at, c.at + 1800, c.at + 3600} {
			_, offset := time.Unix(sec, 0).In(c.loc).Zone()
			found := false
			all := instants(sec+int64(offset), c.loc)
			for i, x := range all {
				found = found || x == sec
				if i > 0 && all[i-1] >= x {
					t.Fatalf("%s: %v is out of order", c.loc, all)
				}
			}
			if !found {
				t.Fatalf("%s: %s is not among %v", c.loc, time.Unix(sec, 0).In(c.loc), all)
			}
		}
	}
}

func TestLayouts(t *testing.T) {
	const minute = "2006-01-02 15:04"
	for _, c := range []struct{ layout, zone, text, want string }{
		{minute + " MST", "", "2026-01-03 10:00 UTC", "2026-01-03T10:00:00Z"},
		{minute + " MST", "", "2026-01-03 10:00 GMT", "2026-01-03T10:00:00Z"},
		{minute + " MST", "", "2026-01-03 10:00 Z", "2026-01-03T10:00:00Z"},
		{minute + " MST", "", "2026-01-03 10:00 +01:00", "2026-01-03T09:00:00Z"},
		{minute + " MST", "", "2026-01-03 10:00 +0100", "2026-01-03T09:00:00Z"},
		{minute + " MST", "", "2026-01-03 10:00 +01", "2026-01-03T09:00:00Z"},
		{minute + " MST", "", "2026-01-03 10:00 EST", "!does not say which zone"},
		{minute + " MST", "", "2026-01-03 10:00 CET", "!does not say which zone"},
		{minute + " MST", "", "2026-01-03 10:00 XYZ", "!does not say which zone"},
		{minute + " MST", "", "2026-01-03 10:00 GMT+3", "!does not say which zone"},
		{minute + " MST", "Europe/Berlin", "2026-01-03 10:00 CET", "2026-01-03T09:00:00Z"},
		{minute + " MST", "Europe/Berlin", "2026-07-03 10:00 CEST", "2026-07-03T08:00:00Z"},
		{minute + " MST", "Europe/Berlin", "2026-07-03 10:00 CET", "!does not use the abbreviation CET at 2026-07-03 10:00:00"},
		{minute + " MST", "Europe/Berlin", "2026-01-03 10:00 EST", "!does not use the abbreviation EST"},
		{minute + " MST", "Europe/Berlin", "2026-01-03 10:00 UTC", "2026-01-03T10:00:00Z"},
		{minute + " MST", "Europe/Berlin", "2026-10-25 02:30 CEST", "2026-10-25T00:30:00Z"},
		{minute + " MST", "Europe/Berlin", "2026-10-25 02:30 CET", "2026-10-25T01:30:00Z"},
		{minute + " MST", "America/New_York", "2026-01-03 10:00 EST", "2026-01-03T15:00:00Z"},
		{minute + " -0700 MST", "", "2026-01-03 10:00 -0500 EST", "2026-01-03T15:00:00Z"},
		{minute + " -0700 MST", "", "2026-01-03 10:00 +0300 +03", "2026-01-03T07:00:00Z"},
		{minute, "", "2026-01-03 10:00", "2026-01-03T10:00:00Z"},
		{minute, "Europe/Berlin", "2026-01-03 10:00", "2026-01-03T09:00:00Z"},
		{minute, "Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z"}, // twice: the first
		{minute, "Europe/Berlin", "2026-03-29 02:30", "!there is no 2026-03-29 02:30:00 in Europe/Berlin"},
		{minute, "Pacific/Apia", "2011-12-30 12:00", "!there is no 2011-12-30 12:00:00"},
		{minute + "Z07:00", "Europe/Berlin", "2026-01-03 10:00-05:00", "2026-01-03T15:00:00Z"}, // the text knows better
		{"%Y-%m-%d %H:%M:%S.%f %z", "", "2026-01-03 10:00:01.25 +0100", "2026-01-03T09:00:01.25Z"},
		{"%Y-%m-%d %H:%M:%S %z", "", "2026-01-03 10:00:01 +01:00", "2026-01-03T09:00:01Z"},
		{"%Y-%m-%dT%H:%M:%S%z", "", "2026-01-03T10:00:01Z", "2026-01-03T10:00:01Z"},
		{"%d/%b/%Y:%H:%M:%S %z", "", "03/Jan/2026:10:00:01 -0500", "2026-01-03T15:00:01Z"},
		{"%Y%m%d%H%M%S", "", "20260103100001", "2026-01-03T10:00:01Z"},
		{"%I:%M %p, %A %e %B %y", "", "03:04 PM, Saturday  3 January 26", "2026-01-03T15:04:00Z"},
		{"%Y-%j", "", "2026-032", "2026-02-01T00:00:00Z"},
		{"%-d.%-m.%Y %H Uhr", "", "3.1.2026 10 Uhr", "2026-01-03T10:00:00Z"},
		{"%F %T", "Europe/Berlin", "2026-01-03 10:00:00", "2026-01-03T09:00:00Z"},
		{"%F %R %Z", "", "2026-01-03 10:00 EST", "!does not say which zone"},
		{"%F %%", "", "2026-01-03 %", "2026-01-03T00:00:00Z"},
		{"%F", "", "03.01.2026", "!does not look like"},
	} {
		var loc *time.Location
		if c.zone != "" {
			var err error
			if loc, err = Location(c.zone); err != nil {
				t.Fatal(err)
			}
		}
		for _, local := range []string{"UTC", "America/New_York", "Europe/Berlin"} {
			at, err := time.LoadLocation(local)
			if err != nil {
				t.Fatal(err)
			}
			got := func() string {
				defer func(was *time.Location) { time.Local = was }(time.Local)
				time.Local = at
				l, err := ParseLayout(c.layout, loc)
				if err != nil {
					t.Fatal(err)
				}
				read, err := l.Parse(c.text)
				if err != nil {
					return "!" + err.Error()
				}
				return read.UTC().Format(time.RFC3339Nano)
			}()
			if got != c.want && (c.want[0] != '!' || got[0] != '!' || !strings.Contains(got, c.want[1:])) {
				t.Errorf("%q as %q in %q on a machine in %s is %s, want %s", c.text, c.layout, c.zone, local, got, c.want)
			}
		}
	}
}

func TestLayoutsThatAreRefused(t *testing.T) {
	for layout, want := range map[string]string{
		"%Q": "%Q, which is not known", "%s": "the format unix", "%Y-%m-%d %L": "decimals of a second are .%f", "%H%f": "follows a point",
		"%Y %": "ends in a %", "%Y Jan": `the text " Jan" in the layout`, "%W": "%W, which is not known", "%G-W%V": "write %Y", "iso": "no part of a time", "%%": "no part of a time",
	} {
		if _, err := ParseLayout(layout, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %s", layout, err, want)
		}
	}
	for _, name := range []string{"", "Local", "Mars/Olympus", "CEST"} {
		if _, err := Location(name); err == nil {
			t.Errorf("zone %q is taken", name)
		}
	}
}

func TestFormatsOfFields(t *testing.T) {
	for _, c := range []struct{ format, zone, want string }{
		{"", "Mars/Olympus", "not the name of a time zone"}, {"unix", "Europe/Berlin", "takes no zone"},
	} {
		if _, err := ParseTimeFormat(c.format, c.zone); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %q gives %v", c.format, c.zone, err)
		}
	}
	for format, want := range map[string]string{"unix": "to_date", "%Y-%m-%d %z": "to_date(x, zone)", "iso": "no part of a date", "%H:%M": "no part of a date, but one of the time of day", "15:04": "no part of a date"} {
		if _, err := ParseDateFormat(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("date %q gives %v", format, err)
		}
	}
	f, err := ParseTimeFormat("", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]string{
		"2026-01-03T10:00:00Z": "2026-01-03T10:00:00Z", "2026-01-03T10:00:00-05:00": "2026-01-03T15:00:00Z",
		"2026-01-03T10:00:00": "2026-01-03T09:00:00Z", "2026-01-03 10:00:00.5": "2026-01-03T09:00:00.5Z",
	} {
		if ns, ok := f.Parse([]byte(s)); !ok || string(AppendTime(nil, ns)) != want {
			t.Errorf("%s is %s, %t", s, AppendTime(nil, ns), ok)
		}
	}
}

func TestDates(t *testing.T) {
	for day := int64(-719162); day <= 2932896; day += 1 + day&7 {
		s := AppendDate(nil, day)
		if want := time.Unix(day*86400, 0).UTC().Format(time.DateOnly); string(s) != want {
			t.Fatalf("day %d is %s, want %s", day, s, want)
		}
		if got, ok := Date(s); !ok || got != day {
			t.Fatalf("%s is %d, %t", s, got, ok)
		}
	}
	for _, s := range []string{"", "0000-01-01", "2001-02-29", "1900-02-29", "2001-13-01", "2001-00-01", "2001-01-00", "2001-04-31", "2001-1-01", "2001/01/01", "2001-01-01 ", "20010101", "200a-01-01", "2001-01-0:"} {
		if _, ok := Date([]byte(s)); ok {
			t.Errorf("%q is a date", s)
		}
	}
	for _, c := range []struct{ format, text, want string }{
		{"02.01.2006", "03.01.2026", "2026-01-03"}, {"%d.%m.%Y", "03.01.2026", "2026-01-03"}, {"%d.%m.%Y", "31.12.9999", "9999-12-31"},
		{"2006-01-02 15:04:05", "2026-01-03 00:00:00", "2026-01-03"}, {"2006-01-02 15:04:05", "2026-01-03 00:00:01", ""}, {"date", "2026-01-03", "2026-01-03"},
	} {
		f, err := ParseDateFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if day, ok := f.Parse([]byte(c.text)); ok {
			got = string(AppendDate(nil, day))
		}
		if got != c.want {
			t.Errorf("%s as %q is %q, want %q", c.text, c.format, got, c.want)
		}
	}
}

func FuzzDate(f *testing.F) {
	f.Add("2026-01-03")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Date([]byte(s))
		want, err := time.Parse(time.DateOnly, s)
		if ok != (err == nil && want.Year() > 0) || ok && got != floorDay(want.Unix()) {
			t.Fatalf("Date(%q) = %d, %t, want %s, %v", s, got, ok, want, err)
		}
	})
}

func BenchmarkDate(b *testing.B) {
	s := []byte("2001-01-01")
	for b.Loop() {
		Date(s)
	}
}
