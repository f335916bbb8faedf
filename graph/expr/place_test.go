package expr

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

// The moment that a text means depends on a place: that which the text names by an offset,
// that of the third argument, or UTC, and never on the machine.
func TestTimesOfPlaces(t *testing.T) {
	const layout, local = `"2006-01-02 15:04 MST"`, `"2006-01-02 15:04"`
	for source, want := range map[string]string{
		`time("2026-01-03 10:00 UTC", ` + layout + `)`:                                       `"2026-01-03T10:00:00Z"`,
		`time("2026-01-03 10:00 GMT", ` + layout + `)`:                                       `"2026-01-03T10:00:00Z"`,
		`time("2026-01-03 10:00 Z", ` + layout + `)`:                                         `"2026-01-03T10:00:00Z"`,
		`time("2026-01-03 10:00 -05:00", ` + layout + `)`:                                    `"2026-01-03T15:00:00Z"`,
		`time("2026-01-03 10:00 EST", ` + layout + `)`:                                       "!E103 the abbreviation EST does not say which zone it is",
		`time("2026-01-03 10:00 CET", ` + layout + `)`:                                       "!E103 the abbreviation CET does not say which zone it is",
		`time("2026-01-03 10:00 XYZ", ` + layout + `)`:                                       "!E103 the abbreviation XYZ does not say which zone it is",
		`time(est, ` + layout + `)`:                                                          `error: "2026-01-03 10:00 EST": the abbreviation EST does not say which zone it is`,
		`time(est, ` + layout + `, "America/New_York")`:                                      `"2026-01-03T15:00:00Z"`,
		`time(est, ` + layout + `, "Europe/Berlin")`:                                         `error: "2026-01-03 10:00 EST": Europe/Berlin does not use the abbreviation EST`,
		`time("2026-01-03 10:00", ` + local + `, "Europe/Berlin")`:                           `"2026-01-03T09:00:00Z"`,
		`time("2026-01-03 10:00", "", "Europe/Berlin")`:                                      `"2026-01-03T09:00:00Z"`,
		`time("2026-01-03 10:00", "%Y-%m-%d %H:%M", "Asia/Tokyo")`:                           `"2026-01-03T01:00:00Z"`,
		`time("2026-10-25 02:30", ` + local + `, "Europe/Berlin")`:                           `"2026-10-25T00:30:00Z"`,
		`time("2026-03-29 02:30", ` + local + `, "Europe/Berlin")`:                           "!E103 there is no 2026-03-29 02:30:00 in Europe/Berlin",
		`time(gap, ` + local + `, "Europe/Berlin")`:                                          `error: "2026-03-29 02:30": there is no 2026-03-29 02:30:00 in Europe/Berlin`,
		`time("2026-01-03 10:00", ` + local + `, "Mars/Olympus")`:                            `!E103 "Mars/Olympus" is not the name of a time zone`,
		`time("2026-01-03 10:00", ` + local + `, "CEST")`:                                    `!E103 "CEST" is not the name of a time zone`,
		`time("2026-01-03T10:00:00.25+0100", "%Y-%m-%dT%H:%M:%S.%f%z")`:                      `"2026-01-03T09:00:00.25Z"`,
		`date(time("2018-11-04T12:00:00Z"), "America/Sao_Paulo")`:                            `"2018-11-04T03:00:00Z"`, // midnight is skipped
		`to_date(time("2018-11-04T12:00:00Z"), "America/Sao_Paulo")`:                         `"2018-11-04"`,
		`time(to_date("2018-11-04"), "America/Sao_Paulo")`:                                   `"2018-11-04T03:00:00Z"`,
		`date(date(time("2018-11-04T12:00:00Z"), "America/Sao_Paulo"), "America/Sao_Paulo")`: `"2018-11-04T03:00:00Z"`,
		`date(time("2026-01-03T23:30:00Z"))`:                                                 `"2026-01-03T00:00:00Z"`, // a time still
		`time("9999-12-31T00:00:00Z")`:                                                       "!E103 9999-12-31 is no time: times go from 1677-09-21 to 2262-04-11; a date goes to the year 9999: to_date(x)",
		`to_date("9999-12-31")`:                                                              `"9999-12-31"`,
		`time("2262-04-11T23:47:16.854775807Z")`:                                             `"2262-04-11T23:47:16.854775807Z"`,
		`time("1677-09-21T00:12:43.145224192Z")`:                                             `"1677-09-21T00:12:43.145224192Z"`,
		`time("2262-04-11T23:47:16.854775808Z")`:                                             "!E103 2262-04-11 is no time: times go from 1677-09-21",
		`seconds(time("2262-04-11T23:47:16Z") - time("1990-01-01T00:00:00Z"))`:               "8592220036",
		`seconds(duration("3604358849273050034ns"))`:                                         "3604358849.27305", // not …03, as if rounded twice
	} {
		for _, machine := range []string{"UTC", "America/New_York", "Europe/Berlin"} {
			loc, err := time.LoadLocation(machine)
			if err != nil {
				t.Fatal(err)
			}
			if got := func() string {
				defer func(was *time.Location) { time.Local = was }(time.Local)
				time.Local = loc
				return valueOrError(t, source)
			}(); got != want && ((want[0] != '!' && !strings.HasPrefix(want, "error: ")) || !strings.HasPrefix(got, want)) {
				t.Errorf("%s in %s gives %s, want %s", source, machine, got, want)
			}
		}
	}
}

// valueOrError computes an expression for one row; "!E103 …" is an error of the check, of
// which what stands in front of a colon and a space is left out if it is only the text.
func valueOrError(t *testing.T, source string) string {
	t.Helper()
	env := mustType(t, "{est: string, gap: string}")
	b := batchOf(env, []any{"2026-01-03 10:00 EST", "2026-03-29 02:30"})
	var list diag.List
	e := Check(text(source), env, &list)
	if len(list) > 0 {
		message := list[0].Message
		if quoted, rest, found := strings.Cut(message, `": `); found && strings.Contains(source, quoted) {
			message = rest
		}
		return fmt.Sprintf("!%s %s", list[0].Code, message)
	}
	got := eval(e.compile(false), b)[0]
	if kernels := eval(e.compile(true), b)[0]; kernels != got {
		t.Errorf("%s gives %s by closures, %s by kernels", source, got, kernels)
	}
	return got
}

// Midnight is skipped somewhere in each of these, and the day before has the half hours
// that were taken for it.
func TestStartOfSkippedDays(t *testing.T) {
	for zone, day := range map[string]string{
		"America/Sao_Paulo": "2018-11-04", "America/Havana": "2025-03-09", "Asia/Beirut": "2024-03-31", "Africa/Cairo": "2024-04-26", "America/Santiago": "2024-09-08",
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseInLocation("2006-01-02 15:04", day+" 01:00", loc)
		if err != nil {
			t.Fatal(err)
		}
		for at.In(loc).Format(time.DateOnly) == day {
			text := fmt.Sprintf(`time(%q)`, at.UTC().Format(time.RFC3339))
			source := fmt.Sprintf(`[format(date(%s, %q), "2006-01-02", %[2]q) == format(%[1]s, "2006-01-02", %[2]q), date(date(%[1]s, %[2]q), %[2]q) == date(%[1]s, %[2]q), hour(date(%[1]s, %[2]q), %[2]q) == 1]`, text, zone)
			if got := valueOrError(t, source); got != "[true,true,true]" {
				t.Errorf("%s at %s: %s", zone, text, got)
				break
			}
			at = at.Add(30 * time.Minute)
		}
	}
}
