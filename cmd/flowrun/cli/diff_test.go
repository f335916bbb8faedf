package cli_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// two versions of a flow, the same one again, and one that has errors.
func versions() map[string]string {
	const one = "nodes:\n  n: {use: generate, with: {count: 10}}\n  some: {use: filter, in: n, with: {where: n > 1}}\n  out: {use: drop, in: some}\n"
	return map[string]string{
		"a.yaml": one, "same.yaml": one,
		"b.yaml":   strings.Replace(one, "n > 1", "n > 2", 1),
		"bad.yaml": strings.Replace(one, "filter", "fliter", 1),
	}
}

const wantDiff = `~ some (filter)                                                 a.yaml:3 → b.yaml:3
    ~ where: n > 1 → n > 2                                      3 → 3
1 node changed
`

func TestDiff(t *testing.T) {
	files := versions()
	folder(t, files)
	call("", "diff", "a.yaml", "b.yaml").want(t, 0, wantDiff, "")
	call("", "diff", "a.yaml", "b.yaml", "--exit-code").want(t, 1, wantDiff, "")
	call("", "diff", "a.yaml", "a.yaml", "--exit-code").want(t, 0, "no difference\n", "")
	call(files["a.yaml"], "diff", "-", "b.yaml").want(t, 0, strings.ReplaceAll(wantDiff, "a.yaml:3 → b.yaml:3", "stdin:3 → b.yaml:3"), "")
	if r := call("", "diff", "a.yaml", "b.yaml", "--color", "always"); !strings.Contains(r.out, "\x1b[33m~ some (filter)\x1b[0m") {
		t.Errorf("no colour in %q", r.out)
	}
	// A variable that came with the change can be set; one that nobody knows cannot.
	call(strings.Replace(files["a.yaml"], "n > 1", `"n > ${LEAST}"`, 1), "diff", "a.yaml", "-", "-s", "LEAST=3").want(t, 0, "~ some (filter)...", "")
	call("", "diff", "a.yaml", "b.yaml", "-s", "LEAST=3").want(t, 2, "", "a.yaml: the flow has no variable...")
	r := call("", "diff", "a.yaml", "b.yaml", "--json")
	var got struct {
		Nodes []struct{ ID, Mark string }
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || len(got.Nodes) != 3 || got.Nodes[1].Mark != "changed" {
		t.Errorf("%s %v", r.out, err)
	}
}

func TestDiffDrawn(t *testing.T) {
	dir := folder(t, versions())
	call("", "diff", "a.yaml", "b.yaml", "-o", "d.svg", "--exit-code").want(t, 1, "", "")
	svg := read(t, dir+"/d.svg")
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(svg, "marked d-changed") || !strings.Contains(svg, "n &gt; 1 → n &gt; 2") {
		t.Error("the drawing does not show the change")
	}
	for _, format := range []string{"dot", "mermaid", "svg", "png"} {
		if r := call("", "diff", "a.yaml", "b.yaml", "--format", format); r.code != 0 || r.out == "" || r.err != "" {
			t.Errorf("%s: exit %d, %s", format, r.code, r.err)
		}
	}
}

func TestDiffMisuse(t *testing.T) {
	folder(t, versions())
	for line, want := range map[string]string{
		"diff a.yaml":                      "flowrun: diff compares two flows, got 1 argument\n  hint: flowrun diff OLD NEW\n",
		"diff - -":                         "flowrun: standard input can be one of the two flows only\n",
		"diff a.yaml b.yaml --json -o d":   "flowrun: --json prints the differences, -o draws them: one at a time\n",
		"diff a.yaml b.yaml -o d.gif":      "flowrun: -o d.gif: there is no format .gif...",
		"diff a.yaml nowhere.yaml":         "nowhere.yaml: there is no such file...",
		"diff a.yaml bad.yaml --exit-code": "bad.yaml:3:15: unknown kind \"fliter\"...",
	} {
		call("", strings.Fields(line)...).want(t, 2, "", want)
	}
	if r := call("", "diff", "bad.yaml", "nowhere.yaml"); !strings.Contains(r.err, "bad.yaml: 1 error; nothing was compared") || !strings.Contains(r.err, "nowhere.yaml: 1 error; nothing was compared") {
		t.Errorf("both are to be named:\n%s", r.err)
	}
}
