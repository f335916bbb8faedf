package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/scheduler/flowtest"
)

// testFolder has a flow with good and bad tests below the folder it makes current.
func testFolder(t *testing.T) {
	files := ordersFiles()
	flow := files["orders.yaml"]
	delete(files, "orders.yaml")
	good := "tests:\n  - name: small ones\n    expect: {orders: {count: {min: 1}}}\n  - {name: again, stop: 1h}\n"
	folder(t, map[string]string{
		"a/orders.yaml": flow, "a/orders.csv": files["orders.csv"], "a/orders_test.yaml": good,
		"b/orders.yaml": flow, "b/orders.csv": files["orders.csv"], "b/orders_test.yaml": good + "  - {name: none, expect: {orders: []}}\n",
		"alone.yaml":                  flow,
		"c/orders_test.yaml":          "tests: [{name: a, expct: {}}]\n",
		"a/testdata/orders_test.yaml": "left out",
	})
}

func TestTestVerb(t *testing.T) {
	testFolder(t)
	for _, c := range []struct {
		args []string
		code int
		out  string // parts of standard output and standard error, in order
	}{
		{[]string{"a"}, 0, "ok    a/orders_test.yaml: 2 tests"},
		{[]string{"a", "-v"}, 0, "pass  small ones (;0s virtual);pass  again"},
		{[]string{"a/orders_test.yaml", "--run", "small", "-v"}, 0, "pass  small;: 1 test,"},
		{[]string{"a/...", "b"}, 1, "ok    a/;FAIL  none (;b/orders_test.yaml:5:27: orders: item 1 is not expected [E501];got {;FAIL  b/orders_test.yaml: 1 of 3 tests failed"},
		{nil, 2, "ok    a/;FAIL  b/;FAIL  c/orders_test.yaml: the file cannot be run;unknown key \"expct\";did you mean \"expect\"?"},
		{[]string{"a", "--coverage"}, 0, "coverage of a/orders.yaml: nodes 3 of 3, ports 2 of 2"},
		{[]string{"a/orders.yaml"}, 0, "ok    a/orders_test.yaml: 2 tests"},
		{[]string{"alone.yaml"}, 2, "alone.yaml has no tests: there is no alone_test.yaml"},
		{[]string{"d"}, 2, "d: no such file"},
		{[]string{"a", "--run", "("}, 2, "--run: error parsing regexp"},
		{[]string{"a", "--run", "nothing"}, 2, `no test has a name that matches "nothing"`},
		{[]string{"a", "--limit", "0s"}, 2, "--limit 0s"},
		{[]string{"a/testdata"}, 2, ""},
	} {
		r := call("", append([]string{"test"}, c.args...)...)
		rest := r.out + r.err
		for _, part := range strings.Split(c.out, ";") {
			_, after, ok := strings.Cut(rest, part)
			if !ok {
				t.Errorf("%q: no %q in\n%s%s", c.args, part, r.out, r.err)
				break
			}
			rest = after
		}
		if r.code != c.code {
			t.Errorf("%q: exit %d, want %d\n%s%s", c.args, r.code, c.code, r.out, r.err)
		}
	}
	if left, _ := filepath.Glob("*/out*"); len(left) > 0 {
		t.Errorf("the tests left %q behind", left)
	}
}

func TestTestVerbWithoutTests(t *testing.T) {
	folder(t, ordersFiles())
	call("", "test").want(t, 2, "", "flowrun: .: there is no *_test.yaml in here\n  hint: flowrun test --help shows one\n")
}

func TestTestVerbJSON(t *testing.T) {
	testFolder(t)
	r := call("", "test", "--json", "--coverage")
	got := parse[struct {
		Files []struct {
			File, Flow string
			Problems   []struct{ Code string }
			Tests      []struct {
				Name        string
				Passed      bool
				Differences []struct {
					Code, Message string
					Line          int
				}
			}
		}
		Coverage map[string]flowtest.Coverage
	}](t, r.out)
	if r.code != 2 || r.err != "" || len(got.Files) != 3 {
		t.Fatalf("got %+v", r)
	}
	b := got.Files[1]
	if b.File != filepath.Join("b", "orders_test.yaml") || len(b.Tests) != 3 || b.Tests[0].Passed != true || b.Tests[2].Passed || b.Tests[2].Differences[0].Code != "E501" || b.Tests[2].Differences[0].Line != 5 {
		t.Errorf("got %+v", b)
	}
	if c := got.Files[2]; len(c.Problems) != 2 || c.Problems[0].Code != "E101" {
		t.Errorf("got %+v", c)
	}
	if n := got.Coverage[filepath.Join("a", "orders.yaml")].Nodes; len(n) != 3 || !n[0].By {
		t.Errorf("got %+v", got.Coverage)
	}
}

// The schema of test files accepts those that are shipped, and refuses mistakes.
func TestSchemaOfTests(t *testing.T) {
	r := call("", "schema", "--tests")
	v := &validator{parse[object](t, r.out), t}
	var paths []string
	for _, pattern := range []string{"*", "patterns/*"} {
		found, _ := filepath.Glob(filepath.Join(flowsDir, pattern+flowtest.Suffix))
		paths = append(paths, found...)
	}
	if r.code != 0 || len(paths) < 10 {
		t.Fatal(r, paths)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := v.check(v.root, fromYAML(t, string(text)), "tests"); len(wrong) > 0 {
			t.Errorf("%s: %s", path, strings.Join(wrong, "\n"))
		}
	}
	for _, text := range []string{"{}", "tests: [{}]", "tests: [{name: a, stub: {x: {giv: 1}}}]", "tests: [{name: a, expect: {x: {item: []}}}]", "tests: [{name: a, clock: fast}]"} {
		if len(v.check(v.root, fromYAML(t, text), "tests")) == 0 {
			t.Errorf("%s is accepted", text)
		}
	}
}
