package cli_test

import (
	"strings"
	"testing"
)

// What befell the files of a source, and no item failed of, is in the report.
func TestNotesInTheReport(t *testing.T) {
	folder(t, map[string]string{
		"a.log": "1\n2\nhalf",
		"follow.yaml": `
flow: follow
nodes:
  in:  {use: file.read, with: {path: a.log, follow: true}}
  two: {use: limit, in: in, with: {count: 2}}
  out: {use: drop, in: two}
`,
	})
	run := call("", "run", "follow.yaml")
	if want := "noted       in: the last line has no end yet, and was not read (a.log)\n"; run.code != 0 || !strings.Contains(run.out+run.err, want) {
		t.Errorf("run does not say %q:\n%s%s", want, run.out, run.err)
	}
	run = call("", "run", "--report", "-", "follow.yaml")
	if want := `"notes":[{"text":"thelastlinehasnoendyet,andwasnotread","times":1,"last":"a.log"}]`; !strings.Contains(strings.Join(strings.Fields(run.out), ""), want) {
		t.Errorf("no notes in the report: %s", run.out)
	}
}
