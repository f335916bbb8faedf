package file_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// encoded is a text in an encoding.
func encoded(t testing.TB, e encoding.Encoding, text string) string {
	t.Helper()
	s, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A text is read in its encoding: in every format, sampled or declared, in files, packs and
// standard input.
func TestReadEncodings(t *testing.T) {
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	bare := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	bareBig := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	wide := "id,näme\n1,\"ö\r\n😀\"\n2,\uFFFD\n"
	wideRows := `{"id":1,"näme":"ö\r\n😀"}` + "\n" + `{"id":2,"näme":"` + "\uFFFD" + `"}` + "\n"
	narrow, narrowRows := "id,näme\n1,\"ö\"\n", `{"id":1,"näme":"ö"}`+"\n"
	euro, euroRows := "id,näme\n1,€–\n", `{"id":1,"näme":"€–"}`+"\n"
	for _, c := range []struct {
		format, encoding string
		in               encoding.Encoding
		text, want       string
	}{
		{"csv", "utf-16", little, wide, wideRows},
		{"csv", "utf-16", big, wide, wideRows},
		{"csv", "utf-16", bare, wide, wideRows},
		{"csv", "utf-16", bareBig, wide, wideRows},
		{"csv", "utf-16", little, strings.ReplaceAll(strings.ReplaceAll(wide, "\r\n", "|"), "\n", "\r"), strings.ReplaceAll(wideRows, `\r\n`, "|")},
		{"tsv", "utf-16", little, strings.ReplaceAll(wide, ",", "\t"), wideRows},
		{"jsonl", "utf-16", big, wideRows, wideRows},
		{"json", "utf-16", little, "[" + strings.ReplaceAll(strings.TrimSpace(wideRows), "\n", ",") + "]", wideRows},
		{"csv", "latin-1", charmap.ISO8859_1, narrow, narrowRows},
		{"csv", "windows-1252", charmap.Windows1252, euro, euroRows},
		{"jsonl", "windows-1252", charmap.Windows1252, euroRows, euroRows},
		{"lines", "latin-1", charmap.ISO8859_1, "é\nü\n", `{"line":"é"}` + "\n" + `{"line":"ü"}` + "\n"},
		{"lines", "utf-8", encoding.Nop, "é\n", `{"line":"é"}` + "\n"},
		{"csv", "utf-16", little, "id,näme\n" + strings.Repeat("1,\"ö\"\n", 30_000), strings.Repeat(narrowRows, 30_000)},
	} {
		w := world{dir: t.TempDir()}
		text := encoded(t, c.in, c.text)
		with := "format: " + c.format + ", encoding: " + c.encoding
		w.put(t, "in", text)
		w.reads(t, "path: in, "+with, c.want)
		w.put(t, "in.gz", packed(t, "gzip", text))
		w.reads(t, "path: in.gz, "+with, c.want)
		w.stdin = strings.NewReader(text)
		w.reads(t, `path: "-", `+with, c.want)
		if c.format == "csv" {
			w.reads(t, "path: in, "+with+", as: {id: int, näme: string?}", c.want)
		}
	}
}

// What is no character is never replaced in silence, and a text in another encoding is
// called what it is, whoever declares its type.
func TestReadWrongEncodings(t *testing.T) {
	little := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	half := strings.ReplaceAll(encoded(t, little, "a,b\n1,x\n2,😀\n3,y\n"), "\x3D\xD8\x00\xDE", "\x3D\xD8")
	w := world{dir: t.TempDir()}
	w.put(t, "in.csv", half)
	w.bad(t, "path: in.csv, encoding: utf-16, as: {a: int, b: string}", "a", []string{`in.csv:3 field "b": the text is not UTF-16`})
	w.put(t, "in.csv", encoded(t, little, "a,b\n1,x\n2,y")+"z")
	w.bad(t, "path: in.csv, encoding: utf-16, as: {a: int, b: string}", "a", []string{`in.csv:3 field "b": the text is not UTF-16`})
	wide := encoded(t, little, "a\n1\n")
	for _, c := range []struct{ name, text, with, want string }{
		{"in.csv", wide, "", "it is UTF-16; say encoding: utf-16"},
		{"in.csv", wide, ", as: {a: int}", "it is UTF-16; say encoding: utf-16"},
		{"in.txt", wide, "", "it is UTF-16; say encoding: utf-16"},
		{"in.jsonl", wide, ", as: {a: int}", "it is UTF-16; say encoding: utf-16"},
		{"in.json", wide, ", as: {a: int}", "it is UTF-16; say encoding: utf-16"},
		{"in.txt", packed(t, "gzip", "x\n"), "", "it is packed; say compress: gzip"},
		{"in.txt.gz", packed(t, "gzip", wide), "", "in.txt.gz: it is UTF-16; say encoding: utf-16"},
		{"in.csv", "äb\n1\n", ", encoding: utf-16", "it has no byte order mark and does not begin as UTF-16 does"},
		{"in.txt", "äb\n1\n", ", encoding: utf-16", "it has no byte order mark and does not begin as UTF-16 does"},
		{"in.csv", wide, ", encoding: utf16", "utf-16"},
	} {
		w := world{dir: t.TempDir()}
		w.put(t, c.name, c.text)
		w.refused(t, copyFlow("path: "+c.name+c.with, "path: out.jsonl"), c.want)
	}
}
