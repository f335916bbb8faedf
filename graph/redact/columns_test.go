package redact

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestColumns(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: c\n":                               "a: 1\nb: c\n",
		"token: hunter2 # mine\nb: 1":                "token: •••••••••••••• \nb: 1",
		"with: {token: hunter2, url: x}":             "with: {token: •••••••, url: x}",
		"with: {token: ü2, password: 'x y', url: x}": "with: {token: ••, password: •••••, url: x}",
		"url: postgres://ann:hunter2@db/shop":        "url: postgres://ann:•••••••@db/shop",
		"token: ${TOKEN}\n":                          "token: ${TOKEN}\n",
		"token: ${TOKEN:-hunter2}\n":                 "token: ${TOKEN:-•••••••}\n",
		"token: |-\n  hunter2\nb: 1\n":               "token: |-\n  •••••••\nb: 1\n",
		"token: hunter2\r\nb: 1\r\n":                 "token: •••••••\r\nb: 1\r\n",
	} {
		got := Columns(text)
		if strings.Contains(text, "# mine") { // how much of a comment is hidden does not matter
			if strings.Contains(got, "hunter2") || utf8.RuneCountInString(got) != utf8.RuneCountInString(text) {
				t.Errorf("%q: got %q", text, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// What is hidden already stays as it is.
func TestColumnsTwice(t *testing.T) {
	for _, text := range []string{"url: 'postgres://ann:hunter2@db:1/shop', token: letmein99", "a: {password: 'x y', url: \"http://a:bcd@e/f\"}", "dsn: ann:hunter2@tcp(db)/x"} {
		once := Columns(text)
		if once == text || Source(once) != once || Text(once) != once {
			t.Errorf("%q is hidden as %q, then as %q and %q", text, once, Source(once), Text(once))
		}
	}
}

// Nothing moves, whatever the text is, and what Source hides is hidden.
func FuzzColumns(f *testing.F) {
	for _, seed := range []string{"token: a, b, x: 1", "{token: p, token: p}", "url: a://b:c@d//e:f@g", "password:\n  - a\n  - b\n", "token: •••, x", "Bearer abcdefgh123 token=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || !utf8.ValidString(text) {
			return
		}
		was, is := strings.Split(text, "\n"), strings.Split(Columns(text), "\n")
		hidden := strings.Split(Source(text), "\n")
		if len(was) != len(is) {
			t.Fatalf("%q has other lines: %q", text, is)
		}
		for i := range was {
			if utf8.RuneCountInString(was[i]) != utf8.RuneCountInString(is[i]) {
				t.Fatalf("%q is longer or shorter as %q", was[i], is[i])
			}
			if was[i] != hidden[i] && was[i] == is[i] && strings.Trim(was[i], "•") != "" && !strings.Contains(was[i], Mask) && !strings.Contains(was[i], "•") {
				t.Fatalf("%q is shown, and %q by Source", is[i], hidden[i])
			}
		}
	})
}
