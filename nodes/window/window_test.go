package window_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// flow is one window over flights.csv.
func flow(with string) string {
	return fmt.Sprintf(`flow: windows
types: {Flight: {id: int, date: time, origin: string, destination: string, delay: int, distance: int}}
nodes:
  in:   {use: file.read, with: {path: in.csv, as: Flight}}
  win:  {use: window, in: in, with: {time: date, %s}}
  out:  {use: file.write, in: win, with: {path: "-", format: csv}}
  late: {use: file.write, in: win.late, with: {path: late.csv}}
`, with)
}

// Windows over flights out of order, against a plain program.
func TestAgainstPlainProgram(t *testing.T) {
	flights := readFlights(t, 600)
	for _, c := range []struct {
		with            string
		plain           plain
		lateness, bound time.Duration
		late            bool
	}{
		{"size: 1h", plain{size: time.Hour, every: time.Hour}, 30 * time.Minute, 30 * time.Minute, false},
		{"size: 1h", plain{size: time.Hour, every: time.Hour}, 5 * time.Minute, 2 * time.Hour, true},
		{"size: 1h", plain{size: time.Hour, every: time.Hour}, 0, 10 * time.Minute, true},
		{"size: 3h, every: 1h", plain{size: 3 * time.Hour, every: time.Hour}, 10 * time.Minute, 10 * time.Minute, false},
		{"size: 3h, every: 1h", plain{size: 3 * time.Hour, every: time.Hour}, time.Minute, 9 * time.Hour, true},
		{"session: 20m", plain{gap: 20 * time.Minute}, 30 * time.Minute, 30 * time.Minute, false},
		{"session: 20m", plain{gap: 20 * time.Minute}, 5 * time.Minute, 3 * time.Hour, true},
		{"session: 90m", plain{gap: 90 * time.Minute}, 0, time.Hour, false},
	} {
		t.Run(fmt.Sprintf("%s, lateness %s of %s", c.with, c.lateness, c.bound), func(t *testing.T) {
			arrivals := shuffled(flights, c.bound, 1)
			p, order := c.plain, map[int]int{}
			var newest, watermark time.Time
			for i, f := range arrivals {
				order[f.id] = i
				p.take(f, watermark, true)
				if f.date.After(newest) {
					newest = f.date
					watermark = newest.Add(-c.lateness)
				}
			}
			if (len(p.late) > 0) != c.late {
				t.Fatalf("%d items are late: the test shows nothing", len(p.late))
			}
			check(t, flow(fmt.Sprintf("%s, lateness: %s, by: origin, %s", c.with, c.lateness, windowSet)), map[string]string{"in.csv": csvOf(arrivals)},
				map[string]string{"-": p.text(order), "late.csv": csvOf(p.late)})
		})
	}
}

// Two inputs: what is read next is that of the input that has come least far.
func TestInputsAgainstPlainProgram(t *testing.T) {
	flights := readFlights(t, 600)
	var halves [2][]flight
	for i, f := range flights {
		side := 0
		if i > 200 && i%5 == 0 {
			side = 1
		}
		halves[side] = append(halves[side], f)
	}
	for i := range halves {
		halves[i] = shuffled(halves[i], time.Hour, uint64(i))
	}
	for _, c := range []struct {
		with     string
		plain    plain
		lateness time.Duration
	}{
		{"size: 1h", plain{size: time.Hour, every: time.Hour}, time.Hour},
		{"size: 1h", plain{size: time.Hour, every: time.Hour}, time.Minute},
		{"session: 20m", plain{gap: 20 * time.Minute}, 10 * time.Minute},
	} {
		p, order := c.plain, map[int]int{}
		var seen [2]time.Time
		left := halves
		var watermark time.Time
		for len(left[0])+len(left[1]) > 0 {
			side := 0
			if len(left[0]) == 0 || len(left[1]) > 0 && seen[1].Before(seen[0]) {
				side = 1
			}
			f := left[side][0]
			left[side] = left[side][1:]
			order[f.id] = len(order)
			p.take(f, watermark, true)
			if f.date.After(seen[side]) {
				seen[side] = f.date
			}
			now := time.Time{}
			for i := range seen {
				if (len(left[i]) > 0 || i == side) && (now.IsZero() || seen[i].Before(now)) {
					now = seen[i]
					if now.IsZero() {
						break
					}
				}
			}
			if now = now.Add(-c.lateness); now.After(watermark) {
				watermark = now
			}
		}
		text := strings.Replace(flow(fmt.Sprintf("%s, lateness: %s, by: origin, %s", c.with, c.lateness, windowSet)), "in: in,", "in: [in, more],", 1)
		text += "  more: {use: file.read, with: {path: more.csv, as: Flight}}\n"
		check(t, text, map[string]string{"in.csv": csvOf(halves[0]), "more.csv": csvOf(halves[1])},
			map[string]string{"-": p.text(order), "late.csv": csvOf(p.late)})
	}
}

