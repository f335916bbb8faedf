package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/types"
)

var seeds = []string{
	"a,b\n1,2\n", "a,b\r\n\"1\",\"2\"\r\n", "a\n\"x\"\"y\"\n\"p\nq\"\n", "a,b\n1\n", "a,b\n1,2,3\n", "a\n\n\r\nx\n", "a\nx\"y\n", "a\n\"x\"y\n", "a\n\"x",
	"a,b\n,\n", "a\n\"\"\n", "a\r\n\"x\r\ny\"\r\n", "a\rb\r\n", "a,b\n\"é,\",ü\n", "a\n\"x\"\r", "#c,\"\na,b\n#,\"\n1,2\n", "a,\"b\nc\",d\n\"e\n,\"\"\nf\",g,h\n", "a\n\"\r\r\n\"\n",
	"a,b\nlong enough text for words,\"and long enough text in quotes\"\n", "x\"y,\"a\n\"b,c\n\"d\n",
}

func stringType(n int) *types.Type {
	fields := make([]types.Field, n)
	for i := range fields {
		fields[i] = types.Field{Name: fmt.Sprint("c", i), Type: types.String}
	}
	return types.Record(fields...)
}

// rowsOf reads rows of n columns, in batches of three, the text cut into pieces
// at every step bytes where a row ends. before says for each bad row how many good
// ones came before it.
func rowsOf(t testing.TB, d Dialect, src []byte, n, step int) (rows [][]string, bad []string, before []int) {
	s, err := New(stringType(n), nil, Options{Dialect: d})
	if err != nil {
		t.Fatal(err)
	}
	for start, end := 0, 0; start < len(src); {
		end = min(end+step, len(src))
		chunk := src[start:end]
		chunk = chunk[:d.Split(chunk, end == len(src))]
		untouched := string(chunk)
		for p := 0; p < len(chunk); {
			b := record.New(stringType(n))
			next, e := s.Scan(chunk, p, b, 3)
			for i := range b.Rows {
				row := make([]string, n)
				for k, c := range b.Cols {
					row[k] = strings.Clone(c.Str[i])
				}
				rows = append(rows, row)
			}
			b.Release()
			if e != nil {
				bad, before = append(bad, e.Raw), append(before, len(rows))
			}
			if next <= p {
				t.Fatalf("no progress in %q", chunk)
			}
			p = next
		}
		if string(chunk) != untouched {
			t.Fatalf("the text %q was changed to %q", untouched, chunk)
		}
		start += len(chunk)
	}
	return rows, bad, before
}

// unixEnds turns CR LF into LF, as encoding/csv does in quotes.
func unixEnds(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// try compares one file with encoding/csv.
func try(t testing.TB, src []byte, lazy bool, comma, comment byte, step int) {
	d := Standard
	d.Lazy, d.Comma, d.Comment = lazy, comma, comment
	std := stdcsv.NewReader(bytes.NewReader(src))
	std.LazyQuotes, std.Comma, std.Comment = lazy, rune(comma), rune(comment)
	header, err := std.Read()
	l := &lexer{Dialect: d, src: ended(src), alloc: func(n int) []byte { return make([]byte, n) }}
	p := 0
	for p < len(l.src) && l.skipped(l.src, p) > p {
		p = l.skipped(l.src, p)
	}
	if err != nil || p == len(l.src) || !utf8.Valid(src) {
		if errors.Is(err, io.EOF) != (p == len(l.src)) {
			t.Fatalf("%q: encoding/csv says %v, rows begin at %d", src, err, p)
		}
		return
	}
	cells, next := l.cells(p)
	if lazy && next < 0 {
		return // a quote that is not closed
	}
	got := make([]string, len(cells))
	for i, c := range cells {
		got[i] = unixEnds(c.text)
	}
	if !slices.Equal(got, header) {
		t.Fatalf("first row of %q is %q (%s), want %q", src, got, l.reason, header)
	}
	src = src[min(next, len(src)):]
	rows, bad, before := rowsOf(t, d, src, len(header), len(src)+1)
	for i := 0; ; i++ {
		want, err := std.Read()
		if errors.Is(err, io.EOF) {
			if i != len(rows) || len(bad) > 0 {
				t.Fatalf("%q has %d rows and bad %q, want %d rows", src, len(rows), bad, i)
			}
			break
		}
		if err != nil { // what follows is cut in another way
			if len(bad) == 0 || before[0] != i {
				t.Fatalf("%q: encoding/csv says %v after %d rows, rows are %q, bad %q after %d", src, err, i, rows, bad, before)
			}
			break
		}
		if lazy && len(bad) > 0 && i == before[0] {
			break // a quote that is not closed is an error, and what follows its line is read
		}
		if i >= len(rows) && !lazy || i < len(rows) && !slices.EqualFunc(rows[i], want, func(got, want string) bool { return unixEnds(got) == want }) {
			t.Fatalf("row %d of %q in %q, bad %q, want %q", i, src, rows, bad, want)
		}
		if i >= len(rows) {
			break
		}
	}
	cut, cutBad, cutBefore := rowsOf(t, d, src, len(header), step)
	if !slices.EqualFunc(rows, cut, slices.Equal) || !slices.Equal(bad, cutBad) || !slices.Equal(before, cutBefore) {
		t.Fatalf("%q in pieces of %d is %q and bad %q, whole it is %q and bad %q", src, step, cut, cutBad, rows, bad)
	}
}

const commas = ",;\t|"

func FuzzScan(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), i%2 == 0, i%3 == 0, uint8(0), uint8(i))
	}
	f.Fuzz(func(t *testing.T, src []byte, lazy, comment bool, comma, step uint8) {
		c := byte(0)
		if comment {
			c = '#'
		}
		try(t, src, lazy, commas[int(comma)%len(commas)], c, int(step)+1)
	})
}

