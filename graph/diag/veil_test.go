package diag

import (
	"encoding/json"
	"strings"
	"testing"
)

// What is hidden is in no excerpt, message, hint or note; carets stay where they are.
func TestHidden(t *testing.T) {
	src := NewSource("f.yaml", []byte("a: über hunter2, b: 1\ntoken: letmein\nlast: x\n"))
	src.Cover(func(text string) string { return strings.Replace(text, "letmein", "•••••••", 1) })
	Span{src, 1, 9, 7}.Hide(true)
	Span{src, 1, 9, 7}.Hide(true)
	Span{src, 9, 1, 3}.Hide(true) // there is no such line
	Span{nil, 1, 1, 1}.Hide(true)
	var list List
	list.Add(UnknownKey, Span{src, 1, 18, 1}, "b beside %q and letmein", "hunter2").WithHint("not hunter2").
		WithNote(Span{src, 2, 8, 7}, "also letmein")
	var b strings.Builder
	if err := Print(&b, list, Style{}); err != nil {
		t.Fatal(err)
	}
	const want = `f.yaml:1:18: b beside "•••" and ••• [E101]
    1 | a: über •••••••, b: 1
      |                  ^
  also ••• (f.yaml:2:8)
    2 | token: •••••••
      |        ^^^^^^^
  hint: not •••
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{string(text), list.Error(), list[0].Error()} {
		if strings.Contains(said, "hunter2") || strings.Contains(said, "letmein") {
			t.Errorf("it is in %s", said)
		}
	}
	if list[0].Message != `b beside "hunter2" and letmein` || list[0].Notes[0].Message != "also letmein" {
		t.Error("the list itself was changed")
	}
	if got := src.MaskedText(); got != "a: über •••, b: 1\ntoken: •••\nlast: x\n" {
		t.Errorf("masked it is %q", got)
	}
	if got := src.Line(1); got != "a: über hunter2, b: 1" {
		t.Errorf("the line itself was changed: %s", got)
	}
}

// A cover that moves something hides the line, and a short secret is not looked for in
// messages.
func TestBadCover(t *testing.T) {
	src := NewSource("f.yaml", []byte("ab: 1\r\ncd: 22\r\n"))
	src.Cover(func(text string) string { return strings.Replace(text, "22", "•", 1) })
	if got := src.Shown(1); got != "ab: 1" {
		t.Errorf("got %q", got)
	}
	if got := src.Shown(2); strings.Contains(got, "22") || len([]rune(got)) < len("cd: 22") {
		t.Errorf("got %q", got)
	}
	lost := NewSource("f.yaml", []byte("a\nb"))
	lost.Cover(func(string) string { return "x" })
	if lost.Shown(1) != "a" || lost.Shown(2) != "b" || lost.Shown(3) != "" {
		t.Error("a cover with other lines is used")
	}
	src = NewSource("f.yaml", []byte("pin: 22\n"))
	Span{src, 1, 6, 2}.Hide(true)
	var list List
	list.Add(UnknownKey, Span{src, 1, 1, 3}, "want 22 of 1229")
	if got := list.Error(); !strings.Contains(got, "want 22 of 1229") {
		t.Error(got)
	}
}
