package flow_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

func TestBatch(t *testing.T) {
	flow := `flow: lists
nodes:
  in:    {use: generate, with: {count: %d, set: {n: n, s: 'n %% 2 == 0 ? string(n) : null'}}}
  lists: {use: batch, in: in, with: {count: %d}}
  out:   {use: file.write, in: lists, with: {path: lists.jsonl}}
  items: {use: unbatch, in: lists}
  again: {use: file.write, in: items, with: {path: items.jsonl}}
`
	for _, c := range [][2]int{{0, 3}, {7, 3}, {6, 3}, {5, 1}, {2500, 1000}, {2500, 9999}, {2048, 1024}} {
		var lists, items strings.Builder
		for i := range c[0] {
			s := "null"
			if i%2 == 0 {
				s = fmt.Sprintf("%q", fmt.Sprint(i))
			}
			item := fmt.Sprintf(`{"n":%d,"s":%s}`, i, s)
			fmt.Fprintln(&items, item)
			if i%c[1] == 0 {
				lists.WriteString("[")
			} else {
				lists.WriteString(",")
			}
			lists.WriteString(item)
			if i%c[1] == c[1]-1 || i == c[0]-1 {
				lists.WriteString("]\n")
			}
		}
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			kit.Check(t, fmt.Sprintf(flow, c[0], c[1]), nil, map[string]string{"lists.jsonl": lists.String(), "items.jsonl": items.String()})
		})
	}
	kit.Refuse(t, nodetest.One(`"{a: int, l: [int]}"`, "unbatch", "{}"), map[string]string{"in.jsonl": ""}, "unbatch takes lists, got Item", `use flatten`)
}

// With a period a list leaves when its first item has waited so long; at the end of
// the input, and when the flow is stopped, at once.
func TestBatchPeriod(t *testing.T) {
	for with, want := range map[string]string{
		"{count: 3, period: 1500ms}": `[0,1] [2,3] [4,5] [6]`,
		"{count: 3, period: 1h}":     `[0,1,2] [3,4,5] [6]`,
		"{count: 9, period: 2500ms}": `[0,1,2] [3,4,5] [6]`,
		"{count: 9, period: 999ms}":  `[0] [1] [2] [3] [4] [5] [6]`,
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			r := kit.Run(t, `flow: lists
nodes:
  in:    {use: generate, with: {count: 7, rate: 1}}
  n:     {use: map, in: in, with: {set: {n: n}}}
  lists: {use: batch, in: n, with: `+with+`}
  out:   {use: file.write, in: lists, with: {path: "-", format: jsonl}}
`, nil, nodetest.Setup{})
			got := strings.NewReplacer(`{"n":`, "", "}", "", "\n", " ").Replace(r.Stdout)
			if took := time.Since(start); r.Err != nil || strings.TrimSpace(got) != want || took > 7*time.Second {
				t.Errorf("%s: %v, got %s, want %s; it took %s", with, r.Err, got, want, took)
			}
		})
	}
}
