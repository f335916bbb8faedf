package quantity

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"0": 0, "-0": 0, "1s": time.Second, "1h30m": 90 * time.Minute, "1.5s": 1500 * time.Millisecond, "250ms": 250 * time.Millisecond,
		"7d": 7 * day, "1w": 7 * day, "2w": 14 * day, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour, "-1w": -7 * day, "+1d": day, "1w1d1h1m1s": 8*day + time.Hour + time.Minute + time.Second,
		"10us": 10 * time.Microsecond, "10µs": 10 * time.Microsecond, "5ns": 5, "15000w": 15000 * 7 * day,
		"-9223372036854775808ns": -1 << 63, "-2562047h47m16.854775808s": -1 << 63, "2562047h47m16.854775807s": 1<<63 - 1,
	} {
		if got, err := Duration(s); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "-", "1", "d", "1x", "1d ", " 1d", "1 d", "1dd", "1..5d", ".d", "1e3s", "999999w", "16000w", "106751d24h", "1days", "1D", "9223372036854775808ns", "-9223372036854775809ns", "2562047h47m16.854775808s", "-2562047h47m16.854775809s", "9223372036854775807ns1ns", "-9223372036854775808ns9223372036854775808ns", "1s-1s", "--1s", "+-1s"} {
		if got, err := Duration(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestRate(t *testing.T) {
	for s, want := range map[string]Rate{
		"100/s": {100, time.Second}, "6000/m": {6000, time.Minute}, "10/100ms": {10, 100 * time.Millisecond}, "1_000/s": {1000, time.Second},
		"2.5/m": {25, 10 * time.Minute}, "2.50/m": {25, 10 * time.Minute}, "2.0/s": {2, time.Second}, "0.25/s": {25, 100 * time.Second}, "1/d": {1, 24 * time.Hour}, "3/1w": {3, 7 * 24 * time.Hour},
		"100 / s": {100, time.Second}, "0/s": {0, time.Second}, "-1/s": {-1, time.Second}, "1/1h30m": {1, 90 * time.Minute},
		"99999999999999999999/s": {1<<63 - 1, time.Second},
	} {
		if got, _, err := ParseRate(s); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "100", "/s", "100/", "100/x", "a/s", "1.2.3/s", "1./s", ".5/s", "1.1234567/s", "1/2", "0.000001/106751d", "-/s", "1/s/s"} {
		if got, _, err := ParseRate(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"1h30m", "7d", "1.5w2d", "-1ns", "292y", "1e9s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Duration(s)
		want, known := time.ParseDuration(s)
		if known == nil && (err != nil || got != want) {
			t.Fatalf("%q is %v, %v; package time says %v", s, got, err, want)
		}
		if again, err2 := Duration(got.String()); err == nil && (err2 != nil || again != got) {
			t.Fatalf("%q is %v, which is %v, %v", s, got, again, err2)
		}
		_, _, _ = ParseRate(s)
	})
}
