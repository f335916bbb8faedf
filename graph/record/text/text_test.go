package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// numberTexts are hard numbers, right and wrong ones.
var numberTexts = []string{
	"0", "-0", "1", "-1", "01", "-01", "00", "+1", "1.", ".5", "-", "", "1e5", "1E+5", "1e-5", "1e", "1e+", "0e0", "-0.0", "0.0e-0",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551616",
	"99999999999999999999999", "1e400", "-1e400", "1e-400", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623159e308",
	"0.1", "0.30000000000000004", "9007199254740993", "9007199254740993.0", "123456789012345678e-10", "0.000000000000000000000001", "1e22", "1e23", "8.5e22",
	"3.14159265358979323846264338327950288", "1e99999999999999999999", "1e-99999999999999999999", "0e99999999999999999999", "Infinity", "NaN", "0x1p3", "1_0",
}

func TestFloatIsThatOfStrconv(t *testing.T) {
	texts := numberTexts
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		texts = append(texts, strconv.FormatFloat(math.Float64frombits(rng.Uint64()), "efg"[rng.IntN(3)], rng.IntN(20)-1, 64))
	}
	for _, s := range texts {
		want, err := strconv.ParseFloat(s, 64)
		ok := err == nil && json.Valid([]byte(s))
		got, end := Float([]byte(s), 0)
		if ok != (end == len(s) && s != "") {
			t.Errorf("Float(%q) ends at %d, want ok %t", s, end, ok)
		} else if ok && math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("Float(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestIntIsThatOfStrconv(t *testing.T) {
	for _, s := range numberTexts {
		want, err := strconv.ParseInt(s, 10, 64)
		ok := err == nil && json.Valid([]byte(s))
		got, end := Int([]byte(s), 0)
		if ok != (end == len(s) && s != "") || ok && got != want {
			t.Errorf("Int(%q) = %d, %d, want %d, %t", s, got, end, want, ok)
		}
	}
}

func TestNumberEndIsTheGrammarOfJSON(t *testing.T) {
	for _, s := range numberTexts {
		if got := NumberEnd([]byte(s), 0) == len(s) && s != ""; got != json.Valid([]byte(s)) {
			t.Errorf("NumberEnd(%q): whole %t", s, got)
		}
	}
}

func TestAppendFloatIsThatOfJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	fs := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e-6, 9.9e-7, 1e20, 1e21, 1e-7, 123456789.123, 0.001, 5e-324, math.MaxFloat64, 1e10, 9999999999.9999, 1e15 + 0.5}
	for range 200_000 {
		f := math.Float64frombits(rng.Uint64())
		switch rng.IntN(4) {
		case 0:
			f = math.Round(rng.Float64()*1e6) / math.Pow10(rng.IntN(12))
		case 1:
			f = (rng.Float64() - 0.5) * math.Pow10(rng.IntN(14))
		case 2:
			f = math.Nextafter(float64(rng.IntN(1e9))/math.Pow10(rng.IntN(10)), 1)
		}
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			fs = append(fs, f, -f)
		}
	}
	for _, f := range fs {
		want, _ := json.Marshal(f)
		if got := AppendFloat(nil, f); string(got) != string(want) {
			t.Fatalf("AppendFloat(%v) = %s, want %s", f, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		text             string
		precision, scale int
		want             int64
		ok               bool
	}{
		{"12.34", 9, 2, 1234, true},
		{"12.3", 9, 2, 1230, true},
		{"12", 9, 2, 1200, true},
		{"-0.01", 9, 2, -1, true},
		{"12.345", 9, 2, 0, false},
		{"12.34000000000000000000000000", 9, 2, 1234, true},
		{"0.0000000000000000000000001e25", 9, 2, 100, true},
		{"1e2", 9, 2, 10000, true},
		{"1234e-2", 9, 2, 1234, true},
		{"9999999.99", 9, 2, 999999999, true},
		{"10000000.00", 9, 2, 0, false},
		{"999999999999999999", 18, 0, 999999999999999999, true},
		{"1000000000000000000", 18, 0, 0, false},
		{"9223372036854775807", 19, 0, math.MaxInt64, true},
		{"9223372036854775808", 19, 0, 0, false},
		{"0e999999999", 9, 2, 0, true},
		{"1e999999999", 9, 2, 0, false},
		{"1e-999999999", 9, 2, 0, false},
		{"-0", 9, 2, 0, true},
		{"abc", 9, 2, 0, false},
	} {
		got, end := Decimal([]byte(c.text), 0, c.precision, c.scale)
		if ok := end == len(c.text); ok != c.ok || ok && got != c.want {
			t.Errorf("Decimal(%s, %d, %d) = %d, %t, want %d, %t", c.text, c.precision, c.scale, got, ok, c.want, c.ok)
		}
	}
}

// FuzzDecimal compares with exact arithmetic and reads back what is written.
func FuzzDecimal(f *testing.F) {
	for i, s := range numberTexts {
		f.Add(s, uint8(i))
	}
	f.Fuzz(func(t *testing.T, s string, how uint8) {
		scale := int(how % 19)
		got, end := Decimal([]byte(s), 0, 18, scale)
		if !json.Valid([]byte(s)) || len(s) > 200 || NumberEnd([]byte(s), 0) != len(s) {
			return
		}
		if n, _ := scanNumber([]byte(s), 0); n.exp > 1000 || n.exp < -1000 {
			return
		}
		want, _ := new(big.Rat).SetString(s)
		want.Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		ok := want.IsInt() && want.Num().CmpAbs(big.NewInt(1e18)) < 0
		if ok != (end > 0) || ok && want.Num().Int64() != got {
			t.Fatalf("Decimal(%s, 18, %d) = %d, %d, want %s", s, scale, got, end, want)
		}
		if ok {
			if back, _ := Decimal(AppendDecimal(nil, got, scale), 0, 18, scale); back != got {
				t.Fatalf("%d comes back as %d", got, back)
			}
		}
	})
}

func TestTimesComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	ns := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1e9, -1e9, 951782400e9, 951868799999999999}
	for range 100_000 {
		n := int64(rng.Uint64())
		ns = append(ns, n, n/1e9*1e9, n/86400e9*86400e9, n/1e3*1e3)
	}
	for _, n := range ns {
		want := time.Unix(0, n).UTC().Format(time.RFC3339Nano)
		got := AppendTime(nil, n)
		if string(got) != want {
			t.Fatalf("AppendTime(%d) = %s, want %s", n, got, want)
		}
		if back, ok := Time(got); !ok || back != n {
			t.Fatalf("%s comes back as %d, %t, want %d", got, back, ok, n)
		}
	}
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"2001-01-01T00:01:00Z", "2001-02-29T00:00:00Z", "2000-02-29T23:59:59.123456789+23:59", "1900-02-29T00:00:00Z", "1677-09-21T00:12:43.145224192Z",
		"1677-09-21T00:12:43.145224191Z", "2262-04-11T23:47:16.854775808Z", "2262-04-11T23:47:16.854775807Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
		"2001-01-01T24:00:00Z", "2001-01-01T00:60:00Z", "2001-01-01T00:00:60Z", "2001-01-01t00:00:00z", "2001-01-01T00:00:00", "2001-01-01T00:00:00.Z",
		"2001-01-01T00:00:00,5Z", "2001-01-01T1:00:00Z", "2001-01-01T00:00:00-24:00", "2001-01-01T00:00:00.1234567891234Z", "2001-01-01T00:00:00Zx", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Time([]byte(s))
		want, err := time.Parse(time.RFC3339, s)
		// Package time is laxer than RFC 3339 here: go.dev/issue/54580.
		lax := err == nil && (s[12] == ':' || strings.Contains(s, ",") || s[len(s)-1] != 'Z' && (s[len(s)-5:len(s)-3] > "23" || s[len(s)-2:] > "59"))
		if err != nil || lax {
			if ok {
				t.Fatalf("Time(%q) = %d, want none", s, got)
			}
			return
		}
		ns := new(big.Int).Add(new(big.Int).Mul(big.NewInt(want.Unix()), big.NewInt(1e9)), big.NewInt(int64(want.Nanosecond())))
		if ok != ns.IsInt64() || ok && got != ns.Int64() {
			t.Fatalf("Time(%q) = %d, %t, want %s", s, got, ok, ns)
		}
	})
}