func TestCount(t *testing.T) {
	flights := readFlights(t, 1200)
	for _, c := range []struct {
		with         string
		count, every int
	}{{"count: 7", 7, 7}, {"count: 7, every: 3", 7, 3}, {"count: 2, every: 5", 2, 5}, {"count: 1", 1, 1}} {
		var want strings.Builder
		want.WriteString(windowHead)
		of, keys := map[string][]flight{}, []string(nil)
		write := func(key string, items []flight) {
			w := plainWindow{key: key, items: items, start: items[0].date, end: items[len(items)-1].date} // the file is in order
			want.WriteString(w.line())
		}
		for _, f := range flights {
			if of[f.origin] == nil {
				keys = append(keys, f.origin)
			}
			of[f.origin] = append(of[f.origin], f)
			if n := len(of[f.origin]) - c.count; n >= 0 && n%c.every == 0 {
				write(f.origin, of[f.origin][n:])
			}
		}
		for _, key := range keys {
			items := of[key]
			for from := 0; from < len(items); from += c.every {
				if from+c.count > len(items) {
					write(key, items[from:])
				}
			}
		}
		check(t, flow(c.with+", by: origin, "+windowSet), map[string]string{"in.csv": csvOf(flights)}, map[string]string{"-": want.String()})
	}
	// Without a time there is no start and no end.
	kit.CheckOne(t, "{n: int}", "window", "{count: 2, set: {sum: sum(n)}}", `{"n":1}`+"\n"+`{"n":2}`+"\n"+`{"n":4}`+"\n", `{"sum":3}`+"\n"+`{"sum":4}`+"\n")
}

// The example of the package documentation.
func TestDocumentedExample(t *testing.T) {
	in := ""
	for i, at := range []string{"10:01", "10:08", "10:12", "10:09", "10:13", "10:07", "10:11"} {
		in += fmt.Sprintf("{\"at\":\"2026-01-01T%s:00Z\",\"name\":%q}\n", at, "abcdefg"[i:i+1])
	}
	flow := strings.Replace(nodetest.One("{at: time, name: string}", "window", `{time: at, size: 10m, lateness: 3m, set: {names: collect(name)}}`), "  out:",
		"  late: {use: file.write, in: one.late, with: {path: late.jsonl}}\n  out:", 1)
	check(t, flow, map[string]string{"in.jsonl": in}, map[string]string{
		"-": `{"start":"2026-01-01T10:00:00Z","end":"2026-01-01T10:10:00Z","names":["a","b","d"]}` + "\n" +
			`{"start":"2026-01-01T10:10:00Z","end":"2026-01-01T10:20:00Z","names":["c","e","g"]}` + "\n",
		"late.jsonl": `{"at":"2026-01-01T10:07:00Z","name":"f"}` + "\n",
	})
}

func TestEdgesOfWindows(t *testing.T) {
	item := func(at string, n int) string { return fmt.Sprintf("{\"at\":%q,\"n\":%d}\n", at, n) }
	row := func(start, end string, n int) string {
		return fmt.Sprintf("{\"start\":%q,\"end\":%q,\"n\":%d}\n", start, end, n)
	}
	for _, c := range []struct{ with, in, want string }{
		{"size: 1h", "", ""},
		// Before 1970, and on the very edge.
		{"size: 1h", item("1969-12-31T23:59:59.999999999Z", 1) + item("1970-01-01T00:00:00Z", 2),
			row("1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z", 1) + row("1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z", 2)},
		{"size: 24h, offset: 8h", item("2026-01-02T07:59:59Z", 1) + item("2026-01-02T08:00:00Z", 2),
			row("2026-01-01T08:00:00Z", "2026-01-02T08:00:00Z", 1) + row("2026-01-02T08:00:00Z", "2026-01-03T08:00:00Z", 2)},
		{"size: 24h, offset: -16h", item("2026-01-02T07:59:59Z", 1), row("2026-01-01T08:00:00Z", "2026-01-02T08:00:00Z", 1)},
		// Windows with room between them.
		{"size: 1m, every: 1h", item("2026-01-01T00:00:59Z", 1) + item("2026-01-01T00:01:00Z", 2) + item("2026-01-01T01:00:00Z", 4),
			row("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", 1) + row("2026-01-01T01:00:00Z", "2026-01-01T01:01:00Z", 4)},
		// An item with just the gap between begins a new session; one nanosecond less does not.
		{"session: 1m", item("2026-01-01T00:00:00Z", 1) + item("2026-01-01T00:00:59.999999999Z", 2) + item("2026-01-01T00:01:59.999999999Z", 4),
			row("2026-01-01T00:00:00Z", "2026-01-01T00:01:59.999999999Z", 3) + row("2026-01-01T00:01:59.999999999Z", "2026-01-01T00:02:59.999999999Z", 4)},
		// One item makes one session of two.
		{"session: 1m, lateness: 5m", item("2026-01-01T00:00:00Z", 1) + item("2026-01-01T00:01:30Z", 2) + item("2026-01-01T00:00:45Z", 4),
			row("2026-01-01T00:00:00Z", "2026-01-01T00:02:30Z", 7)},
	} {
		kit.CheckOne(t, "{at: time, n: int}", "window", "{time: at, "+c.with+", set: {n: sum(n)}}", c.in, c.want)
	}
}

