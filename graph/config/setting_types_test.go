package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "512": 512, "512B": 512, "64kB": 64e3, "64KB": 64e3, "64KiB": 64 << 10, "64 MB": 64e6, "1gib": 1 << 30,
		"1.5GB": 15e8, "0.5KiB": 512, "2TB": 2e12, "2TiB": 2 << 40, "9223372036854775807": 1<<63 - 1, "8388607TiB": 8388607 << 40,
	} {
		if got, ok := ParseSize(text); got != want || !ok {
			t.Errorf("%s is %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "B", "-1", "1.5", "1.0001kB", "64M", "64Mb/s", "1e3", "9223372036854775808", "8388608TiB", "99999999999999999999", "1..5GB", ".5GB"} {
		if got, ok := ParseSize(text); ok {
			t.Errorf("%s is %d", text, got)
		}
	}
	for size, want := range map[Size]string{0: "0", 512: "512", 1000: "1kB", 1024: "1KiB", 1500: "1500", 1500e3: "1500kB", 64e6: "64MB", 64 << 20: "64MiB", 1 << 40: "1TiB", -5: "-5"} {
		if got := size.String(); got != want {
			t.Errorf("%d is written %s, want %s", int64(size), got, want)
		}
	}
}

// However a secret is shown, it does not show.
func TestSecret(t *testing.T) {
	s := NewSecret("geheim")
	if s.Reveal() != "geheim" {
		t.Fatal(s.Reveal())
	}
	type holder struct {
		Open   Secret
		closed Secret
		List   []Secret
	}
	h := holder{s, s, []Secret{s}}
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		fmt.Fprintf(&b, verb+verb+verb, s, &s, h)
	}
	for _, x := range []any{s, &s, h, map[string]Secret{"a": s}} {
		out, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		b.Write(out)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "s", s, "h", h)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "s", s, "h", h)
	if got := b.String(); strings.Contains(got, "geheim") || strings.Contains(got, fmt.Sprintf("%x", "geheim")) || !strings.Contains(got, redacted) {
		t.Errorf("shown: %s", got)
	}
	var none Secret
	if got := fmt.Sprint(none) + none.Reveal(); got != "" {
		t.Errorf("an empty secret is %q", got)
	}
	if text, err := none.MarshalText(); len(text) != 0 || err != nil || none.GoString() != `""` {
		t.Errorf("an empty secret is %q %v", text, err)
	}
}
