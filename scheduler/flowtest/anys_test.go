package flowtest

import (
	"strings"
	"testing"
)

// Items of a file are compared by what they say, in lists too: JSON however it is written,
// and floats by the tolerance.
func TestItemsOfFilesAreComparedByWhatTheySay(t *testing.T) {
	const flow = `flow: f
types: {Item: {id: int, a: any, l: "[any]", f: "[float]", r: "[{x: float, y: any}]"}}
nodes:
  in:  {use: file.read, with: {path: in.jsonl, as: Item}}
  out: {use: drop, in: in}
`
	const test = "tests: [{name: one, expect: {in: {from: want.jsonl, tolerance: 0.01}}}]"
	in := `{"id":1,"a":[7,"\u00e9"],"l":[7,{"a":1,"b":"\u00e9"},1e400],"f":[0.5,1],"r":[{"x":1,"y":{"k":70e-1}}]}`
	for want, says := range map[string]string{
		in: "",
		`{"id":1,"a":[7.0,"é"],"l":[7.0,{ "b" : "é", "a" : 1.0 },10e399],"f":[0.501,1.0],"r":[{"x":1.001,"y":{ "k" : 7 }}]}`: "",
		`{"id":1,"a":[7,"é"],"l":[8,{"a":1,"b":"é"},1e400],"f":[0.5,1],"r":[{"x":1,"y":{"k":7}}]}`:                           "item 1: l[0] is 7, want 8",
		`{"id":1,"a":[7,"é"],"l":[7,{"a":1,"b":"é"},1e400],"f":[0.52,1],"r":[{"x":1,"y":{"k":7}}]}`:                          "item 1: f[0] is 0.5, want 0.52",
		`{"id":1,"a":[7,"é"],"l":[7,{"a":1,"b":"é"},1e400],"f":[0.5,1],"r":[{"x":1,"y":{"k":8}}]}`:                           "item 1: r[0].y is",
		`{"id":1,"a":[7,"é"],"l":[7,{"a":1,"b":"é"}],"f":[0.5,1],"r":[{"x":1,"y":{"k":7}}]}`:                                 "item 1: l is",
		`{"id":1,"a":[7,"é"],"l":[7,{"a":1,"b":"é"},1e401],"f":[0.5,1],"r":[{"x":1,"y":{"k":7}}]}`:                           "item 1: l[2] is 1e400, want 1e401",
	} {
		got := outcome(t, flow, test, map[string]string{"in.jsonl": in + "\n", "want.jsonl": want + "\n"})
		if says == "" && !strings.HasPrefix(got, "pass") || says != "" && !strings.Contains(got, says) {
			t.Errorf("%s\ngives\n%s\nwant %q", want, got, says)
		}
	}
}
