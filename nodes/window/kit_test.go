package window_test

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

// kit runs flows with all kinds that come with flowrun.
var kit = nodetest.New(std.Nodes)

// A flight is a line of flights.csv.
type flight struct {
	id, delay, distance int
	date                time.Time
	origin, destination string
}

func (f flight) line() string {
	return fmt.Sprintf("%d,%s,%s,%s,%d,%d\n", f.id, stamp(f.date), f.origin, f.destination, f.delay, f.distance)
}

const flightHead = "id,date,origin,destination,delay,distance\n"

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// readFlights reads the first n flights of the shipped data.
func readFlights(t *testing.T, n int) []flight {
	t.Helper()
	f, err := os.Open("../../flows/data/flights.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) int {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var all []flight
	for _, r := range rows[1:min(n+1, len(rows))] {
		date, err := time.Parse(time.RFC3339, r[1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, flight{number(r[0]), number(r[4]), number(r[5]), date, r[2], r[3]})
	}
	return all
}

// shuffled gives flights in the order of arrival, each up to a bound after its
// date.
func shuffled(flights []flight, bound time.Duration, seed uint64) []flight {
	chance := rand.New(rand.NewPCG(seed, 7))
	type arrival struct {
		flight
		at time.Time
	}
	var arrivals []arrival
	for _, f := range flights {
		arrivals = append(arrivals, arrival{f, f.date.Add(time.Duration(chance.Int64N(int64(bound))))})
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return a.at.Compare(b.at) })
	out := make([]flight, len(arrivals))
	for i, a := range arrivals {
		out[i] = a.flight
	}
	return out
}

func csvOf(flights []flight) string {
	var b strings.Builder
	b.WriteString(flightHead)
	for _, f := range flights {
		b.WriteString(f.line())
	}
	return b.String()
}

// check runs a flow in all setups that matter and compares two of its files.
func check(t *testing.T, flow string, files, want map[string]string) {
	t.Helper()
	for _, setup := range nodetest.Few() {
		r := kit.Run(t, flow, files, setup)
		if r.Err != nil {
			t.Fatalf("%s: %v", setup, r.Err)
		}
		for name, text := range want {
			if got := r.File(name); got != text {
				t.Fatalf("%s: %s: %s", setup, name, difference(got, text))
			}
		}
	}
}

// difference shows where two texts part.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(end)", "(end)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d of %d, want %d:\n got %s\nwant %s", i+1, len(g), len(w), a, b)
		}
	}
	return "no difference"
}

// A plainWindow is a window and key of the plain program.
type plainWindow struct {
	key        string
	start, end time.Time
	order      int // in which windows were begun
	items      []flight
}

func (w *plainWindow) add(f flight) { w.items = append(w.items, f) }

func (w *plainWindow) line() string {
	n, sum, worst := 0, 0, -1<<60
	for _, f := range w.items {
		n, sum, worst = n+1, sum+f.delay, max(worst, f.delay)
	}
	return fmt.Sprintf("%s,%s,%s,%d,%d,%d,%d,%d\n", w.key, stamp(w.start), stamp(w.end), n, sum, worst, w.items[0].id, w.items[len(w.items)-1].id)
}

const windowHead = "origin,start,end,n,sum,worst,first,last\n"

const windowSet = "set: {n: count(), sum: sum(delay), worst: max(delay), first: first(id), last: last(id)}"

// plain is the plain program: one item at a time, nothing shared with the kind.
type plain struct {
	size, every, gap time.Duration // gap: sessions
	late             []flight
	windows          []*plainWindow
}

// take puts an item in, at a watermark.
func (p *plain) take(f flight, watermark time.Time, keyed bool) {
	key := ""
	if keyed {
		key = f.origin
	}
	if p.gap > 0 {
		p.session(f, key, watermark)
		return
	}
	in := false
	for start := f.date.Truncate(p.every); start.Add(p.size).After(f.date); start = start.Add(-p.every) {
		if !start.Add(p.size).After(watermark) {
			continue
		}
		in = true
		at := slices.IndexFunc(p.windows, func(w *plainWindow) bool { return w.key == key && w.start.Equal(start) })
		if at < 0 {
			at = len(p.windows)
			p.windows = append(p.windows, &plainWindow{key: key, start: start, end: start.Add(p.size), order: at})
		}
		p.windows[at].add(f)
	}
	if !in {
		p.late = append(p.late, f)
	}
}

func (p *plain) session(f flight, key string, watermark time.Time) {
	mine := &plainWindow{key: key, start: f.date, end: f.date.Add(p.gap), order: p.count()}
	if !mine.end.After(watermark) {
		p.late = append(p.late, f)
		return
	}
	mine.add(f)
	var rest []*plainWindow
	for _, w := range p.windows {
		if w.key == key && w.end.After(watermark) && f.date.Before(w.end) && w.start.Before(f.date.Add(p.gap)) {
			mine.items = append(mine.items, w.items...)
			if w.start.Before(mine.start) {
				mine.start = w.start
			}
			if w.end.After(mine.end) {
				mine.end = w.end
			}
			mine.order = min(mine.order, w.order)
			continue
		}
		rest = append(rest, w)
	}
	p.windows = append(rest, mine)
}

func (p *plain) count() int {
	n := 0
	for _, w := range p.windows {
		n = max(n, w.order+1)
	}
	return n
}

// text gives all windows in order, as CSV.
func (p *plain) text(arrival map[int]int) string {
	slices.SortFunc(p.windows, func(a, b *plainWindow) int { return cmp.Or(a.end.Compare(b.end), cmp.Compare(a.order, b.order)) })
	var b strings.Builder
	b.WriteString(windowHead)
	for _, w := range p.windows {
		slices.SortFunc(w.items, func(a, b flight) int { return arrival[a.id] - arrival[b.id] })
		b.WriteString(w.line())
	}
	return b.String()
}
