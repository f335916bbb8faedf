package timing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/timing"
)

// ticksOf runs a tick by cron in virtual time from a moment on, until another, and gives the
// ticks as the clock of the zone shows them, with its offset.
func ticksOf(t *testing.T, with, zone, from, until string) (ticks []string) {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	moment := func(text string) time.Time {
		m, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var notes []string
	var start time.Time
	flow := fmt.Sprintf("flow: night\nnodes:\n  clock: {use: tick, with: {zone: %q, %s}}\n  out: {use: diary, in: clock}\n", zone, with)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(moment(from)))
		start = time.Now()
		r := kit.With(kinds(&notes)).Run(t, flow, nil, nodetest.Setup{Begun: func(stop func()) {
			time.AfterFunc(time.Until(moment(until)), stop)
		}})
		if r.Err != nil {
			t.Error(r.Told())
		}
	})
	for i, note := range notes {
		var passed string
		var n, ns int64
		if _, err := fmt.Sscan(note, &passed, &n, &ns); err != nil {
			t.Fatal(note, err)
		}
		took, _ := time.ParseDuration(passed)
		if due := time.Unix(0, ns); !start.Add(took).Equal(due) || n != int64(i) {
			t.Errorf("tick %d, number %d, was given %s after it was due", i, n, start.Add(took).Sub(due))
		}
		ticks = append(ticks, time.Unix(0, ns).In(location).Format("02 15:04:05 -0700"))
	}
	return ticks
}

