package expr

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// Wherever a text stands beside a date, a time or a duration, or a date beside a time, the
// hint says what to write, and that works.
func TestHintsOfTimes(t *testing.T) {
	env := mustType(t, "{d: date, e: date?, t: time, s: string, u: duration, k: int, l: [string]}")
	for _, c := range []struct{ source, hint, fixed string }{
		{`d < "2013-06-01"`, `write to_date("2013-06-01")`, `d < to_date("2013-06-01")`},
		{`"2013-06-01" != e`, `write to_date("2013-06-01")`, `to_date("2013-06-01") != e`},
		{`d - "2013-06-01"`, `write to_date("2013-06-01")`, `d - to_date("2013-06-01")`},
		{`d == "2013-06-01T10:00:00Z"`, `write to_date(time("2013-06-01T10:00:00Z"))`, `d == to_date(time("2013-06-01T10:00:00Z"))`},
		{`d == "01.06.2013"`, `write to_date("01.06.2013", "02.01.2006") for a text such as "31.12.2024"`, `d == to_date("01.06.2013", "02.01.2006")`},
		{`d in ["2013-06-01"]`, `write [to_date("2013-06-01")]`, `d in [to_date("2013-06-01")]`},
		{`d not in ["2013-06-01", s]`, `write [to_date("2013-06-01"), to_date(s)]`, `d not in [to_date("2013-06-01"), to_date(s)]`},
		{`d in ["1", "2"]`, `write to_date("1", "02.01.2006")`, ``},
		{`d in l`, "the items of l are text; declare it `[date]`", ``},
		{`"2013-06-01" in [d]`, `write to_date("2013-06-01")`, `to_date("2013-06-01") in [d]`},
		{`d in [t]`, `write time(d)`, `time(d) in [t]`},
		{`t in [d]`, `write to_date(t)`, `to_date(t) in [d]`},
		{`e ?? "2013-06-01"`, `write to_date("2013-06-01")`, `e ?? to_date("2013-06-01")`},
		{`coalesce(e, "2013-06-01")`, `write to_date("2013-06-01")`, `coalesce(e, to_date("2013-06-01"))`},
		{`coalesce(e, e, "2013-06-01")`, `write to_date("2013-06-01")`, `coalesce(e, e, to_date("2013-06-01"))`},
		{`k > 1 ? d : "2013-06-01"`, `write to_date("2013-06-01")`, `k > 1 ? d : to_date("2013-06-01")`},
		{`if k > 1 { "2013-06-01" } else { t }`, `write time("2013-06-01")`, `if k > 1 { time("2013-06-01") } else { t }`},
		{`max(d, "2013-06-01")`, `write to_date("2013-06-01")`, `max(d, to_date("2013-06-01"))`},
		{`min("2013-06-01", t)`, `write time("2013-06-01")`, `min(time("2013-06-01"), t)`},
		{`max(d, t)`, `make dates of both: to_date(t), or times: time(d)`, `max(d, to_date(t)) == d || max(time(d), t) == t`},
		{`[d, "2013-06-01"]`, `write to_date("2013-06-01")`, `[d, to_date("2013-06-01")]`},
		{`k > 1 ? d : t`, `make dates of both: to_date(t), or times: time(d)`, `k > 1 ? time(d) : t`},
		{`t >= "2013-06-01"`, `write time("2013-06-01")`, `t >= time("2013-06-01")`},
		{`t == "1.6."`, `write time("1.6.", "02.01.2006")`, ``},
		{`t ?? "2013-06-01"`, `write time("2013-06-01")`, `t ?? time("2013-06-01")`},
		{`t in ["2013-06-01"]`, `write [time("2013-06-01")]`, `t in [time("2013-06-01")]`},
		{`"2013-06-01" + duration("1d")`, `write to_date("2013-06-01")`, `to_date("2013-06-01") + duration("1d")`},
		{`"2013-06-01T00:00:00Z" + duration("1h")`, `write time("2013-06-01T00:00:00Z")`, `time("2013-06-01T00:00:00Z") + duration("1h")`},
		{`u > "1h"`, `write duration("1h")`, `u > duration("1h")`},
		{`u > "1"`, `write duration("1h30m")`, `u > duration("1h30m")`},
		{`u in ["1h", "2h"]`, `write [duration("1h"), duration("2h")]`, `u in [duration("1h"), duration("2h")]`},
		{`k > 1 ? u : "1h"`, `write duration("1h")`, `k > 1 ? u : duration("1h")`},
		{`d == s`, "use to_date(s)", `d == to_date(s)`},
		{`hour(s)`, "use time(s)", `hour(time(s))`},
		{`hour(d)`, `time(d, "Europe/Berlin"), in UTC time(d)`, `hour(time(d, "Europe/Berlin")) + hour(time(d))`},
		{`hour("2013-06-01")`, `write time("2013-06-01")`, `hour(time("2013-06-01"))`},
	} {
		var list diag.List
		Check(text(c.source), env, &list)
		if len(list) != 1 || !strings.Contains(list[0].Hint.String(), c.hint) {
			t.Errorf("%s\n%s\nwant the hint %s", c.source, printed(list), c.hint)
		}
		if c.fixed == "" {
			continue
		}
		list = nil
		if Check(text(c.fixed), env, &list); list.HasErrors() {
			t.Errorf("%s does not work:\n%s", c.fixed, printed(list))
		}
	}
	for _, c := range []struct {
		source string
		want   *types.Type
		hint   string
		fixed  []string
	}{
		{"d", types.Time, `'time(d, "Europe/Berlin")'`, []string{`time(d, "Europe/Berlin")`, "time(d)"}},
		{"s", types.Time, "time(s)", []string{"time(s)"}},
		{`"2013-06-01"`, types.Time.Opt(), `time("2013-06-01")`, []string{`time("2013-06-01")`}},
		{"k", types.Time, "from_unix(k)", []string{"from_unix(k)"}},
		{"t", types.Date, "to_date(t)", []string{"to_date(t)"}},
		{"k", types.Duration, `k * duration("1s")`, []string{`k * duration("1s")`}},
		{"5", types.Duration, `duration("5s")`, []string{`duration("5s")`}},
		{"s", types.Duration, "duration(s)", []string{"duration(s)"}},
	} {
		var list diag.List
		if Check(text(c.source), env, &list).Want(c.want, "it", &list) || !strings.Contains(list[0].Hint.String(), c.hint) {
			t.Errorf("%s for %s: %s, want the hint %s", c.source, c.want, printed(list), c.hint)
		}
		list = nil
		for _, source := range c.fixed {
			if !Check(text(source), env, &list).Want(c.want, "it", &list) {
				t.Errorf("%s does not work: %s", source, printed(list))
			}
		}
	}
}
