package window_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func joinFlow(with string) string {
	return fmt.Sprintf(`flow: near
types: {Flight: {id: int, date: time, origin: string, destination: string, delay: int, distance: int}}
nodes:
  in:    {use: file.read, with: {path: in.csv, as: Flight}}
  more:  {use: file.read, with: {path: more.csv, as: Flight}}
  left:  {use: map, in: in, with: {select: [id, date, destination]}}
  right: {use: map, in: more, with: {select: [id, date, origin], rename: {id: next, date: leaves}}}
  both:  {use: window_join, in: {left: left, right: right}, with: {on: {destination: origin}, time: {date: leaves}, %s}}
  out:   {use: file.write, in: both, with: {path: "-", format: csv}}
  ll:    {use: file.write, in: both.late_left, with: {path: left.csv}}
  lr:    {use: file.write, in: both.late_right, with: {path: right.csv}}
`, with)
}

// Flights that leave from where another one went, soon before or after, against a
// plain program that compares every item with every other one.
func TestJoinAgainstPlainProgram(t *testing.T) {
	flights := readFlights(t, 1000)
	var halves [2][]flight
	for i, f := range flights {
		side := i % 2
		if i > 600 && i%5 > 0 {
			side = 0
		}
		halves[side] = append(halves[side], f)
	}
	for i := range halves {
		halves[i] = shuffled(halves[i], time.Hour, uint64(i))
	}
	for _, c := range []struct {
		within, lateness time.Duration
		kind             string
		late             bool
	}{
		{10 * time.Minute, time.Hour, "inner", false},
		{10 * time.Minute, time.Hour, "left", false},
		{0, time.Minute, "left", true},
		{3 * time.Hour, time.Minute, "inner", true},
		{20 * time.Minute, 10 * time.Minute, "left", true},
	} {
		with := fmt.Sprintf("within: %s, lateness: %s, kind: %s", c.within, c.lateness, c.kind)
		t.Run(with, func(t *testing.T) {
			out, lates := plainJoin(halves, c.within, c.lateness, c.kind == "left")
			if (strings.Count(lates[0], "\n") > 1) != c.late || strings.Count(out, "\n") < 4 {
				t.Fatalf("the test shows nothing: %d lines, %d late", strings.Count(out, "\n"), strings.Count(lates[0], "\n"))
			}
			check(t, joinFlow(with), map[string]string{"in.csv": csvOf(halves[0]), "more.csv": csvOf(halves[1])},
				map[string]string{"-": out, "left.csv": lates[0], "right.csv": lates[1]})
		})
	}
}

func plainJoin(halves [2][]flight, within, lateness time.Duration, keep bool) (string, [2]string) {
	type held struct {
		flight
		order   int
		matched bool
		gone    bool
	}
	var out, late [2]strings.Builder
	out[0].WriteString("id,date,destination,next,leaves\n")
	late[0].WriteString("id,date,destination\n")
	late[1].WriteString("next,leaves,origin\n")
	var sides [2][]*held
	var seen [2]time.Time
	left := halves
	var watermark time.Time
	release := func(all bool) {
		var due []*held
		for _, h := range sides[0] {
			if !h.gone && (all || h.date.Add(within).Before(watermark)) {
				h.gone = true
				due = append(due, h)
			}
		}
		slices.SortFunc(due, func(a, b *held) int { return cmp.Or(a.date.Compare(b.date), a.order-b.order) })
		for _, h := range due {
			if keep && !h.matched {
				fmt.Fprintf(&out[0], "%d,%s,%s,,\n", h.id, stamp(h.date), h.destination)
			}
		}
	}
	for len(left[0])+len(left[1]) > 0 {
		side := 0
		if len(left[0]) == 0 || len(left[1]) > 0 && seen[1].Before(seen[0]) {
			side = 1
		}
		f := left[side][0]
		left[side] = left[side][1:]
		if f.date.Before(watermark) {
			where := f.destination
			if side == 1 {
				where = f.origin
			}
			fmt.Fprintf(&late[side], "%d,%s,%s\n", f.id, stamp(f.date), where)
		} else {
			me := &held{flight: f, order: len(sides[side])}
			sides[side] = append(sides[side], me)
			for _, other := range sides[1-side] {
				l, r := me, other
				if side == 1 {
					l, r = other, me
				}
				if l.destination == r.origin && l.date.Sub(r.date).Abs() <= within {
					l.matched = true
					fmt.Fprintf(&out[0], "%d,%s,%s,%d,%s\n", l.id, stamp(l.date), l.destination, r.id, stamp(r.date))
				}
			}
		}
		if f.date.After(seen[side]) {
			seen[side] = f.date
		}
		now := time.Time{}
		for i := range seen { // an input that has ended holds nothing back, but its end is seen only when it is read next
			if len(left[i]) > 0 || i == side {
				if now.IsZero() || seen[i].Before(now) {
					now = seen[i]
				}
				if seen[i].IsZero() {
					break
				}
			}
		}
		if now = now.Add(-lateness); now.After(watermark) {
			watermark = now
		}
		release(false)
	}
	release(true)
	return out[0].String(), [2]string{late[0].String(), late[1].String()}
}

