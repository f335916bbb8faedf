package diag

import (
	"encoding/json"
	"strings"
	"testing"
)

// picture prints a list as a terminal shows it, tabs drawn as arrows.
func picture(l List, style Style) string {
	var b strings.Builder
	if err := Print(&b, l, style); err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(b.String(), "\t", "→")
}

func TestPrint(t *testing.T) {
	long := strings.Repeat("a", 100) + "WRONG" + strings.Repeat("z", 100)
	src := NewSource("flow.yaml", []byte(strings.Join([]string{
		/* 1 */ "flow: x",
		/* 2 */ "\twith:\t{where: amonut > 1}",
		/* 3 */ "名前: {use: 関数, with: 1}",
		/* 4 */ long,
		/* 5 */ "crlf: here\r",
		/* 6 */ "bell: \x07 esc: \x1b[31m",
		/* 7 */ "",
		/* 8 */ "🎉 party: on",
		/* 9 */ "e\u0301a: zz",
		/* 10 */ "a\u200bbc",
	}, "\n")))
	at := func(line, col, width int) Span { return Span{Source: src, Line: line, Col: col, Width: width} }
	for name, c := range map[string]struct {
		add  func(l *List)
		want string
	}{
		"a place": {func(l *List) { l.Add(UnknownKey, at(1, 1, 4), "unknown key %q", "flow") }, `
flow.yaml:1:1: unknown key "flow" [E101]
    1 | flow: x
      | ^^^^
`},
		"notes and a hint": {func(l *List) {
			l.Add(UnknownField, at(1, 7, 1), "unknown field").WithNote(at(5, 1, 4), "made here").WithNote(Span{}, "and nowhere").WithHint("did you mean %q?", "y")
		}, `
flow.yaml:1:7: unknown field [E301]
    1 | flow: x
      |       ^
  made here (flow.yaml:5:1)
    5 | crlf: here
      | ^^^^
  and nowhere
  hint: did you mean "y"?
`},
		"a warning": {func(l *List) { l.Warn(UnusedNode, at(1, 1, 0), "nobody reads it") }, `
flow.yaml:1:1: warning: nobody reads it [W502]
    1 | flow: x
      | ^
`},
		"tabs keep their width": {func(l *List) { l.Add(UnknownField, at(2, 16, 6), "unknown field") }, `
flow.yaml:2:16: unknown field [E301]
    2 | →with:→{where: amonut > 1}
      | →     →        ^^^^^^
`},
		"wide characters before": {func(l *List) { l.Add(UnknownKind, at(3, 15, 4), "unknown key") }, `
flow.yaml:3:15: unknown key [E104]
    3 | 名前: {use: 関数, with: 1}
      |                   ^^^^
`},
		"wide characters marked": {func(l *List) { l.Add(UnknownKind, at(3, 11, 2), "unknown kind") }, `
flow.yaml:3:11: unknown kind [E104]
    3 | 名前: {use: 関数, with: 1}
      |             ^^^^
`},
		"an emoji": {func(l *List) { l.Add(UnknownKey, at(8, 3, 5), "unknown key") }, `
flow.yaml:8:3: unknown key [E101]
    8 | 🎉 party: on
      |    ^^^^^
`},
		"marks over a character": {func(l *List) { l.Add(UnknownKey, at(9, 6, 2), "unknown key") }, `
flow.yaml:9:6: unknown key [E101]
    9 | éa: zz
      |     ^^
`},
		"characters without a shape": {func(l *List) { l.Add(UnknownKey, at(10, 3, 2), "unknown key") }, `
flow.yaml:10:3: unknown key [E101]
   10 | a�bc
      |   ^^
`},
		"a long line is cut around the place": {func(l *List) { l.Add(BadYAML, at(4, 101, 5), "wrong") }, `
flow.yaml:4:101: wrong [E001]
    4 | …` + strings.Repeat("a", 40) + "WRONG" + strings.Repeat("z", 75) + `…
      | ` + strings.Repeat(" ", 41) + `^^^^^
`},
		"the begin of a long line": {func(l *List) { l.Add(BadYAML, at(4, 2, 1), "wrong") }, `
flow.yaml:4:2: wrong [E001]
    4 | ` + strings.Repeat("a", 100) + "WRONG" + strings.Repeat("z", 15) + `…
      |  ^
`},
		"the end of a long line": {func(l *List) { l.Add(BadYAML, at(4, 206, 1), "wrong") }, `
flow.yaml:4:206: wrong [E001]
    4 | …` + strings.Repeat("a", 15) + "WRONG" + strings.Repeat("z", 100) + `
      | ` + strings.Repeat(" ", 121) + `^
`},
		"longer than the line": {func(l *List) { l.Add(BadYAML, at(1, 6, 500), "wrong") }, `
flow.yaml:1:6: wrong [E001]
    1 | flow: x
      |      ^^
`},
		"behind the line": {func(l *List) { l.Add(BadYAML, at(1, 90, 3), "wrong") }, `
flow.yaml:1:90: wrong [E001]
    1 | flow: x
      |        ^
`},
		"an empty line": {func(l *List) { l.Add(BadYAML, at(7, 1, 1), "wrong") }, `
flow.yaml:7:1: wrong [E001]
    7 | 
      | ^
`},
		"control characters do not reach the terminal": {func(l *List) { l.Add(BadYAML, at(6, 1, 1), "wrong") }, `
flow.yaml:6:1: wrong [E001]
    6 | bell: � esc: �[31m
      | ^
`},
		"a line that is not there": {func(l *List) { l.Add(BadYAML, at(99, 1, 1), "wrong") }, `
flow.yaml:99:1: wrong [E001]
`},
		"the file as a whole": {func(l *List) { l.Add(BadVariable, Span{Source: src}, "no variable") }, `
flow.yaml: no variable [E004]
`},
		"no place": {func(l *List) { l.Add(BadVariable, Span{}, "no variable") }, `
no variable [E004]
`},
		"a line number alone": {func(l *List) { l.Add(BadData, Span{Source: src, Line: 1}, "bad") }, `
flow.yaml:1: bad [E402]
    1 | flow: x
      | ^
`},
	} {
		t.Run(name, func(t *testing.T) {
			var l List
			c.add(&l)
			if got, want := picture(l, Style{}), c.want[1:]; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestPrintInColour(t *testing.T) {
	src := NewSource("f", []byte("abc"))
	var l List
	l.Add(BadYAML, Span{src, 1, 2, 1}, "wrong").WithNote(Span{src, 1, 3, 1}, "see").WithHint("fix it")
	l.Warn(UnusedNode, Span{src, 1, 1, 1}, "odd")
	got := strings.ReplaceAll(picture(l, Style{Color: true}), "\x1b", "E")
	want := `E[1mf:1:2: E[0mE[1mwrongE[0m [E001]
    1 | abc
      |  E[31m^E[0m
  see (f:1:3)
    1 | abc
      |   E[34m^E[0m
  E[34mhint:E[0m fix it
E[1mf:1:1: E[0mE[33mwarning: E[0mE[1moddE[0m [W502]
    1 | abc
      | E[33m^E[0m
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestJSON(t *testing.T) {
	src := NewSource("f.yaml", []byte("abc"))
	var l List
	l.Add(BadYAML, Span{src, 1, 2, 3}, "wrong \"here\"").WithNote(Span{}, "see").WithNote(Span{Source: src, Line: 1}, "there").WithHint("fix")
	l.Warn(UnusedNode, Span{}, "odd")
	got, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"file":"f.yaml","line":1,"column":2,"width":3,"severity":"error","code":"E001","message":"wrong \"here\"","hint":"fix",` +
		`"notes":[{"message":"see"},{"message":"there","file":"f.yaml","line":1}]},{"severity":"warning","code":"W502","message":"odd"}]`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
