package file

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/record/csv"
	"github.com/flowrun/flowrun/graph/record/jsonl"
)

// all gives all that is read of an input: the rows, and in the place of each that is too
// long its line and its length.
func (in *input) all(t *testing.T) (all string) {
	t.Helper()
	for {
		p, err := in.next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			return all + "!" + err.Error()
		}
		if p.long != nil {
			all += fmt.Sprintf("<%d: %d>\n", p.line, p.long.bytes)
			continue
		}
		all += string(p.text)
		p.arena.Release()
	}
}

// What is left out as too long is a matter of the text alone, however it comes.
func TestLongRowsOfStreams(t *testing.T) {
	const most = 20
	x := func(n int) string { return strings.Repeat("x", n) }
	lines := func(most int) cutter { return &lineCutter{most: most} }
	cells := func(most int) cutter {
		return &csvCutter{Dialect: csv.Dialect{Comma: ',', Quote: '"', Comment: '#'}, most: most}
	}
	values := func(most int) cutter { return &jsonCutter{s: jsonl.Splitter{Max: most}} }
	for _, c := range []struct {
		cut        func(most int) cutter
		text, want string
	}{
		{lines, "a\n" + x(20) + "\n" + x(21) + "\nb\n", "a\n" + x(20) + "\n<3: 21>\nb\n"},
		{lines, x(300) + "\n" + x(21) + "\r\n\nb", "<1: 300>\n<2: 22>\n\nb\n"},
		{lines, "\uFEFF" + x(20) + "\na\n" + x(21), x(20) + "\na\n<3: 21>\n"},
		{lines, x(20), x(20) + "\n"},
		{cells, "a\n\"" + x(17) + "\n\"\n\"" + x(18) + "\n\"\nb\n", "a\n\"" + x(17) + "\n\"\n<4: 19>\n\"\nb\n"}, // the last quote is not closed
		{cells, "a\n\"open,1\nb,2\n" + strings.Repeat("c,3\n", 100), "a\n<2: 7>\nb,2\n" + strings.Repeat("c,3\n", 100)},
		{cells, "a,\"b\n\"\n\"open,1\nb,2\n\"c\"\n", "a,\"b\n\"\n\"open,1\nb,2\n\"c\"\n"},
		{cells, "\"" + x(40) + "\n\"\n" + x(30) + ",\"b\n" + x(5), "<1: 41>\n<2: 1>\n<3: 33>\nxxxxx\n"},
		{cells, "#" + x(400) + "\na\n#" + x(30) + "\n#\"\n#" + x(30) + "\nb", "a\nb\n"},
		{cells, "\uFEFF\"a\"\n\n\r\n" + x(21), "\"a\"\n\n\r\n<4: 21>\n"},
		{values, `1 "` + x(18) + "\"\n\n\"" + x(19) + `" {"a":"]}` + x(30) + `\\\"","b":[{},[]]}2 ` + x(40), "1 \"" + x(18) + "\"\n<3: 21>\n<3: 56>\n2\n<3: 40>\n"},
		{values, "[1 ,\n[" + x(20) + "] , [\"" + x(17) + "\n\"] ,2]", "1\n<2: 22>\n<2: 22>\n2\n"},
		{values, "[\"" + x(30) + "\"]", "<1: 32>\n"},
		{values, "[1,\"" + x(30) + "\"", "1\n<1: 32>\n!x:1: the file ends inside its array"},
		{values, "[1,\"" + x(30), "1\n<1: 31>\n!x:1: the file ends inside a value"},
		{values, "{\"a\":" + x(30), "<1: 35>\n!x:1: the file ends inside a value"},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		for part := 1; part < 60; part++ {
			in := &input{name: "x", src: &jerky{strings.NewReader(c.text), rng, part}, line: 1, most: most, cut: c.cut(most)}
			if part%2 == 0 {
				in.pump = newPump(t.Context(), in.src, func() {})
				in.src = in.pump
			}
			got := in.all(t)
			if in.pump != nil {
				in.pump.close()
			}
			if spaced(got) != spaced(c.want) {
				t.Errorf("%.80q in parts of %d:\n got %q\nwant %q", c.text, part, got, c.want)
				break
			}
			if end := in.done.line; !strings.Contains(got, "!") && end < strings.Count(c.text, "\n") {
				t.Errorf("%.80q ends in line %d", c.text, end)
			}
		}
	}
}

// spaced takes off what stands between rows, where no two are told apart by it: comments,
// spaces and line ends.
func spaced(s string) string {
	s = regexp.MustCompile("(?m)^#.*").ReplaceAllString(s, "")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == ' ' }), "\n")
}

// A random text of quotes, commas and lines is read in small chunks as it is in one.
func TestLongRowsAtRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 400 {
		var text bytes.Buffer
		for range 1 + rng.IntN(200) {
			text.WriteString([]string{"a", "b,", "\"", "\"\"", "\n", "\r\n", ",\"", "\"\n", "xxxxxxxx"}[rng.IntN(9)])
		}
		most := 8 + rng.IntN(30)
		cut := func(src io.Reader) string {
			in := &input{name: "x", src: src, line: 1, most: most, cut: &csvCutter{Dialect: csv.Standard, most: most}}
			return in.all(t)
		}
		want := cut(strings.NewReader(text.String()))
		p := newPump(t.Context(), &jerky{strings.NewReader(text.String()), rng, 1 + rng.IntN(20)}, func() {})
		in := &input{name: "x", src: p, pump: p, line: 1, most: most, cut: &csvCutter{Dialect: csv.Standard, most: most}}
		if got := in.all(t); got != want {
			t.Fatalf("round %d, %q with rows of %d:\n got %q\nwant %q", round, text.String(), most, got, want)
		}
		p.close()
	}
}
