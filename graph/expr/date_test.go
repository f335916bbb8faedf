package expr

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
)

// What expressions make of dates: text, type, result as JSON, by closures and by kernels.
func TestDates(t *testing.T) {
	env := mustType(t, "{d: date, e: date?, t: time, w: duration, s: string}")
	b := batchOf(env, []any{20456, nil, "2026-01-03T23:30:00Z", "36h", "Nowhere"})
	for _, c := range []struct{ source, typ, want string }{
		{`d`, "date", `"2026-01-03"`},
		{`d + duration("1w")`, "date", `"2026-01-10"`},
		{`duration("1d") + d`, "date", `"2026-01-04"`},
		{`d - duration("3d")`, "date", `"2025-12-31"`},
		{`d - to_date("2025-12-31")`, "duration", `"72h0m0s"`},
		{`d - e`, "duration?", "null"},
		{`d < to_date("9999-12-31")`, "bool", "true"},
		{`d == to_date("03.01.2026", "02.01.2006")`, "bool", "true"},
		{`d == to_date("2026/01/03", "%Y/%m/%d")`, "bool", "true"},
		{`to_date(t)`, "date", `"2026-01-03"`},
		{`to_date(t, "Asia/Tokyo")`, "date", `"2026-01-04"`},
		{`time(d)`, "time", `"2026-01-03T00:00:00Z"`},
		{`time(d, "Europe/Berlin")`, "time", `"2026-01-02T23:00:00Z"`},
		{`string(d)`, "string", `"2026-01-03"`},
		{`format(d, "02.01.2006")`, "string", `"03.01.2026"`},
		{`[year(d), month(d), day(d), yearday(d), weekday(d), week(d)]`, "[int]", "[2026,1,3,3,6,1]"},
		{`d in [to_date("2026-01-03"), e]`, "bool", "true"},
		{`e ?? d`, "date", `"2026-01-03"`},
		{`d + w`, "date", `error: 36h0m0s is not whole days, and a date has no hours; make a time of the date first: time(d)`},
		{`try(d + duration("1h"))`, "date?", "null"},
		{`year(t, s)`, "int", `error: "Nowhere" is not the name of a time zone such as Europe/Berlin`},
		{`to_date(t, s)`, "date", `error: "Nowhere" is not the name of a time zone such as Europe/Berlin`},
		{`time(d, s)`, "time", `error: "Nowhere" is not the name of a time zone such as Europe/Berlin`},
		{`format(t, "2006", s)`, "string", `error: "Nowhere" is not the name of a time zone such as Europe/Berlin`},
		{`date(t, s)`, "time", `error: "Nowhere" is not the name of a time zone such as Europe/Berlin`},
		{`{day: d}`, "{day: date}", `{"day":"2026-01-03"}`},
		{`sort([to_date("0001-01-01"), d, to_date("1969-12-31")])`, "[date]", `["0001-01-01","1969-12-31","2026-01-03"]`},
	} {
		var list diag.List
		e := Check(text(c.source), env, &list)
		if len(list) > 0 {
			t.Errorf("%s\n%s", c.source, printed(list))
			continue
		}
		if e.Type().String() != c.typ {
			t.Errorf("%s is %s, want %s", c.source, e.Type(), c.typ)
		}
		for _, kernels := range []bool{false, true} {
			if got := eval(e.compile(kernels), b)[0]; got != c.want {
				t.Errorf("%s (kernels %v) gives %s, want %s", c.source, kernels, got, c.want)
			}
		}
	}
	for source, want := range map[string]string{
		`d < "2026-01-03"`:                       `to_date("2026-01-03")`,
		`d < t`:                                  "cannot apply",
		`to_date("9999-12-31") + duration("1d")`: "outside the years 1 to 9999",
		`d + 1`:                                  "cannot apply",
		`d + duration("1h")`:                     "1h0m0s is not whole days, and a date has no hours [E103]",
		`d - duration("36h")`:                    "make a time of the date first, time(d), or write whole days",
		`duration("1ms") + e`:                    "make a time of the date first, time(e), or write whole days",
		`d + duration("30m") * 2`:                "1h0m0s is not whole days, and a date has no hours [E103]",
		`to_date("03.01.2026")`:                  "03.01.2026",
		`to_date("2026-02-30")`:                  "2026-02-30",
		`to_date("10000-01-01")`:                 "10000-01-01",
		`to_date(t, "Nowhere/Anywhere")`:         "time zone",
	} {
		var list diag.List
		Check(text(source), env, &list)
		if !list.HasErrors() || !strings.Contains(printed(list), want) {
			t.Errorf("%s: no word of %q in %s", source, want, printed(list))
		}
	}
}
