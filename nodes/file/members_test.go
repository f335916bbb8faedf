package file_test

import (
	"strings"
	"testing"
)

// Members of a pack follow each other. Zeros behind them are nothing, and what is no
// member is called so; only a pack that ends too early was cut off.
func TestMembersOfPacks(t *testing.T) {
	a, b := packed(t, "gzip", "{\"a\":1}\n"), packed(t, "gzip", "{\"a\":2}\n")
	both := `{"a":1}` + "\n" + `{"a":2}` + "\n"
	const garbage = "the text is followed by something that is not "
	for _, c := range []struct{ name, text, want, problem string }{
		{"in.jsonl.gz", a + b, both, ""},
		{"in.jsonl.gz", a + b + "\x00", both, ""},
		{"in.jsonl.gz", a + b + strings.Repeat("\x00", 100_000), both, ""},
		{"in.jsonl.gz", a + packed(t, "gzip", "") + b, both, ""},
		{"in.jsonl.gz", a + b[:5], "", "was cut off"},
		{"in.jsonl.gz", a + b[:len(b)-3], "", "was cut off"},
		{"in.jsonl.gz", a + "x", "", garbage + "gzip"},
		{"in.jsonl.gz", a + "\x1F", "", garbage + "gzip"},
		{"in.jsonl.gz", a + strings.Repeat("\x00", 512) + b, "", garbage + "gzip"},
		{"in.jsonl.gz", a + strings.Repeat("garbage", 1000), "", garbage + "gzip"},
		{"in.jsonl.gz", "garbage", "", "this is not a gzip file"},
		{"in.jsonl.zst", packed(t, "zstd", both) + "garbage", "", garbage + "zstd"},
		{"in.jsonl.zst", "garbage", "", "this is not a zstd file"},
	} {
		w := world{dir: t.TempDir()}
		w.put(t, c.name, c.text)
		for _, as := range []string{"", ", as: {a: int}"} {
			if c.problem == "" {
				w.reads(t, "path: "+c.name+as, c.want)
			} else {
				w.refused(t, copyFlow("path: "+c.name+as, "path: out.jsonl"), c.problem)
			}
		}
		w.stdin = strings.NewReader(c.text)
		if with := "path: '-', format: jsonl, as: {a: int}, compress: " + map[bool]string{true: "gzip", false: "zstd"}[strings.HasSuffix(c.name, "gz")]; c.problem == "" {
			w.reads(t, with, c.want)
		} else {
			w.refused(t, copyFlow(with, "path: out.jsonl"), c.problem)
		}
	}
}
