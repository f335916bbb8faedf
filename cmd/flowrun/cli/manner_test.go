package cli_test

import (
	"strings"
	"testing"
)

// How many workers a node has by its settings, where nobody says how many, is in the plan.
func TestWorkersBySettings(t *testing.T) {
	for _, c := range []struct{ method, beside, args, want string }{
		{"GET", "", "", "1-16"}, {"PUT", "", "", "1"}, {"GET", ", order: key, key: n", "", "16"}, {"GET", ", workers: 5", "", "5"}, {"GET", "", "--workers 3", "3"},
	} {
		folder(t, map[string]string{"f.yaml": `
flow: f
nodes:
  n: {use: generate, with: {count: 3}}
  call: {use: http.call, in: n, with: {url: http://shop.example/, method: ` + c.method + `}` + c.beside + `}
  out: {use: drop, in: call}
`})
		plan := call("", append([]string{"plan", "f.yaml"}, strings.Fields(c.args)...)...)
		_, line, _ := strings.Cut(plan.out, "\n  call ")
		line, _, _ = strings.Cut(line, "\n")
		if words := strings.Fields(line); plan.code != 0 || len(words) < 2 || words[1] != c.want {
			t.Errorf("%v: the plan says %q%s", c, line, plan.err)
		}
	}
}
