package text

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// This file reads times by a layout, as Go writes them or as strptime does.

// A Layout is how a time is written. Many goroutines may use one at once.
type Layout struct {
	name    string         // as the user gave it
	layouts []string       // of package time; the first that fits counts
	loc     *time.Location // of texts without an offset; nil: UTC, and no abbreviation but those that mean it
	abbr    bool           // the layout has an abbreviation such as CET
	offset  bool           // the layout has an offset such as +01:00
}

// Two times that differ in everything look alike in a layout that has no part of a
// time. No zone is abbreviated by control characters.
var (
	probe        = time.Date(2001, 2, 3, 4, 5, 6, 7_000_001, time.UTC)
	otherProbe   = time.Date(2012, 11, 22, 21, 38, 47, 800_000_012, time.UTC)
	abbreviation = "\x01\x02"
)

var errNoPart = errors.New("the layout has no part of a time; it shows how 2006-01-02 15:04:05 would be written, or has directives of strptime, such as %Y-%m-%d %H:%M:%S")

// ParseLayout understands a layout of package time or, if there is a % in it, one of
// strptime. Texts without an offset are of zone loc, UTC if it is nil.
func ParseLayout(name string, loc *time.Location) (Layout, error) {
	layout, err := goLayout(name, false)
	if err != nil {
		return Layout{}, err
	}
	if probe.Format(layout) == otherProbe.Format(layout) {
		return Layout{}, errNoPart
	}
	in := func(abbr string, offset int) string { return probe.In(time.FixedZone(abbr, offset)).Format(layout) }
	l := Layout{name: name, layouts: []string{layout}, loc: loc}
	l.abbr = strings.Contains(in(abbreviation, 0), abbreviation)
	// Where a zone is shown as its offset, that makes a difference beyond the clock.
	wall := func(offset int) string {
		return time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("A", offset)).Format(layout)
	}
	l.offset = wall(0) != wall(3600)
	switch {
	case l.abbr: // Z and offsets may stand there as well
		for _, zone := range []string{"Z07:00", "Z0700", "Z07"} {
			l.layouts = append(l.layouts, strings.ReplaceAll(layout, "MST", zone))
		}
	case strings.Contains(name, "%z"): // as strptime of Python has it
		l.layouts = append(l.layouts, strings.ReplaceAll(layout, "-0700", "Z07:00"), strings.ReplaceAll(layout, "-0700", "Z0700"))
	}
	return l, nil
}

// Parse reads a time. Of a text that does not look like the layout the error is
// ErrNotLike; any other says what is wrong with it and what to do.
func (l Layout) Parse(s string) (time.Time, error) {
	t, err := time.ParseInLocation(l.layouts[0], s, time.UTC)
	numeric := false
	if name, _ := t.Zone(); err == nil && l.abbr && !l.offset && (strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-")) {
		err = ErrNotLike // Go takes +03 for a name, of no offset
	}
	for _, other := range l.layouts[1:] {
		if err == nil {
			break
		}
		t, err = time.ParseInLocation(other, s, time.UTC)
		numeric = err == nil
	}
	if err != nil {
		return time.Time{}, ErrNotLike
	}
	switch {
	case numeric || l.offset:
		return t, nil
	case l.abbr:
		return l.abbreviated(t)
	case l.loc == nil || l.loc == time.UTC:
		return t, nil
	}
	all := instants(t.Unix(), l.loc)
	if len(all) == 0 {
		return time.Time{}, fmt.Errorf("there is no %s in %s: the clocks were put forward over it", t.Format(time.DateTime), l.loc)
	}
	return time.Unix(all[0], int64(t.Nanosecond())), nil
}

// ErrNotLike is the error of Parse for a text that does not look like the layout.
var ErrNotLike = errors.New("it does not look like the layout")

