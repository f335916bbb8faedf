package diag

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	src := NewSource("f", []byte("a\nb"))
	var l List
	if l.Err() != nil || l.HasErrors() {
		t.Error("an empty list is an error")
	}
	l.Warn(UnusedNode, Span{src, 2, 1, 1}, "odd")
	if l.Err() != nil {
		t.Error("a warning is an error")
	}
	l.Add(BadYAML, Span{src, 2, 1, 1}, "second")
	l.Add(BadYAML, Span{src, 1, 5, 1}, "first").WithHint("a hint")
	l.Add(BadYAML, Span{src, 2, 1, 1}, "second")
	l.Add(BadName, Span{src, 2, 1, 1}, "second")
	l.Add(BadVariable, Span{Source: src}, "of the whole")
	l.Sort()
	want := []string{"f: of the whole", "f:1:5: first; a hint", "f:2:1: warning: odd", "f:2:1: second", "f:2:1: second"}
	if got := strings.Split(l.Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var found List
	if err := l.Err(); !errors.As(err, &found) || len(found) != 5 {
		t.Errorf("the error of the list is %v", err)
	}
}

func TestSource(t *testing.T) {
	src := NewSource("f", []byte("one\r\ntwo\n"))
	for n, want := range []string{"", "one", "two", "", ""} {
		if got := src.Line(n); got != want {
			t.Errorf("line %d is %q, want %q", n, got, want)
		}
	}
	if got := (*Source)(nil).Line(1); got != "" {
		t.Errorf("a line of no source is %q", got)
	}
	if compareSpans(Span{src, 1, 9, 1}, Span{src, 2, 1, 1}) >= 0 || compareSpans(Span{src, 1, 2, 1}, Span{src, 1, 2, 5}) < 0 {
		t.Error("spans are not in the order of their places")
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"amonut", []string{"id", "amount", "amounts"}, "amount"},
		{strings.Repeat("x", 100_000), []string{strings.Repeat("x", 100_000) + "y"}, ""}, // nobody's word
		{"AMOUNT", []string{"amount"}, "amount"},
		{"fitler", []string{"filter", "flatten"}, "filter"},
		{"file.raed", []string{"file.read", "file.write"}, "file.read"},
		{"wehre", []string{"where"}, "where"},
		{"delay_min", []string{"day", "delay_minutes"}, "delay_minutes"},
		{"delay", []string{"distance", "airline"}, ""},
		{"avg", []string{"any", "key"}, ""},
		{"tap", []string{"zip", "map"}, "map"},
		{"x", []string{"y"}, ""},
		{"colour", []string{"color"}, "color"},
		{"größse", []string{"größe"}, "größe"},
		{"banana", []string{"apple", "cherry"}, ""},
		{"", []string{"a"}, ""},
	} {
		if got := Nearest(c.word, c.candidates); got != c.want {
			t.Errorf("nearest to %q of %q is %q, want %q", c.word, c.candidates, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3}, {"größe", "grösse", 2},
	} {
		if got, back := distance(c.a, c.b), distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("from %q to %q it is %d, back %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	many := strings.Split("abcdefghijklmnopq", "")
	for _, c := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"amonut", []string{"amount"}, `did you mean "amount"?`},
		{"zzz", []string{"left", "right"}, "there is left, right"},
		{"zzz", many, ""},
		{"zzz", nil, ""},
	} {
		var l List
		if got := l.Add(UnknownField, Span{}, "x").DidYouMean(c.word, c.candidates).Hint.String(); got != c.want {
			t.Errorf("for %q of %q the hint is %q, want %q", c.word, c.candidates, got, c.want)
		}
	}
}

// Machines match on codes, so every one is in the list, once and in order.
func TestCodes(t *testing.T) {
	seen := map[Code]bool{}
	for _, c := range Codes {
		if seen[c.Code] {
			t.Errorf("%s is there twice", c.Code)
		}
		seen[c.Code] = true
		if !strings.HasSuffix(c.Summary, ".") {
			t.Errorf("%s: %q is no sentence", c.Code, c.Summary)
		}
	}
	if !slices.IsSortedFunc(Codes, func(a, b CodeInfo) int { return strings.Compare(string(a.Code), string(b.Code)) }) {
		t.Error("the codes are not in order")
	}
	for _, c := range []Code{BadYAML, DuplicateKey, Cycle, Deadlock, NameClash, BadData, Ineffective} {
		if !seen[c] {
			t.Errorf("%s has no summary", c)
		}
	}
}