func TestTimeFormats(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{"", "2012-01-01T00:00:00+01:00", "2011-12-31T23:00:00Z"},
		{"", "2012-01-01", ""},
		{"rfc3339", "2012-01-01T00:00:00Z", "2012-01-01T00:00:00Z"},
		{"date", "2012-01-01", "2012-01-01T00:00:00Z"},
		{"Jan 2 2006", "Mar 1 2000", "2000-03-01T00:00:00Z"},
		{"Jan 2 2006", "Mar 32 2000", ""},
		{"2006", "9999", ""},
		{"unix", "1517966773.84", "2018-02-07T01:26:13.84Z"},
		{"unix_ms", "1517966773840", "2018-02-07T01:26:13.84Z"},
		{"unix_us", "-1", "1969-12-31T23:59:59.999999Z"},
		{"unix_ns", "1", "1970-01-01T00:00:00.000000001Z"},
		{"unix_ns", "1.5", ""},
		{"unix", "9223372037", ""},
		{"unix", "1x", ""},
	} {
		f, err := ParseTimeFormat(c.format, "")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if ns, ok := f.Parse([]byte(c.text)); ok {
			got = string(AppendTime(nil, ns))
		}
		if got != c.want {
			t.Errorf("%s as %q is %q, want %q", c.text, c.format, got, c.want)
		}
	}
	for _, wrong := range []string{"YYYY-MM-DD", "iso"} {
		if _, err := ParseTimeFormat(wrong, ""); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q names no part of a time", wrong)) {
			t.Errorf("format %q gives error %v", wrong, err)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	for s, want := range map[string]bool{
		"1.5": true, "39.80": true, "0.10000000000000001": true, "0.123456789012345678": false, "9007199254740992": true, "9007199254740993": false,
		"12345678901234567890": false, "1e400": false, "00501": false, "-0": true, "-0.0": true, "1e5": true, "": false, "1 ": false,
		"100000000000000000000000.0": true,
	} {
		if got := RoundTrips([]byte(s)); got != want {
			t.Errorf("RoundTrips(%s) = %t", s, got)
		}
	}
}

