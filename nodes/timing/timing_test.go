package timing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestThrottle(t *testing.T) {
	const text = "0s a 1; 1s a 2; 2s b 3; 3999ms a 4; 4s a 5; 20s a 6; 30s end"
	expect(t, text, "throttle", "{every: 4s}", "0s a 1", "4s a 5", "20s a 6")
	expect(t, text, "throttle", "{every: 4s, by: key}", "0s a 1", "2s b 3", "4s a 5", "20s a 6")
	expect(t, text, "throttle", "{every: 4s, keep: last}", "4s a 4", "8s a 5", "24s a 6")
	expect(t, text, "throttle", "{every: 4s, keep: last, by: key}", "4s a 4", "6s b 3", "8s a 5", "24s a 6")
	// What waits at the end of the input leaves at once.
	expect(t, "1s a 1; 2s b 2; 3s a 3; 4s end", "throttle", "{every: 1h, keep: last, by: key}", "4s a 3", "4s b 2")
}

func TestDebounce(t *testing.T) {
	const text = "0s a 1; 2s a 2; 4s b 3; 6999ms a 4; 20s b 5; 21s end"
	expect(t, text, "debounce", "{quiet: 3s}", "9.999s a 4", "21s b 5")
	expect(t, text, "debounce", "{quiet: 3s, by: key}", "5s a 2", "7s b 3", "9.999s a 4", "21s b 5")
	// An item at the very end of the silence comes too late to replace the other.
	expect(t, "0s a 1; 3s a 2; 4s end", "debounce", "{quiet: 3s}", "3s a 1", "4s a 2")
	expect(t, "1s end", "debounce", "{quiet: 3s}")
}

func TestSampleTime(t *testing.T) {
	const text = "0s a 1; 1s a 2; 3s b 3; 9s a 4; 13s a 5; 13500ms end"
	expect(t, text, "sample_time", "{every: 4s}", "4s b 3", "12s a 4", "13.5s a 5")
	expect(t, text, "sample_time", "{every: 4s, by: key}", "4s a 2", "4s b 3", "12s a 4", "13.5s a 5")
}

func TestDelay(t *testing.T) {
	const text = "0s a 5; 1s a 1; 2s b 3; 2500ms a 0; 3s end"
	expect(t, text, "delay", "{for: 2s}", "2s a 5", "3s a 1", "4s b 3", "4.5s a 0")
	expect(t, text, "delay", "{for: 0s}", "0s a 5", "1s a 1", "2s b 3", "2.5s a 0")
	expect(t, text, "delay", "{for: 'duration(string(n) + \"s\")'}", "2s a 1", "2.5s a 0", "5s a 5", "5s b 3")
	expect(t, text, "delay", "{for: 1h, at_end: send}", "3s a 5", "3s a 1", "3s b 3", "3s a 0")
	// With two items held back, the third waits to be read.
	expect(t, text, "delay", "{for: 10s, pending: 2}", "10s a 5", "11s a 1", "20s b 3", "21s a 0")
}

// What has no delay is a failed item, and its neighbours go on.
func TestDelayOfBadItems(t *testing.T) {
	const text = "0s a 1; 1s a -1; 2s a 0; 3s end"
	for with, want := range map[string]string{
		`{for: 'duration(string(n) + "s")'}`:                       "the delay is negative: -1s",
		`{for: 'n < 0 ? null : duration("1s")'}`:                   "the delay is null",
		`{for: 'duration(string(1 / (n + 1)) + "s")'}`:             "",
		`{for: 'n < 0 ? duration("900000h") : duration("1s")'}`:    "the delay is longer than 100 years",
		`{for: 'n < 0 ? duration("900000h") : duration("999ms")'}`: "the delay is longer than 100 years",
	} {
		notes, r := play(t, text, fmt.Sprintf("  one: {use: delay, in: in, with: %s, on_error: skip}", with))
		if r.Err != nil || len(notes) != 2 {
			t.Errorf("%s: %v, %q", with, r.Err, notes)
		}
		if _, r := play(t, text, fmt.Sprintf("  one: {use: delay, in: in, with: %s}", with)); r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("%s: got the error %v, want %q", with, r.Err, want)
		}
	}
}

// Delays of chance, against a sort by when each item is due. The table is cleared
// several times on the way.
func TestDelayAgainstSort(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	type item struct{ due, n int }
	var items []item
	var text strings.Builder
	for i := range 8_000 {
		items = append(items, item{i + 1000*chance.IntN(30), i})
		fmt.Fprintf(&text, "%dms k%d %d; ", i, i, items[i].due-i)
	}
	slices.SortStableFunc(items, func(a, b item) int { return a.due - b.due })
	var want []string
	for _, x := range items {
		want = append(want, fmt.Sprintf("%s k%d %d", time.Duration(x.due)*time.Millisecond, x.n, x.due-x.n))
	}
	expect(t, text.String()+"8s end", "delay", `{for: 'duration(string(n) + "ms")'}`, want...)
}

func TestDelayOfManyItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := kit.Run(t, `flow: many
nodes:
  in:   {use: generate, with: {count: 60000}}
  one:  {use: delay, in: in, with: {for: 'duration(string(60 - n % 60) + "s")'}}
  list: {use: group, in: one, with: {set: {n: count(), first: first(n), last: last(n)}}}
  out:  {use: file.write, in: list, with: {path: "-", format: jsonl}}
`, nil, nodetest.Setup{})
		if took := time.Since(start); r.Err != nil || r.Stdout != "{\"n\":60000,\"first\":59,\"last\":59940}\n" || took != time.Minute {
			t.Errorf("%v, %s, %s", r.Err, r.Stdout, took)
		}
	})
}

func TestDelaySettings(t *testing.T) {
	refuse := func(with string, want ...string) {
		t.Helper()
		kit.Refuse(t, nodetest.One("{a: int, b: duration}", "delay", with), map[string]string{"in.jsonl": ""}, want...)
	}
	refuse("{}", "for")
	refuse("{for: -5s}", "cannot be negative")
	refuse("{for: 1000000h}", "longer than 100 years")
	refuse("{for: a}", "for must be duration", "got int")
	refuse("{for: c}", `unknown field "c"`)
	refuse("{for: 1s, pending: 0}", "pending")
	refuse("{for: 1s, at_end: now}", "at_end")
}

func TestSettings(t *testing.T) {
	for _, c := range []struct{ kind, with, want string }{
		{"throttle", "{}", "every"},
		{"throttle", "{every: 0s}", "every"},
		{"throttle", "{every: -1s}", "every"},
		{"throttle", "{every: 1s, by: c}", `unknown field "c"`},
		{"throttle", "{every: 1s, keep: middle}", "keep"},
		{"debounce", "{quiet: 5}", "quiet"},
		{"sample_time", "{every: 0s}", "every"},
		{"tick", "{every: 0s}", "every"},
		{"tick", "{every: 1s, after: -1s}", "after"},
		{"changed", "{by: [a, c]}", `unknown field "c"`},
		{"take_while", "{where: a}", "where must be bool"},
		{"take_until", "{}", "where"},
		{"start_with", "{rows: []}", "rows"},
		{"start_with", "{rows: [{a: 1}]}", `no value for "b"`},
		{"start_with", "{rows: [{a: 1, b: 2, c: 3}]}", `unknown field "c"`},
		{"start_with", "{rows: [{a: '\"x\"', b: 2}]}", "a must be int"},
		{"start_with", "{rows: [{a: b, b: 2}]}", `unknown field "b"`},
		{"scan", "{set: {c: a}}", "differs from row to row"},
		{"scan", "{set: {c: median(a)}}", "would read all items again"},
		{"scan", "{set: {c: collect(a)}}", "would read all items again"},
		{"scan", "{set: {c: {value: count(), were: a}}}", `did you mean "where"`},
	} {
		t.Run(c.kind+c.with, func(t *testing.T) {
			kit.Refuse(t, nodetest.One("{a: int, b: int}", c.kind, c.with), map[string]string{"in.jsonl": ""}, c.want)
		})
	}
}

func TestStartWithBeforeAnythingArrives(t *testing.T) {
	expect(t, "5s a 1; 6s end", "start_with", `{rows: [{key: '"x"', n: 7}]}`, "0s x 7", "5s a 1")
}

func TestTick(t *testing.T) {
	for with, want := range map[string][]string{
		"{every: 2s, count: 3}":               {"0s 0 0", "2s 1 2000000000", "4s 2 4000000000"},
		"{every: 1s, count: 2, after: 500ms}": {"500ms 0 500000000", "1.5s 1 1500000000"},
		"{every: 1s, count: 0}":               nil,
	} {
		var notes []string
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			r := kit.With(kinds(&notes)).Run(t, fmt.Sprintf(`flow: clock
nodes:
  in:  {use: tick, with: %s}
  one: {use: map, in: in, with: {set: {time: 'int((time - time("%s")) / duration("1ns"))'}}}
  out: {use: diary, in: one}
`, with, began.UTC().Format(time.RFC3339Nano)), nil, nodetest.Setup{})
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		})
		if !slices.Equal(notes, want) {
			t.Errorf("%s: got %q, want %q", with, notes, want)
		}
	}
}

// Ticks that were held up are made up for.
func TestTickMadeUpFor(t *testing.T) {
	var notes []string
	synctest.Test(t, func(t *testing.T) {
		r := kit.With(kinds(&notes)).Run(t, `flow: clock
nodes:
  in:   {use: tick, with: {every: 1s, count: 10}}
  n:    {use: map, in: in, with: {select: n}}
  slow: {use: delay, in: n, with: {for: 5s, pending: 1}}
  out:  {use: diary, in: slow}
`, nil, nodetest.Setup{Capacity: 1})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	})
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprintf("%ds %d", 5+5*i, i))
	}
	if !slices.Equal(notes, want) {
		t.Errorf("got %q, want %q", notes, want)
	}
}