// abbreviated gives the moment of a time whose zone is a name. Most names are those
// of several zones: IST is one of India, of Ireland and of Israel.
func (l Layout) abbreviated(t time.Time) (time.Time, error) {
	name, offset := t.Zone()
	if name == "UTC" || name == "GMT" {
		return t, nil
	}
	if l.loc == nil {
		return time.Time{}, fmt.Errorf("the abbreviation %s does not say which zone it is; name the place: "+
			"zone: Europe/Berlin on the field, time(x, layout, \"Europe/Berlin\") in an expression", name)
	}
	wall := t.Unix() + int64(offset)
	for _, sec := range instants(wall, l.loc) {
		if used, _ := time.Unix(sec, 0).In(l.loc).Zone(); used == name {
			return time.Unix(sec, int64(t.Nanosecond())), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s does not use the abbreviation %s at %s", l.loc, name, time.Unix(wall, 0).UTC().Format(time.DateTime))
}

// HasZone reports whether the layout has an offset or an abbreviation.
func (l Layout) HasZone() bool { return l.abbr || l.offset }

// directives maps those of strptime to parts of Go's layouts.
var directives = map[string]string{
	"Y": "2006", "y": "06", "m": "01", "d": "02", "e": "_2", "H": "15", "I": "03", "M": "04", "S": "05", "p": "PM",
	"b": "Jan", "h": "Jan", "B": "January", "a": "Mon", "A": "Monday", "j": "002", "z": "-0700", ":z": "-07:00", "Z": "MST",
	"F": "2006-01-02", "T": "15:04:05", "R": "15:04", "D": "01/02/06",
	"-d": "2", "-m": "1", "-I": "3", "-M": "4", "-S": "5",
	"n": "\n", "t": "\t", "%": "%",
}

// directiveHints say what to write in place of some that there are not.
var directiveHints = map[string]string{
	"s": "seconds since 1970 are the format unix", "c": "write out what it stands for, such as %a %b %d %H:%M:%S %Y",
	"x": "write out what it stands for, such as %d.%m.%Y", "X": "write out what it stands for, such as %H:%M:%S",
	"r": "write %I:%M:%S %p", "L": "decimals of a second are .%f", "N": "decimals of a second are .%f", "f": "it follows a point or a comma, as in %S.%f",
	"k": "write %H", "l": "write %I", "-H": "write %H", "P": "write %p", "G": "write %Y", "E": "write the directive without E", "O": "write the directive without O",
}

// GoLayout gives the layout of package time by which times are written: one of
// strftime is translated, anything without a % is one already.
func GoLayout(name string) (string, error) { return goLayout(name, true) }

func goLayout(name string, writing bool) (string, error) {
	if !isStrptime(name) {
		return name, nil
	}
	var parts []string
	for rest := name; rest != ""; {
		i := strings.IndexByte(rest, '%')
		if i != 0 {
			if i < 0 {
				i = len(rest)
			}
			literal := rest[:i]
			if probe.Format(literal) != literal || otherProbe.Format(literal) != literal {
				return "", fmt.Errorf("the text %q in the layout %q would be taken for a part of a time", literal, name)
			}
			parts, rest = append(parts, literal), rest[i:]
			continue
		}
		n := 2
		if len(rest) > 2 && (rest[1] == '-' || rest[1] == ':') {
			n = 3
		}
		if len(rest) < n {
			return "", fmt.Errorf("the layout %q ends in a %%; write %%%% for a percent sign", name)
		}
		word := rest[1:n]
		part, known := directives[word]
		if last := len(parts) - 1; word == "f" && last >= 0 && (strings.HasSuffix(parts[last], ".") || strings.HasSuffix(parts[last], ",")) {
			point := parts[last][len(parts[last])-1:]
			parts[last] = parts[last][:len(parts[last])-1]
			// Readers take any number of decimals, writers give microseconds as Python does.
			part, known = point+"999999999", true
			if writing {
				part = point + "000000"
			}
		}
		if !known {
			hint := "the directives are " + "%Y %y %m %d %e %j %H %I %M %S %p %b %B %a %A %z %Z %F %T %R %D and .%f"
			if h := directiveHints[word]; h != "" {
				hint = h
			}
			return "", fmt.Errorf("the layout %q has %%%s, which is not known here; %s", name, word, hint)
		}
		parts, rest = append(parts, part), rest[n:]
	}
	layout := strings.Join(parts, "")
	for _, t := range []time.Time{probe, otherProbe} {
		var apart strings.Builder
		for _, part := range parts {
			apart.WriteString(t.Format(part))
		}
		if apart.String() != t.Format(layout) {
			return "", fmt.Errorf("parts of the layout %q run into each other as %s; put a space or the like between them", name, layout)
		}
	}
	return layout, nil
}

// isStrptime reports whether a layout has directives that begin with %.
func isStrptime(layout string) bool { return strings.IndexByte(layout, '%') >= 0 }
