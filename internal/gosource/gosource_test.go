package gosource_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/internal/gosource"
)

// under prints what the carets of a span stand under.
func under(s diag.Span) string {
	line := []rune(s.Source.Line(s.Line))
	return string(line[s.Col-1 : s.Col-1+s.Width])
}

func TestPlaces(t *testing.T) {
	at, id := gosource.Caller("nobody"), "a\"b"
	read, unread := gosource.Read(), gosource.Unread()
	if got := under(read.Word(at, "Caller")); got != "Caller" {
		t.Errorf("the word is at %q", got)
	}
	if got := under(read.Span(at, id)); got != `a\"b` {
		t.Errorf("the id is at %q", got)
	}
	if got := under(read.Word(at, "wordless"+"ness")); got != `at, id := gosource.Caller("nobody"), "a\"b"` {
		t.Errorf("what is not there is at %q", got)
	}
	if s := unread.Span(at, id); s.Line != read.Span(at, id).Line || s.Source.Lines() > 0 && s.Source.Line(1) != "" {
		t.Errorf("without the text it is %v", s)
	}
	if s := read.Word(gosource.Caller("github.com/flowrun/flowrun/internal/gosource_test"), ""); !strings.HasSuffix(s.Source.Name, "testing.go") {
		t.Errorf("this package is called from %s", s.Source.Name)
	}
	if s := read.Word(gosource.Place{}, "at"); !s.IsZero() {
		t.Errorf("no place is at %v", s)
	}
}

// A place in settings is moved to where they stand in the program, however they are
// written there.
func TestSettings(t *testing.T) {
	at := gosource.Caller("nobody")
	plain, quoted, made := "where: here\n", "a: \"ü\" # there\nb: last", strings.Repeat("n", 3)+": "
	block := `
		set:
		  x: deep

		  y: deeper
	`
	p := gosource.Read()
	for _, test := range []struct{ name, text, word, want string }{
		{"plain", plain, "here", "here"}, {"quoted", quoted, "there", "there"}, {"the last line of quoted", quoted, "last", "last"},
		{"block", block, "deeper", "deeper"}, {"made", made, "nnn", "nnn"},
	} {
		src := p.Settings(test.text, "some", at)
		span := find(t, src, test.word)
		list := diag.List{{At: span, Notes: []diag.Note{{At: span}}}}
		p.Locate(list)
		if got := under(list[0].At); got != test.want || list[0].Notes[0].At != list[0].At {
			t.Errorf("%s: it is at %q of %s", test.name, got, list[0].At.Source.Line(list[0].At.Line))
		}
		if moved := list[0].At.Source != src; moved == (test.name == "made") {
			t.Errorf("%s: it is at %v", test.name, list[0].At)
		}
	}
}

// find gives the place of a word in settings.
func find(t *testing.T, src *diag.Source, word string) diag.Span {
	t.Helper()
	for line := 1; line <= src.Lines(); line++ {
		if before, _, ok := strings.Cut(src.Line(line), word); ok {
			return diag.Span{Source: src, Line: line, Col: 1 + len([]rune(before)), Width: len([]rune(word))}
		}
	}
	t.Fatalf("there is no %q in %s", word, src.Name)
	return diag.Span{}
}