func TestJoinSettings(t *testing.T) {
	flow := func(with string) string {
		return `flow: near
types: {L: {a: int, at: time, x: int}, R: {a: string, at: time, y: int, b: int}}
nodes:
  l:    {use: file.read, with: {path: in.jsonl, as: L}}
  r:    {use: file.read, with: {path: in.jsonl, as: R}}
  both: {use: window_join, in: {left: l, right: r}, with: ` + with + `}
  out:  {use: drop, in: both}
`
	}
	for with, want := range map[string]string{
		"{on: {x: y}, time: at}":                          "within",
		"{on: {x: y}, time: at, within: -1m}":             "within",
		"{on: {x: y}, time: at, within: 1m}":              `both have 2 fields: "a", "at"`,
		"{on: a, time: at, within: 1m}":                   "cannot be equal",
		"{on: {x: y}, time: {x: y}, within: 1m}":          "time must be a field of type time",
		"{on: {x: z}, time: at, within: 1m}":              `right has no field "z"`,
		"{on: {x: y}, time: [at, a], within: 1m}":         "time is one field of each side",
		"{on: {x: y}, time: at, within: 1m, kind: full}":  "kind",
		"{on: {x: y}, time: at, within: 1m, lateness: 1}": "lateness",
		"{on: {x: y}, time: {at: then}, within: 1m}":      `right has no field "then"`,
	} {
		t.Run(with, func(t *testing.T) {
			kit.Refuse(t, flow(with), map[string]string{"in.jsonl": ""}, want)
		})
	}
}

// Null keys have no partner, and an int and a float may be equal.
func TestJoinOfNulls(t *testing.T) {
	flow := `flow: near
types: {L: {k: int?, at: time?, x: int}, R: {k: float?, at: time, y: string}}
nodes:
  l:    {use: file.read, with: {path: l.jsonl, as: L}}
  r:    {use: file.read, with: {path: r.jsonl, as: R}}
  late: {use: map, in: r, with: {rename: {at: then}}}
  both: {use: window_join, in: {left: l, right: late}, with: {on: k, time: {at: then}, within: 1s, kind: left}, on_error: skip}
  out:  {use: file.write, in: both, with: {path: "-", format: jsonl}}
`
	at := func(s int) string { return time.Unix(int64(s), 0).UTC().Format(time.RFC3339) }
	check(t, flow, map[string]string{
		"l.jsonl": fmt.Sprintf(`{"k":1,"at":%q,"x":1}`+"\n"+`{"k":null,"at":%q,"x":2}`+"\n"+`{"k":1,"at":null,"x":3}`+"\n", at(5), at(5)),
		"r.jsonl": fmt.Sprintf(`{"k":null,"at":%q,"y":"a"}`+"\n"+`{"k":1.0,"at":%q,"y":"b"}`+"\n", at(5), at(6)),
	}, map[string]string{"-": fmt.Sprintf(`{"k":1,"at":%q,"x":1,"then":%q,"y":"b"}`+"\n"+`{"k":null,"at":%q,"x":2,"then":null,"y":null}`+"\n", at(5), at(6), at(5))})
}

// Long streams must not keep what can have no partner any more: the rows held are
// cleared away many times on the way, and pairs are still found.
func TestJoinOfLongStreams(t *testing.T) {
	flow := `flow: long
nodes:
  l:    {use: generate, with: {count: 14000, start: 2026-01-01, step: 1s, set: {k: n % 7, at: time, x: n}}}
  r:    {use: generate, with: {count: 7000, start: 2026-01-01, step: 2s, set: {k: n * 2 % 7, then: time, y: n * 2}}}
  both: {use: window_join, in: {left: l, right: r}, with: {on: k, time: {at: then}, within: 3s, kind: left}}
  sums: {use: group, in: both, with: {set: {n: count(), pairs: count(y), same: {value: count(), where: x == y}, x: sum(x)}}}
  out:  {use: file.write, in: sums, with: {path: "-", format: jsonl}}
`
	check(t, flow, nil, map[string]string{"-": `{"n":14000,"pairs":7000,"same":7000,"x":97993000}` + "\n"})
}

// A date is no time, and what the hints say about that works as it stands there.
func TestDatesAsTimes(t *testing.T) {
	in := map[string]string{"in.jsonl": ""}
	for _, c := range []struct{ typ, hint, time string }{
		{"date", `'time(at, "Europe/Berlin")'`, `'time(at, "Europe/Berlin")'`},
		{"date", "or time(at) in UTC", "time(at)"},
		{"string", "use time(at)", "time(at)"},
		{"int", "write from_unix(at)", "from_unix(at)"},
	} {
		days := func(time string) string {
			return "flow: days\nnodes:\n  r: {use: file.read, with: {path: in.jsonl, as: {at: " + c.typ + "}}}\n  w: {use: window, in: r, with: {time: " + time + ", size: 24h, set: {n: count()}}}\n  out: {use: drop, in: w}\n"
		}
		kit.Refuse(t, days("at"), in, "time must be time?, got "+c.typ, c.hint)
		if _, list := kit.Load(t, days(c.time), in); list.HasErrors() {
			t.Errorf("%s: %s", c.time, list)
		}
	}
	for typ, set := range map[string]string{
		"date":   `set: {at: 'time(at, "Europe/Berlin")'}`,
		"string": `set: {at: 'time(at)'}`,
		"int":    `set: {at: 'from_unix(at)'}`,
	} {
		near := func(l, r string) string {
			return "flow: near\ntypes: {L: {k: int, at: " + typ + "}, R: {k: int, at: " + typ + `}}
nodes:
  l:    {use: file.read, with: {path: in.jsonl, as: L}}
  r:    {use: file.read, with: {path: in.jsonl, as: R}}
  l2:   {use: map, in: l, with: {` + set + `}}
  r2:   {use: map, in: r, with: {` + set + `}}
  both: {use: window_join, in: {left: ` + l + `, right: ` + r + `}, with: {on: k, time: at, within: 1m, prefix: r_}}
  out:  {use: drop, in: both}
`
		}
		kit.Refuse(t, near("l", "r"), in, "time must be a field of type time, got "+typ, "make a time of it on both sides first, with map: `"+set+"`")
		if _, list := kit.Load(t, near("l2", "r2"), in); list.HasErrors() {
			t.Errorf("%s: %s", set, list)
		}
	}
}
