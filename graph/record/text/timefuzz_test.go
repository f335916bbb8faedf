package text

import (
	"math/big"
	"testing"
	"time"
)

// This file compares times in the layouts of users with package time, where the
// text has an offset or none: what the name of a zone means is another matter.

var offsetLayouts = []string{
	"2006-01-02 15:04:05", "2006-01-02", "02.01.2006 15:04", "1/2/06 3:04PM", "2006-01-02T15:04:05.000-0700", "2006-01-02 15:04:05Z07:00", "Mon, 02 Jan 2006 15:04:05 -0700",
	"Jan _2 15:04:05 2006", "Monday, January 2, 2006", "2006-002", "20060102150405Z07", "2006-01-02 15:04:05,000000", "02/Jan/2006:15:04:05 -0700", "15:04", "2006-01-02 15:04:05 -07:00:00",
}

func FuzzTimeFormat(f *testing.F) {
	for i, layout := range offsetLayouts {
		for _, at := range []time.Time{
			time.Date(2026, 1, 3, 4, 5, 6, 789_000_000, time.UTC), time.Date(2024, 2, 29, 23, 59, 59, 0, time.FixedZone("", -5*3600)),
			time.Date(1970, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1677, 9, 21, 0, 12, 43, 145_224_192, time.UTC),
		} {
			f.Add(at.Format(layout), uint8(i))
		}
		f.Add("2023-02-29 24:60:61", uint8(i))
	}
	f.Fuzz(func(t *testing.T, s string, which uint8) {
		layout := offsetLayouts[int(which)%len(offsetLayouts)]
		format, err := ParseTimeFormat(layout, "")
		if err != nil {
			t.Fatal(err)
		}
		got, ok := format.Parse([]byte(s))
		want, err := time.Parse(layout, s)
		ns := new(big.Int).Add(new(big.Int).Mul(big.NewInt(want.Unix()), big.NewInt(1e9)), big.NewInt(int64(want.Nanosecond())))
		if inside := err == nil && ns.IsInt64(); ok != inside || ok && got != ns.Int64() {
			t.Fatalf("%q as %q is %d, %t; package time says %s, %v", s, layout, got, ok, want, err)
		}
	})
}
