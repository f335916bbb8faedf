package flow_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestUnique(t *testing.T) {
	in := `{"a":1,"b":"x"}
{"a":1,"b":"y"}
{"a":null,"b":"x"}
{"a":1,"b":"x"}
{"a":0,"b":"x"}
{"a":null,"b":"X"}
`
	lines := strings.SplitAfter(in, "\n")
	for with, want := range map[string][]int{
		`{}`:                  {0, 1, 2, 4, 5},
		`{by: a}`:             {0, 2, 4},
		`{by: [b]}`:           {0, 1, 5},
		`{by: [a, lower(b)]}`: {0, 1, 2, 4},
		`{by: 1}`:             {0},
	} {
		var out string
		for _, i := range want {
			out += lines[i]
		}
		t.Run(with, func(t *testing.T) { kit.CheckOne(t, "{a: int?, b: string}", "unique", with, in, out) })
	}
	kit.Refuse(t, nodetest.One("{a: int}", "unique", "{by: [a, c]}"), map[string]string{"in.jsonl": ""}, `unknown field "c"`)
}