func TestBadTimes(t *testing.T) {
	in := `{"at":"2026-01-01T00:00:00Z","n":1}` + "\n" + `{"at":null,"n":2}` + "\n" + `{"at":"2026-01-01T00:00:01Z","n":0}` + "\n" + `{"at":"1690-01-01T00:00:00Z","n":4}` + "\n"
	flow := nodetest.One("{at: time?, n: int}", "window", "{time: at, size: 1h, set: {n: sum(n), q: sum(1 / n)}}, on_error: skip")
	flow += "  bad: {use: file.write, in: one.errors, with: {path: bad.jsonl}}\n"
	flow = strings.Replace(flow, ", on_error: skip", "", 1)
	for _, setup := range nodetest.Few() {
		r := kit.Run(t, flow, map[string]string{"in.jsonl": in}, setup)
		if want := `{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T01:00:00Z","n":1,"q":1}` + "\n"; r.Err != nil || r.Stdout != want {
			t.Fatalf("%s: %v\n%s", setup, r.Err, r.Stdout)
		}
		bad := r.File("bad.jsonl")
		for _, want := range []string{`"error":"the time is null"`, "division by zero", "before 1844"} {
			if strings.Count(bad, want) != 1 {
				t.Errorf("%s: no word of %q in\n%s", setup, want, bad)
			}
		}
	}
	r := kit.Run(t, nodetest.One("{at: time?, n: int}", "window", "{time: at, size: 1h, set: {n: sum(n)}}"), map[string]string{"in.jsonl": in}, nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), `the time is null`) || !strings.Contains(r.Err.Error(), `item: {"at":null,"n":2}`) {
		t.Error(r.Err)
	}
	// A result that does not fit is a failed item, shown by its key and window.
	r = kit.Run(t, nodetest.One("{at: time, n: int}", "window", "{time: at, size: 1h, by: n, set: {sum: sum(n + 0)}}"), map[string]string{
		"in.jsonl": strings.Repeat(`{"at":"2026-01-01T00:00:00Z","n":9223372036854775807}`+"\n", 2)}, nodetest.Setup{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), `"n":9223372036854775807,"start":"2026-01-01T00:00:00Z"`) {
		t.Error(r.Err)
	}
}

func TestSettings(t *testing.T) {
	for with, want := range map[string]string{
		"{set: {n: count()}}":                                     "what a window is",
		"{size: 1h, set: {n: count()}}":                           "the time of an item",
		"{time: n, size: 1h, set: {n: count()}}":                  "time must be time",
		"{time: at, size: 0s, set: {n: count()}}":                 "size",
		"{time: at, size: -1h, set: {n: count()}}":                "size",
		"{time: at, size: 1h, session: 1m, set: {n: count()}}":    "exclude each other",
		"{time: at, size: 1h, every: 5, set: {n: count()}}":       "want a duration above zero",
		"{time: at, size: 1h, every: 0s, set: {n: count()}}":      "want a duration of 1ms or more",
		"{time: at, size: 10h, every: 1ms, set: {n: count()}}":    "more than 10000 windows",
		"{time: at, session: 1h, every: 1m, set: {n: count()}}":   "every has no effect",
		"{count: 5, every: 1m, set: {n: count()}}":                "want a number of items",
		"{count: 5, lateness: 1m, set: {n: count()}}":             "wait for nothing",
		"{count: 5, offset: 1m, set: {n: count()}}":               "offset",
		"{time: at, size: 1h, by: start, set: {n: count()}}":      `unknown field "start"`,
		"{time: at, size: 1h, by: {start: n}, set: {n: count()}}": `two fields would be called "start"`,
		"{time: at, size: 1h, set: {end: count()}}":               `two fields would be called "end"`,
		"{time: at, size: 1h, lateness: -1m, set: {n: count()}}":  "lateness",
		"{count: 5}": "computes nothing",
		"{time: at, size: 1h, by: n + 1, set: {c: count()}}": "has no name",
	} {
		t.Run(with, func(t *testing.T) {
			kit.Refuse(t, nodetest.One("{at: time, n: int}", "window", with), map[string]string{"in.jsonl": ""}, want)
		})
	}
}

// A silent input holds windows back until it has been idle for long enough.
func TestIdle(t *testing.T) {
	for idle, want := range map[string]time.Duration{"": 20 * time.Second, ", idle: 3s": 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			flow := fmt.Sprintf(`flow: idle
nodes:
  busy:   {use: generate, with: {count: 3, start: 2026-01-01, step: 1h}}
  slow:   {use: tick, with: {every: 20s, count: 2}}
  silent: {use: map, in: slow, with: {set: {n: n, time: 'time("2026-01-01")'}}}
  win:    {use: window, in: [busy, silent], with: {time: time, size: 1h, set: {n: count()}%s}}
  first:  {use: limit, in: win, with: {count: 1}}
  out:    {use: drop, in: first}
`, idle)
			start := time.Now()
			if r := kit.Run(t, flow, nil, nodetest.Setup{}); r.Err != nil {
				t.Fatal(r.Err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("idle %q: the first window came after %s, want %s", idle, took, want)
			}
		})
	}
}
