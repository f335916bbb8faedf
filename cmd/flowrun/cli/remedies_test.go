package cli_test

import (
	"fmt"
	"strings"
	"testing"
)

// What people type who do not know better yet says what to do.
func TestRemedies(t *testing.T) {
	read := func(path string) string {
		return "nodes:\n  s: {use: file.read, with: {path: '" + path + "'}}\n  o: {use: drop, in: s}\n"
	}
	for line, c := range map[string]struct{ code, err string }{
		"check web.yaml":                   {"2", "web.yaml:2:37: https://example.com/a.csv is an address, and file.read reads files [E103]\n...hint: fetch it first, such as by `curl -O`"},
		"check store.yaml":                 {"2", "s3://bucket/*.csv is an address of S3, and this flowrun was built without its pack [E103]\n...hint: use a flowrun that has nodes/connect/s3"},
		"check to.yaml":                    {"2", "https://example.com/o.jsonl is an address, and file.write writes files [E103]\n...hint: write a file, and send it"},
		"check empty.yaml":                 {"2", "hint: declare it with `as:`"},
		"check packed.yaml":                {"2", "!hint: declare it"},
		"run log.yaml --report x.pdf":      {"2", "flowrun: --report x.pdf: a report is a text, or JSON if the name of the file ends in .json\n  hint: --report x.json\n"},
		"run log.yaml --report out/r.html": {"2", "hint: --report out/r.json\n"},
		"run log.yaml --ui 8802":           {"2", "flowrun: run takes one flow, got 2\n  hint: the value of --ui stands behind a =: --ui=8802\n"},
		"run --ui 8802 log.yaml":           {"2", "flowrun: 8802 is no flow\n  hint: the value of --ui stands behind a =: flowrun run log.yaml --ui=8802\n"},
		"run --ui localhost:8802":          {"2", "flowrun: localhost:8802 is no flow\n  hint: the value of --ui stands behind a =: flowrun run FLOW --ui=localhost:8802\n"},
		"run log.yaml -q --metrics 0":      {"0", ""},
		"eval -7_%_3":                      {"2", "flowrun: -7 % 3 is taken for a flag of eval, and there is none\n  hint: what begins with a dash stands behind two of them: flowrun eval -- '-7 % 3'\n"},
		"eval -- -7_%_3":                   {"0", ""},
		"run log.yaml -q":                  {"0", "look: number {\"n\":0}\nlook: number {\"n\":1}\n"},
		"run log.yaml -q --log json":       {"0", ""},
	} {
		t.Run(line, func(t *testing.T) {
			folder(t, map[string]string{
				"web.yaml": read("https://example.com/a.csv"), "store.yaml": read("s3://bucket/*.csv"), "empty.yaml": read("empty.csv"), "packed.yaml": read("broken.csv.gz"),
				"empty.csv": "", "broken.csv.gz": "id\n1\n",
				"to.yaml":  "nodes:\n  s: {use: generate, with: {count: 2}}\n  o: {use: file.write, in: s, with: {path: 'https://example.com/o.jsonl'}}\n",
				"log.yaml": "nodes:\n  s: {use: generate, with: {count: 2}}\n  look: {use: log, in: s, with: {label: number}}\n  o: {use: drop, in: look}\n",
			})
			args := strings.Fields(line)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "_", " ")
			}
			r := call("", args...)
			if fmt.Sprint(r.code) != c.code {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
			for want := range strings.SplitSeq(c.err, "...") {
				if never, not := strings.CutPrefix(want, "!"); not && strings.Contains(r.err, never) || !not && !strings.Contains(r.err, want) {
					t.Errorf("got %s\nwant %s", r.err, want)
				}
			}
		})
	}
}

// A split into many files is told by their number and the first few.
func TestReportOfManyFiles(t *testing.T) {
	folder(t, map[string]string{"f.yaml": "nodes:\n  s: {use: generate, with: {count: 300}}\n  o: {use: file.write, in: s, with: {path: 'out/*.jsonl', split: n}}\n"})
	r := call("", "run", "f.yaml", "--no-sync")
	if !strings.Contains(r.err, "  wrote       300 files, all of which --report run.json lists; the first are\n              out/0.jsonl\n              out/1.jsonl\n") || strings.Count(r.err, ".jsonl\n") != 5 {
		t.Errorf("got %s", r.err)
	}
}
