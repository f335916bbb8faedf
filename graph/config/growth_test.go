//go:build unix

package config

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

// TestParseGrowsWithTheText: eight times as much text takes about eight times the work,
// in every way that a text can be large. What looks at every pair takes 64 times.
// Work is the processor time of this process, which is the same however busy the
// machine is; a garbage collection that falls into one of the two measurements is
// no reason to fail, hence the room and the second try.
func TestParseGrowsWithTheText(t *testing.T) {
	repeat := func(before, part, after string) func(int) string {
		return func(n int) string { return before + strings.Repeat(part, n) + after }
	}
	for name, form := range map[string]func(n int) string{
		"values":        repeat("[", "1,", "]"),
		"a long line":   repeat("[", "é,", "]"),
		"a long scalar": repeat("a: ", "xxxxxxxxxxxxxxxxxxxx", ""),
		"many lines":    repeat("a: |\n", "  é\n\n", ""),
		"quoted lines":  repeat("a: \"", "é \\x41\n\n  ", "\""),
		"comments":      repeat("", "# é\n", "a: 1"),
		"items":         repeat("", "- é\n", ""),
		"the same key":  repeat("", "a: 1\n", ""),
		"wrong keys":    repeat("", "? [x]\n", ""),
		"cut calls":     repeat("[", "f(a, b), ", "]"),
		"cut values":    repeat("{", "k: f(a, b), ", "}"),
		"open calls":    repeat("[", "f(a, ", "]"),
		"open values":   repeat("{", "k: f(a, b, ", "}"),
		"keys": func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "é%d: 1\n", i)
			}
			return b.String()
		},
	} {
		const n, most = 2000, 24
		spent := func(n int) time.Duration {
			text := []byte(form(n))
			begun := processorTime(t)
			var list diag.List
			Parse(diag.NewSource("a.yaml", text), &list)
			return processorTime(t) - begun
		}
		few, many := spent(n), spent(8*n)
		for try := 0; many > most*few && try < 3; try++ {
			few, many = max(few, spent(n)), min(many, spent(8*n))
		}
		if many > most*few {
			t.Errorf("%s: %d take %s of the processor, %d take %s", name, n, few, 8*n, many)
		}
	}
}

// processorTime is what this process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