// The table of the docs, and zones that do it in another way: in half an hour, at midnight,
// in the other half of the year, by a whole day, not at all.
func TestCronWhenTheClockJumps(t *testing.T) {
	const berlin, newYork, lordHowe, havana, apia, kolkata = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia", "Asia/Kolkata"
	for _, c := range []struct {
		zone, cron, from, until string // from and until in UTC
		want                    string
	}{
		{berlin, "30 2 * * *", "2026-03-28 00:00", "2026-03-30 12:00", "28 02:30:00 +0100, 29 03:00:00 +0200, 30 02:30:00 +0200"},
		{berlin, "0,30 2 * * *", "2026-03-28 23:00", "2026-03-29 12:00", "29 03:00:00 +0200"},
		{berlin, "0 3 * * *", "2026-03-28 23:00", "2026-03-29 12:00", "29 03:00:00 +0200"},
		{berlin, "0 2,3 * * *", "2026-03-28 23:00", "2026-03-29 12:00", "29 03:00:00 +0200"},
		{berlin, "30 1,3 * * *", "2026-03-28 23:00", "2026-03-29 12:00", "29 01:30:00 +0100, 29 03:30:00 +0200"},
		{berlin, "0 */2 * * *", "2026-03-28 22:30", "2026-03-29 02:30", "29 00:00:00 +0100, 29 03:00:00 +0200, 29 04:00:00 +0200"},
		{berlin, "30 * * * *", "2026-03-29 00:00", "2026-03-29 02:00", "29 01:30:00 +0100, 29 03:30:00 +0200"},
		{berlin, "30 2 * * *", "2026-10-24 00:00", "2026-10-26 12:00", "24 02:30:00 +0200, 25 02:30:00 +0200, 26 02:30:00 +0100"},
		{berlin, "0,30 2 * * *", "2026-10-24 22:00", "2026-10-25 12:00", "25 02:00:00 +0200, 25 02:30:00 +0200"},
		{berlin, "30 2 * * *", "2026-10-25 00:45", "2026-10-25 12:00", ""}, // it was 02:30 before the start
		{berlin, "0 */2 * * *", "2026-10-24 21:30", "2026-10-25 03:30", "25 00:00:00 +0200, 25 02:00:00 +0200, 25 04:00:00 +0100"},
		{berlin, "30 * * * *", "2026-10-24 23:00", "2026-10-25 03:00", "25 01:30:00 +0200, 25 02:30:00 +0200, 25 02:30:00 +0100, 25 03:30:00 +0100"},
		{newYork, "30 2 * * *", "2026-03-07 12:00", "2026-03-09 12:00", "08 03:00:00 -0400, 09 02:30:00 -0400"},
		{newYork, "30 1 * * *", "2026-10-31 12:00", "2026-11-02 12:00", "01 01:30:00 -0400, 02 01:30:00 -0500"},
		{lordHowe, "15 2 * * *", "2026-10-03 00:00", "2026-10-04 12:00", "04 02:30:00 +1100"},
		{lordHowe, "45 1 * * *", "2026-04-04 00:00", "2026-04-05 00:00", "05 01:45:00 +1100"},
		{havana, "0 0 * * *", "2026-03-07 12:00", "2026-03-09 12:00", "08 01:00:00 -0400, 09 00:00:00 -0400"},
		{havana, "30 0 * * *", "2026-10-31 12:00", "2026-11-01 12:00", "01 00:30:00 -0400"},
		{apia, "0 12 * * *", "2011-12-29 12:00", "2011-12-31 12:00", "29 12:00:00 -1000, 31 00:00:00 +1400, 31 12:00:00 +1400"},
		{kolkata, "30 2 * * *", "2026-03-28 12:00", "2026-03-30 12:00", "29 02:30:00 +0530, 30 02:30:00 +0530"},
		{"UTC", "30 2 * * *", "2026-03-28 12:00", "2026-03-30 12:00", "29 02:30:00 +0000, 30 02:30:00 +0000"},
		{berlin, "@daily", "2026-03-28 12:00", "2026-03-30 12:00", "29 00:00:00 +0100, 30 00:00:00 +0200"},
		{berlin, "*/30 30 2 29 mar *", "2026-03-28 12:00", "2026-03-30 12:00", "29 03:00:00 +0200"},
		{berlin, "0 9 * * mon-fri", "2026-10-23 00:00", "2026-10-27 00:00", "23 09:00:00 +0200, 26 09:00:00 +0100"},
	} {
		t.Run(c.zone+"/"+c.cron+"/"+c.from, func(t *testing.T) {
			if got := strings.Join(ticksOf(t, "cron: '"+c.cron+"'", c.zone, c.from, c.until), ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Ticks are missed while the sink is not ready: it takes the first at 00:01 and is busy
// until 00:31:30, while one more waits at its door and one in the hands of the source.
func TestCronMissed(t *testing.T) {
	for missed, want := range map[string]string{
		"skip": "00:01 00:02 00:03 00:31 00:32 00:33",
		"one":  "00:01 00:02 00:03 00:31 00:32 00:33",
		"all":  "00:01 00:02 00:03 00:04 00:05 00:06",
	} {
		t.Run(missed, func(t *testing.T) {
			if got := lateTicks(t, "* * * * *", missed, 6, 30*time.Minute+30*time.Second); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// A tick that is the only one since, and late: 00:10 cannot be given before 00:31.
func TestCronLate(t *testing.T) {
	for missed, want := range map[string]string{
		"skip": "00:10 00:20 00:30 00:50 01:00 01:10",
		"one":  "00:10 00:20 00:30 00:40 00:50 01:00",
		"all":  "00:10 00:20 00:30 00:40 00:50 01:00",
	} {
		t.Run(missed, func(t *testing.T) {
			if got := lateTicks(t, "*/10 * * * *", missed, 6, 35*time.Minute); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// lateTicks gives the ticks that come to a sink which is busy for a while with the first.
func lateTicks(t *testing.T, cron, missed string, count int, busy time.Duration) string {
	var got []string
	sink := nodes.Kind("late", "Is busy with its first item.", &lateSink{busy: busy, due: &got}, nodes.InPort(graph.Port{Name: "in"}), nodes.Workers(graph.Single))
	before := record.Live()
	synctest.Test(t, func(t *testing.T) {
		flow := fmt.Sprintf("nodes:\n  clock: {use: tick, with: {cron: %q, missed: %s, count: %d}}\n  out: {use: late, in: {from: clock, capacity: 1}}\n", cron, missed, count)
		if r := kit.With([]nodes.Decl{sink}).Run(t, flow, nil, nodetest.Setup{Capacity: 1, Batch: 1}); r.Err != nil {
			t.Error(r.Told())
		}
	})
	if live := record.Live(); live != before {
		t.Errorf("%d batches were not given back", live-before)
	}
	return strings.Join(got, " ")
}

// A lateSink is busy with its first item.
type lateSink struct {
	busy time.Duration
	due  *[]string
}

func (*lateSink) Needs(c *graph.Needs) { c.In("in", graph.AllFields()) }

func (s *lateSink) Operator(*nodes.Env) (nodes.Operator, error) {
	return nodes.Serially(func(_ context.Context, in nodes.Input, _ nodes.Out) error {
		if len(*s.due) == 0 {
			time.Sleep(s.busy)
		}
		b := in.Data.(*record.Batch)
		for i := range b.Len() {
			*s.due = append(*s.due, time.Unix(0, b.Cols[1].Int[b.Row(i)]).UTC().Format("15:04"))
		}
		return nil
	}), nil
}

func TestCronSettings(t *testing.T) {
	for with, want := range map[string]string{
		`{}`:                                      `the key "every" or "cron" is required`,
		`{every: 1s, cron: "* * * * *"}`:          "exclude each other",
		`{cron: "30 2 * *"}`:                      "is no schedule",
		`{cron: "61 2 * * *"}`:                    "is no schedule",
		`{cron: "0 0 30 2 *"}`:                    "never due",
		`{cron: "30 2 * * 8"}`:                    "8 is no day of the week",
		`{cron: "30 2 * * 7-9"}`:                  "7-9 is no day of the week",
		`{cron: "30 2 * * 7-2"}`:                  "is no schedule",
		`{cron: "30 2 * * sun-"}`:                 "is no schedule",
		`{cron: "30 2 * * 5-7/0"}`:                "is no schedule",
		`{cron: "@every 1m"}`:                     "is an interval",
		`{cron: "TZ=UTC 30 2 * * *"}`:             "has a time zone in it",
		`{cron: "30 2 * * *", zone: Europe/Bonn}`: "is no time zone",
		`{cron: "30 2 * * *", after: 1m}`:         "after is for every",
		`{cron: "30 2 * * *", missed: some}`:      "missed",
		`{every: 1m, zone: Europe/Berlin}`:        "are for cron",
	} {
		_, list := kit.Load(t, "nodes:\n  c: {use: tick, with: "+with+"}\n  out: {use: drop, in: c}\n", nil)
		if told := nodetest.Printed(list); !strings.Contains(told, want) {
			t.Errorf("%s: %s, want %s", with, told, want)
		}
	}
}

// Sunday is 0 and 7, as in every crontab; a week of 2026 that begins on a Monday, the 5th of
// January, is read for each line.
func TestCronSunday(t *testing.T) {
	for days, want := range map[string]string{
		"7": "11", "0": "11", "sun": "11", "SUN": "11", "0,7": "11", "7,3": "07 11",
		"5-7": "09 10 11", "fri-sun": "09 10 11", "fri-7": "09 10 11", "5-SUN": "09 10 11", "6-7,2": "06 10 11",
		"0-7": "05 06 07 08 09 10 11", "0-7/2": "06 08 10 11", "1-7": "05 06 07 08 09 10 11", "1-7/3": "05 08 11", "mon-sun/2": "05 07 09 11",
		"7-7": "11", "7/2": "11", "sun-sun": "11", "sun-tue": "05 06 11", "4/2": "08 10", "mon-fri": "05 06 07 08 09", "*/3": "07 10 11",
	} {
		var got []string
		for _, tick := range ticksOf(t, "cron: '0 12 * * "+days+"'", "UTC", "2026-01-05 00:00", "2026-01-12 00:00") {
			got = append(got, tick[:2])
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: got %s, want %s", days, got, want)
		}
	}
}

// FuzzCron looks for lines and moments that hang, go back, or are given twice.
func FuzzCron(f *testing.F) {
	f.Add("30 2 * * *", int64(1774742400), "Europe/Berlin")
	f.Add("*/7 */3 29 2 *", int64(0), "Australia/Lord_Howe")
	f.Fuzz(func(t *testing.T, line string, from int64, zone string) {
		location, err := time.LoadLocation(zone)
		if err != nil || from < 0 || from > 1<<32 {
			t.Skip()
		}
		last := time.Unix(from, 0)
		for _, due := range timing.DueAfter(line, location, last, 20) {
			if !due.After(last) {
				t.Fatalf("%q in %s: %s is due after %s", line, zone, due, last)
			}
			last = due
		}
	})
}