func BenchmarkAppendFloat(b *testing.B) {
	for name, f := range map[string]float64{"4 decimals": 39.81, "8 decimals": 31.95376472, "17 digits": 0.30000000000000004} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			for b.Loop() {
				dst = AppendFloat(dst[:0], f)
			}
		})
	}
}

func BenchmarkTime(b *testing.B) {
	s := []byte("2001-01-01T00:01:00Z")
	for b.Loop() {
		Time(s)
	}
}

func BenchmarkAppendTime(b *testing.B) {
	var dst []byte
	for b.Loop() {
		dst = AppendTime(dst[:0], 951868799000000000)
	}
}

// What is written loosely is the number that strconv reads, and in the way of JSON.
func FuzzAppendLoose(f *testing.F) {
	for _, s := range []string{".097", "-.5", "+4", "5.", " 7", "\t-5.e+3 ", "+-1", "1 2", ".", "e5", "0x1", "1_0", "inf", "007", "+.0", "0..0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := AppendLoose([]byte("x"), []byte(s))
		lit := strings.Trim(s, " \t")
		want, err := strconv.ParseFloat(lit, 64)
		digit := strings.IndexFunc(strings.TrimLeft(lit, "+-."), func(r rune) bool { return r < '0' || r > '9' }) != 0
		if plain := !strings.ContainsAny(lit, "_xXpPiInN") && digit && lit != ""; ok != (plain && (err == nil || errors.Is(err, strconv.ErrRange))) {
			t.Fatalf("%q: %v, %v", s, ok, err)
		}
		if !ok {
			return
		}
		if v, err := strconv.ParseFloat(string(got[1:]), 64); v != want || string(got[:1]) != "x" || err != nil && !errors.Is(err, strconv.ErrRange) {
			t.Fatalf("%q: %q is %v, want %v", s, got, v, want)
		}
		if n := got[1:]; NumberEnd(n, 0) != len(n) && !strings.HasPrefix(strings.TrimPrefix(string(n), "-"), "0") {
			t.Fatalf("%q: %q is no number of JSON", s, n)
		}
	})
}
