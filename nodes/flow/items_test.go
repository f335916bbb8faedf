package flow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestBadItems(t *testing.T) {
	flow := `flow: bad
types: {Item: {n: int, d: int}}
nodes:
  in:   {use: file.read, with: {path: in.jsonl, as: Item}}
  one:  {use: %s, in: in, with: %s%s}
  out:  {use: file.write, in: one, with: {path: "-", format: jsonl}}
`
	dead := `  bad:  {use: map, in: one.errors, with: {select: [node, item]}}
  dead: {use: file.write, in: bad, with: {path: bad.jsonl}}
`
	in := map[string]string{"in.jsonl": strings.Repeat(`{"n":4,"d":2}`+"\n"+`{"n":1,"d":0}`+"\n"+`{"n":3,"d":2}`+"\n", 300)}
	for _, c := range []struct{ kind, with, each, once string }{
		{"map", "{set: {q: n / d}}", `{"n":4,"d":2,"q":2}` + "\n" + `{"n":3,"d":2,"q":1.5}` + "\n", ""},
		{"filter", "{where: n / d > 1}", `{"n":4,"d":2}` + "\n" + `{"n":3,"d":2}` + "\n", ""},
		{"unique", "{by: n / d}", "", `{"n":4,"d":2}` + "\n" + `{"n":3,"d":2}` + "\n"},
		{"sort", "{by: 'n / d', limit: 1}", "", `{"n":3,"d":2}` + "\n"},
		{"group", "{set: {q: sum(n / d)}}", "", `{"q":1050}` + "\n"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			want := c.once + strings.Repeat(c.each, 300)
			kit.Check(t, fmt.Sprintf(flow, c.kind, c.with, ", on_error: skip"), in, map[string]string{"-": want})
			kit.Check(t, fmt.Sprintf(flow, c.kind, c.with, "")+dead, in, map[string]string{
				"-": want, "bad.jsonl": strings.Repeat(`{"node":"one","item":{"n":1,"d":0}}`+"\n", 300),
			})
			for _, setup := range nodetest.Few() {
				r := kit.Run(t, fmt.Sprintf(flow, c.kind, c.with, ""), in, setup)
				if r.Err == nil || !strings.Contains(r.Err.Error(), `item: {"n":1,"d":0}`) || !strings.HasPrefix(r.Err.Error(), "one ("+c.kind+")") {
					t.Fatalf("%s: %v", setup, r.Err)
				}
			}
		})
	}
}

func TestEmptyInput(t *testing.T) {
	for kind, with := range map[string]string{
		"map": "{set: {b: a}}", "filter": "{where: a > 1}", "limit": "{count: 1}", "skip": "{count: 1}", "sample": "{every: 2}", "sort": "{by: a}",
		"unique": "{}", "batch": "{count: 2}", "log": "{}", "flatten": "{field: l}", "merge": "{}", "concat": "{}", "zip": "{}", "group": "{by: a}",
	} {
		t.Run(kind, func(t *testing.T) { kit.CheckOne(t, "{a: int, l: [int]}", kind, with, "", "") })
	}
}

// Fields with odd names need no backquotes where a field is wanted.
func TestOddNames(t *testing.T) {
	in := `{"US Gross":2,"a-b":"x"}` + "\n" + `{"US Gross":1,"a-b":"x"}` + "\n"
	first, second, _ := strings.Cut(in, "\n")
	const item = `{US Gross: int, a-b: string}`
	kit.CheckOne(t, item, "unique", `{by: [a-b]}`, in, first+"\n")
	kit.CheckOne(t, item, "sort", `{by: US Gross}`, in, second+first+"\n")
	kit.CheckOne(t, item, "sort", `{by: -US Gross}`, in, first+"\n"+second)
	kit.CheckOne(t, item, "group", "{by: [US Gross]}", in, `{"US Gross":2}`+"\n"+`{"US Gross":1}`+"\n")
}

func TestExpressionsOverListItems(t *testing.T) {
	flow := `flow: lists
nodes:
  in:    {use: generate, with: {count: 5}}
  lists: {use: batch, in: in, with: {count: 2}}
  full:  {use: filter, in: lists, with: {where: len(item) == 2}}
  order: {use: sort, in: full, with: {by: [{expr: 'item[0].n', desc: true}]}}
  out:   {use: file.write, in: order, with: {path: "-", format: jsonl}}
`
	kit.Check(t, flow, nil, map[string]string{"-": `[{"n":2},{"n":3}]` + "\n" + `[{"n":0},{"n":1}]` + "\n"})
}
