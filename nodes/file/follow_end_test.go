package file_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A flow that follows ends well when it is stopped: what came is written, also to a file that
// gets its name at the end, and the books balance.
func TestFollowStopped(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world{dir: dir}
		w.put(t, "a.log", "1\n2\n")
		w.begun = func(stop func()) {
			time.AfterFunc(time.Second, func() {
				w.put(t, "b.log", "3\nhalf")
				f, err := os.OpenFile(filepath.Join(dir, "a.log"), os.O_APPEND|os.O_WRONLY, 0)
				if err == nil {
					f.WriteString("4\n")
					f.Close()
				}
			})
			time.AfterFunc(2*time.Second, func() {
				for _, name := range []string{"c.log", "d.log"} {
					w.put(t, name, "")
				}
			})
			time.AfterFunc(5*time.Second, stop)
		}
		o := w.run(t, copyFlow("path: ['a.log', '*.log'], follow: true", "path: out.jsonl"))
		if o.Err != nil || o.Report.Outcome != "done" || len(o.Report.Balance()) > 0 {
			t.Fatal(o.Told())
		}
		got := w.file("out.jsonl")
		for _, l := range []string{"1", "2", "3", "4"} {
			if strings.Count(got, `{"line":"`+l+`"}`) != 1 {
				t.Errorf("%s\n%s", got, o.Told())
			}
		}
		if strings.Count(got, "\n") != 4 {
			t.Error(got)
		}
		var notes []string
		for i := range o.Report.Nodes {
			for _, n := range o.Report.Nodes[i].Notes {
				notes = append(notes, fmt.Sprint(n.Text, " ", n.Times, " ", filepath.Base(n.Last)))
			}
		}
		if got, want := strings.Join(notes, "; "), "a new file is followed 3 d.log; the last line has no end yet, and was not read 1 b.log"; got != want {
			t.Errorf("noted %s, want %s", got, want)
		}
	})
}

// What cannot be followed is refused, with the reason.
func TestFollowRefuses(t *testing.T) {
	w := world{dir: t.TempDir()}
	w.put(t, "a.log", "x\n")
	w.put(t, "a.log.gz", packed(t, "gzip", "x\n"))
	w.put(t, "a.json", "[]")
	if err := os.Mkdir(filepath.Join(w.dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for with, want := range map[string]string{
		"path: a.log.gz":                    "is packed with gzip",
		"path: new.log.zst":                 "is packed with zstd",
		"path: a.log, compress: gzip":       "is packed with gzip",
		"path: a.json":                      "a json file cannot be followed",
		"path: new.json, as: {a: int}":      "a json file cannot be followed",
		"path: a.log, format: json":         "say `format: jsonl`",
		"path: '-', format: lines":          "standard input cannot be followed",
		"path: /dev/null, format: lines":    "is a pipe or a device",
		"path: a.log, encoding: utf-16":     "only text in utf-8",
		"path: folder, format: lines":       "is a folder",
		"path: new.csv":                     "declare it with `as:`",
		"path: 'new*.csv'":                  "declare it with `as:`",
		"path: 'new.*'":                     "add `format: lines`",
		"path: 'http://x/a.log'":            "is an address",
		"path: a.log, every: 0s":            "every",
		"path: a.csv, as: {a: int}, as: {}": "as",
	} {
		w.refused(t, copyFlow("follow: true, "+with, "path: out.jsonl"), want)
	}
}
