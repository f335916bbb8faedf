package cli_test

import (
	"strings"
	"testing"
)

// tenMistakes has a mistake in each of the lines that are marked.
const tenMistakes = `flow: ten mistakes
types:
  Order: {id: int, amount: flaot}
nodes:
  orders: {use: file.read, with: {path: orders.csv, as: Order}}
  nobody: {use: file.read, with: {path: missing.csv}}
  large:
    use: fliter
    in: orders
  cheap:
    use: filter
    in: ordres
    with: {where: amount < 20}
  double:
    use: map
    in: orders
    with:
      set:
        twice: |
          id *
            amuont
  first:
    use: limit
    in: double
    with: {count: many}
    threads: 2
  out:
    use: file.write
    in: first.left
    wiht: {path: out.jsonl}
`

// tenPlaces are the lines and columns of the mistakes, with their codes.
var tenPlaces = []place{
	{1, 7, "E105"}, {3, 28, "E305"}, {6, 41, "E401"}, {8, 10, "E104"}, {12, 9, "E201"},
	{21, 13, "E301"}, {25, 19, "E103"}, {26, 5, "E101"}, {29, 15, "E202"}, {30, 5, "E101"},
}

type place struct {
	Line   int
	Column int
	Code   string
}

func TestCheckFindsTenMistakes(t *testing.T) {
	dir := folder(t, map[string]string{"ten.yaml": tenMistakes, "orders.csv": ordersData})
	r := call("", "check", "ten.yaml", "--json")
	if r.code != 2 || r.err != "" {
		t.Errorf("exit %d, stderr %s", r.code, r.err)
	}
	found := parse[[]place](t, r.out)
	for _, want := range tenPlaces {
		seen := false
		for _, got := range found {
			seen = seen || got == want
		}
		if !seen {
			t.Errorf("%v was not found", want)
		}
	}
	text := call("", "check", "ten.yaml")
	if text.code != 2 || text.out != "" {
		t.Errorf("exit %d, stdout %s", text.code, text.out)
	}
	for _, d := range parse[[]struct{ Message, Hint string }](t, r.out) {
		if !strings.Contains(text.err, d.Message) || !strings.Contains(text.err, d.Hint) {
			t.Errorf("the text does not say %q", d.Message)
		}
	}
	t.Chdir(packageDir)
	golden(t, "ten-mistakes.txt", strings.ReplaceAll(text.err, dir, "DIR"))
	golden(t, "ten-mistakes.json", strings.ReplaceAll(r.out, dir, "DIR"))
}

func TestCheckSaysOK(t *testing.T) {
	folder(t, ordersFiles())
	call("", "check", "orders.yaml").want(t, 0, "orders.yaml: ok, 3 nodes, 2 edges\n", "")
	call("", "lint", "orders.yaml", "--json").want(t, 0, "[]\n", "")
	call(ordersFlow, "validate", "-").want(t, 0, "stdin: ok, 3 nodes, 2 edges\n", "")
}

func TestCheckStrict(t *testing.T) {
	files := ordersFiles()
	files["orders.yaml"] += "types: {Unused: int}\n"
	folder(t, files)
	if r := call("", "check", "orders.yaml"); r.code != 0 || !strings.Contains(r.err, "warning: type Unused is never used [W503]") || r.out != "orders.yaml: ok, 3 nodes, 2 edges, 1 warning\n" {
		t.Errorf("got %+v", r)
	}
	for _, flag := range []string{"--strict", "--deny-warnings"} {
		if r := call("", "check", "orders.yaml", flag); r.code != 2 || r.out != "" || !strings.HasSuffix(r.err, "orders.yaml: 1 warning\n") {
			t.Errorf("%s: got %+v", flag, r)
		}
	}
}

func TestCheckFilesThatAreNoFlows(t *testing.T) {
	folder(t, map[string]string{"empty.yaml": "", "flow.yaml": ordersFlow, "dir/x.txt": "", "tabs.yaml": "nodes:\n\ta: {use: drop}\n"})
	call("", "check", "flwo.yaml").want(t, 2, "", "flwo.yaml: there is no such file [E401]\n  hint: did you mean \"flow.yaml\"?\nflwo.yaml: 1 error\n")
	call("", "check", "dir/x.yaml").want(t, 2, "", "dir/x.yaml: there is no such file [E401]\ndir/x.yaml: 1 error\n")
	call("", "run", ".").want(t, 2, "", ".: this is a folder, not a flow [E401]\n  hint: it has flow.yaml, tabs.yaml\n.: 1 error; nothing was run\n")
	call("", "check", "dir").want(t, 2, "", "flowrun: dir: there is no flow in here\n  hint: a flow is a file *.yaml or *.yml with the key nodes\n")
	if r := call("", "check", "empty.yaml"); r.code != 2 || !strings.Contains(r.err, "empty.yaml: 1 error\n") {
		t.Errorf("got %+v", r)
	}
	if r := call("", "check", "tabs.yaml"); r.code != 2 || !strings.Contains(r.err, "tabs.yaml:2:1") {
		t.Errorf("got %+v", r)
	}
	r := call("", "check", "nope.yaml", "--json")
	if found := parse[[]struct{ File, Code string }](t, r.out); len(found) != 1 || found[0].File != "nope.yaml" || found[0].Code != "E401" || r.code != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestCheckWalks(t *testing.T) {
	files := map[string]string{
		"a/orders.yaml": ordersFlow, "a/orders.csv": ordersData, "a/b/orders.yml": ordersFlow, "a/b/orders.csv": ordersData,
		"a/config.yaml": "version: 3\n", "a/testdata/bad.yaml": "nodes: 3\n", "a/.hidden/bad.yaml": "nodes: 3\n", "a/_bad.yaml": "nodes: 3\n",
	}
	folder(t, files)
	want := "a/b/orders.yml: ok, 3 nodes, 2 edges\na/orders.yaml: ok, 3 nodes, 2 edges\n"
	call("", "check", "a").want(t, 0, want, "")
	call("", "check", "./...").want(t, 0, want, "")
	call("", "check", "a/...").want(t, 0, want, "")
}

func TestVariables(t *testing.T) {
	folder(t, map[string]string{"v.yaml": strings.Replace(ordersFlow, "amount >= 20", `"amount >= ${LEAST}"`, 1), "orders.csv": ordersData})
	if r := call("", "check", "v.yaml"); r.code != 2 || !strings.Contains(r.err, "the variable LEAST is not set") || !strings.Contains(r.err, "-s LEAST=value") {
		t.Errorf("got %+v", r)
	}
	call("", "check", "v.yaml", "-s", "LEAST=20").want(t, 0, "v.yaml: ok, 3 nodes, 2 edges\n", "")
	if r := call("", "check", "v.yaml", "-s", "LEAST=20", "-s", "LAEST=3"); r.code != 2 || !strings.Contains(r.err, `the flow has no variable "LAEST"`) {
		t.Errorf("got %+v", r)
	}
	t.Setenv("LEAST", "20")
	call("", "check", "v.yaml").want(t, 0, "v.yaml: ok, 3 nodes, 2 edges\n", "")
}
