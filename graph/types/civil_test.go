package types

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"
)

// Dates of Go programs are those of flows: read and written alike, of no zone.
func TestCivilDate(t *testing.T) {
	if got := FromGo(reflect.TypeFor[struct{ D CivilDate }]()).String(); got != "{d: date}" {
		t.Error(got)
	}
	for text, want := range map[string]CivilDate{"1970-01-01": 0, "1969-12-31": -1, "2026-01-03": 20456, "0001-01-01": FirstDate, "9999-12-31": LastDate, "2000-02-29": 11016} {
		var d CivilDate
		if err := d.UnmarshalText([]byte(text)); err != nil || d != want || d.String() != text {
			t.Errorf("%s is %d, %v, written %s", text, d, err, d)
		}
		if data, err := json.Marshal([]CivilDate{want}); err != nil || string(data) != `["`+text+`"]` {
			t.Errorf("%s is written %s, %v", text, data, err)
		}
	}
	for _, text := range []string{"", "0000-12-31", "10000-01-01", "2026-02-29", "2026-1-3", "2026-01-03T00:00:00Z"} {
		var d CivilDate
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
	for _, d := range []CivilDate{FirstDate - 1, LastDate + 1, math.MinInt64, math.MaxInt64} {
		if data, err := d.MarshalText(); err == nil {
			t.Errorf("%d is written %s", int64(d), data)
		}
	}
	tokyo := time.FixedZone("JST", 9*3600)
	at := time.Date(2026, 1, 4, 0, 30, 0, 0, tokyo)
	if d, utc := DateOf(at), DateOf(at.UTC()); d.String() != "2026-01-04" || utc.String() != "2026-01-03" {
		t.Errorf("%s is %s in Tokyo and %s in UTC", at, d, utc)
	}
	if begins := CivilDate(20456).In(tokyo); begins.Format(time.RFC3339) != "2026-01-03T00:00:00+09:00" {
		t.Error(begins)
	}
	if d := DateOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)); d != FirstDate {
		t.Error(d)
	}
}
