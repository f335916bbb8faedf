package cli_test

import (
	"os"
	"strings"
	"testing"
)

// What a run will refuse, check does not call good.
func TestCheckRefusesWhatRunRefuses(t *testing.T) {
	flow := func(sinks string) string {
		return "nodes:\n  s: {use: generate, with: {count: 3}}\n" + sinks
	}
	for name, c := range map[string]struct{ flow, want string }{
		"a folder":                 {flow("  o: {use: file.write, in: s, with: {path: dir, format: jsonl}}\n"), "dir is a folder [E403]"},
		"below a file":             {flow("  o: {use: file.write, in: s, with: {path: plain/a/o.jsonl}}\n"), "plain/a/o.jsonl cannot be written: DIR/plain is a file, not a folder [E403]"},
		"below a file, split":      {flow("  o: {use: file.write, in: s, with: {path: 'plain/*.jsonl', split: n}}\n"), "is a file, not a folder [E403]"},
		"below a link to a file":   {flow("  o: {use: file.write, in: s, with: {path: toplain/o.jsonl}}\n"), "is a file, not a folder [E403]"},
		"no permission":            {flow("  o: {use: file.write, in: s, with: {path: closed/o.jsonl}}\n"), "no file can be made in DIR/closed: permission denied [E403]"},
		"no permission further":    {flow("  o: {use: file.write, in: s, with: {path: closed/a/b/o.jsonl}}\n"), "no file can be made in DIR/closed: permission denied [E403]"},
		"no permission to add":     {flow("  o: {use: file.write, in: s, with: {path: readonly.jsonl, append: true}}\n"), "readonly.jsonl cannot be written: permission denied [E403]"},
		"no permission to replace": {flow("  o: {use: file.write, in: s, with: {path: readonly.jsonl}}\n"), "readonly.jsonl cannot be written: permission denied [E403]"},
		"other columns":            {flow("  o: {use: file.write, in: s, with: {path: old.csv, append: true}}\n"), "old.csv has the columns a, b, and these rows have n [E403]"},
		"the same file by a dot":   {flow("  o: {use: file.write, in: s, with: {path: x.jsonl}}\n  p: {use: file.write, in: s, with: {path: ./dir/../x.jsonl}}\n"), "o writes the same file"},
		"the same file by link":    {flow("  o: {use: file.write, in: s, with: {path: plain, format: jsonl}}\n  p: {use: file.write, in: s, with: {path: toplain, format: jsonl}}\n"), "o writes the same file"},
		"no environment":           {flow("  o: {use: file.write, in: s, with: {path: '${FLOWRUN_NOWHERE}/x.jsonl'}}\n"), "[E004]"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "no permission") && os.Getuid() == 0 {
				t.Skip("root may do everything")
			}
			dir := folder(t, map[string]string{"f.yaml": c.flow, "plain": "x\n", "dir/x": "", "closed/x": "", "readonly.jsonl": "{}\n", "old.csv": "a,b\n1,2\n"})
			for _, err := range []error{os.Symlink("plain", "toplain"), os.Chmod("closed", 0o555), os.Chmod("readonly.jsonl", 0o444)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(func() { os.Chmod("closed", 0o755) })
			run, check := call("", "run", "f.yaml", "-q"), call("", "check", "f.yaml")
			if run.code == 0 || check.code != 2 || !strings.Contains(check.err, strings.ReplaceAll(c.want, "DIR", dir)) || strings.Contains(check.out, "ok") {
				t.Errorf("run ends with %d, check with %d:\n%s%s", run.code, check.code, check.out, check.err)
			}
		})
	}
	// What can be written is written, and check changes nothing.
	folder(t, map[string]string{
		"f.yaml":  flow("  o: {use: file.write, in: s, with: {path: new/a/o.jsonl}}\n  p: {use: file.write, in: s, with: {path: old.csv, append: true}}\n  q: {use: file.write, in: s, with: {path: /dev/null, format: jsonl}}\n"),
		"old.csv": "n\n7\n",
	})
	call("", "check", "f.yaml").want(t, 0, "f.yaml: ok...", "")
	if _, err := os.Stat("new"); err == nil {
		t.Error("check has made a folder")
	}
	call("", "run", "f.yaml", "-q").want(t, 0, "", "")
}