// TestMutatedFiles is the fuzz test with mutations that are seeded.
func TestMutatedFiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{`"`, `""`, `,`, "\n", "\r\n", "\r", "#", " ", "x", "é", "\xff", `,"`, `",`, "\"\n"}
	for n := range 60_000 {
		src := []byte(seeds[rng.IntN(len(seeds))])
		for range 1 + n%4 {
			at := rng.IntN(len(src) + 1)
			if rng.IntN(3) == 0 {
				src = slices.Delete(src, at, min(at+1, len(src)))
			} else {
				src = slices.Insert(src, at, []byte(pieces[rng.IntN(len(pieces))])...)
			}
		}
		comma := commas[n/7%len(commas)]
		try(t, bytes.ReplaceAll(src, []byte{','}, []byte{comma}), n%5 == 0, comma, []byte{0, '#'}[n%2], 1+rng.IntN(12))
	}
}

// FuzzEncode reads what was written, by encoding/csv and by the scanner.
func FuzzEncode(f *testing.F) {
	f.Add("plain", "a,b", "say \"hi\"\r\n", byte(','))
	f.Add("", "", "", byte('\t'))
	f.Add(" x", `\.`, "\xff\r", byte(';'))
	f.Fuzz(func(t *testing.T, a, b, c string, comma byte) {
		d := Standard
		d.Comma = comma
		typ := stringType(3)
		typ.Fields[1].Type = types.String.Opt()
		enc, err := NewEncoder(typ, d)
		if err != nil {
			return
		}
		batch := record.New(typ)
		defer batch.Release()
		for i, s := range []string{a, b, c} {
			batch.Cols[i].Resize(2)
			copy(batch.Cols[i].Str, []string{s, s})
		}
		batch.Rows = 2
		batch.Cols[1].SetNull(1)
		text := enc.AppendBatch(enc.AppendHeader(nil), batch)
		want := []string{strings.ToValidUTF8(a, "\uFFFD"), strings.ToValidUTF8(b, "\uFFFD"), strings.ToValidUTF8(c, "\uFFFD")}
		names, next, err := d.Header(text)
		if err != nil || len(names) != 3 {
			t.Fatalf("header %q, %v", names, err)
		}
		s, err := New(typ, names, Options{Dialect: d})
		if err != nil {
			t.Fatal(err)
		}
		back := record.New(typ)
		defer back.Release()
		if _, bad := s.Scan(text[next:], 0, back, 10); bad != nil || back.Rows != 2 {
			t.Fatalf("%q: %d rows, %v", text, back.Rows, bad)
		}
		for i := range want {
			if got := back.Cols[i].Str[0]; got != want[i] {
				t.Fatalf("cell %d comes back as %q, want %q, from %q", i, got, want[i], text)
			}
		}
		if back.Cols[1].IsNull(0) || !back.Cols[1].IsNull(1) {
			t.Fatalf("null comes back wrong from %q", text)
		}
		std := stdcsv.NewReader(bytes.NewReader(text))
		std.Comma = rune(comma)
		rows, err := std.ReadAll()
		if err != nil || len(rows) != 3 || rows[1][0] != unixEnds(want[0]) {
			t.Fatalf("encoding/csv reads %q, %v from %q", rows, err, text)
		}
	})
}
