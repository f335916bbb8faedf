package cli_test

import (
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packageDir is where the tests begin.
var packageDir, _ = os.Getwd()

// flowsDir has the shipped flows.
var flowsDir = filepath.Join(packageDir, "../../../flows")

func TestTypes(t *testing.T) {
	folder(t, ordersFiles())
	r := call("", "types", "orders.yaml")
	if r.code != 0 || r.err != "" {
		t.Fatalf("got %+v", r)
	}
	all := parse[struct {
		Nodes []struct {
			ID  string
			Out []struct {
				Type, Declare string
				Fields        []struct {
					Name, Type string
					Read       bool
					Origin     struct {
						How, Node, File string
						Line            int
					}
				}
			}
		}
	}](t, call("", "types", "orders.yaml", "--json").out)
	if len(all.Nodes) != 3 || all.Nodes[0].ID != "orders" || len(all.Nodes[0].Out) != 1 {
		t.Fatalf("got %+v", all)
	}
	fields := all.Nodes[0].Out[0].Fields
	if f := fields[3]; f.Name != "zip code" || f.Type != "string" || !f.Read || f.Origin.Node != "orders" || f.Origin.How != "sampled from orders.csv" || f.Origin.Line != 3 {
		t.Errorf("got %+v", f)
	}
	t.Chdir(packageDir)
	golden(t, "types.txt", r.out)
}

// A sampled type can be pasted, and then nothing changes.
func TestTypesCanBePinned(t *testing.T) {
	folder(t, ordersFiles())
	declared := parse[struct {
		Nodes []struct {
			Out []struct{ Declare, Type string }
		}
	}](t, call("", "types", "orders.yaml", "--json").out).Nodes[0].Out[0]
	flow := strings.Replace(ordersFlow, "path: orders.csv", "path: orders.csv, as: Orders", 1) + "types:\n"
	for line := range strings.Lines(declared.Declare) {
		flow += "  " + line
	}
	if err := os.WriteFile("pinned.yaml", []byte(flow), 0o644); err != nil {
		t.Fatal(err)
	}
	call("", "check", "pinned.yaml").want(t, 0, "pinned.yaml: ok, 3 nodes, 2 edges\n", "")
	pinned := parse[struct {
		Nodes []struct{ Out []struct{ Expanded string } }
	}](t, call("", "types", "pinned.yaml", "--json").out).Nodes[0].Out[0]
	if pinned.Expanded != declared.Type {
		t.Errorf("sampled %s, pinned %s", declared.Type, pinned.Expanded)
	}
}

// Of a flow with errors the types are shown that can be told.
func TestTypesOfAFlowWithErrors(t *testing.T) {
	folder(t, map[string]string{"orders.yaml": strings.Replace(ordersFlow, "amount", "amuont", 1), "orders.csv": ordersData})
	r := call("", "types", "orders.yaml")
	if r.code != 2 || !strings.Contains(r.err, `unknown field "amuont"`) || !strings.Contains(r.out, "zip code") {
		t.Errorf("got %+v", r)
	}
	call("", "types", "nope.yaml").want(t, 2, "", "nope.yaml: there is no such file [E401]\n  hint: there is orders.yaml\nnope.yaml: 1 error\n")
}

func TestRender(t *testing.T) {
	folder(t, ordersFiles())
	svg := call("", "render", "orders.yaml")
	if svg.code != 0 || svg.err != "" {
		t.Fatalf("got %d %s", svg.code, svg.err)
	}
	for d := xml.NewDecoder(strings.NewReader(svg.out)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"orders", "large", "file.read", "×2", "8192"} {
		if !strings.Contains(svg.out, text) {
			t.Errorf("the drawing does not show %s", text)
		}
	}
	call("", "render", "orders.yaml", "-o", "a.svg").want(t, 0, "", "")
	if read(t, "a.svg") != svg.out {
		t.Error("the file and standard output differ")
	}
	call("", "graph", "orders.yaml", "-o", "a.png").want(t, 0, "", "")
	f, err := os.Open("a.png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 200 {
		t.Errorf("the png is %v, %v", img, err)
	}
	if r := call("", "render", "orders.yaml", "--format", "dot"); r.code != 0 || !strings.HasPrefix(r.out, "digraph") {
		t.Errorf("got %+v", r)
	}
	call("", "render", "orders.yaml", "-o", "a.mmd").want(t, 0, "", "")
	if text := read(t, "a.mmd"); !strings.Contains(text, "flowchart") {
		t.Errorf("got %s", text)
	}
}

// Of several flows that do not meet a line says so.
func TestRenderJoins(t *testing.T) {
	flow := "nodes:\n  in: {use: file.read, with: {path: %s.jsonl, as: '{id: int}'}}\n  out: {use: file.write, in: in, with: {path: %s.jsonl}}\n"
	folder(t, map[string]string{"a.yaml": fmt.Sprintf(flow, "x", "y"), "b.yaml": fmt.Sprintf(flow, "y", "z"), "x.jsonl": "", "y.jsonl": ""})
	call("", "render", "a.yaml", "b.yaml", "-o", "all.svg").want(t, 0, "", "")
	call("", "render", "a.yaml", "a.yaml", "-o", "all.svg").want(t, 0, "", "render: no flow reads what another one writes, as far as their settings tell: they are drawn side by side\n")
}

func TestRenderWritesNothingOfABadFlow(t *testing.T) {
	folder(t, map[string]string{"bad.yaml": "nodes: {a: {use: fliter}}\n"})
	if r := call("", "render", "bad.yaml", "-o", "bad.svg"); r.code != 2 || !strings.Contains(r.err, `did you mean "filter"?`) {
		t.Errorf("got %+v", r)
	}
	if files, _ := os.ReadDir("."); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
	folder(t, ordersFiles())
	call("", "render", "orders.yaml", "-o", "no/such/folder.svg").want(t, 1, "", "flowrun: no/such/folder.svg: there is no folder no/such\n  hint: mkdir -p no/such\n")
}

func TestNodes(t *testing.T) {
	r := call("", "nodes")
	if r.code != 0 || !strings.Contains(r.out, "file\n  file.read ") || !strings.Contains(r.out, "flow\n  balance ") {
		t.Errorf("got %+v", r)
	}
	kinds := parse[[]struct {
		Kind, Pack, Summary string
		Settings            []struct{ Name, Doc string }
		Lines               map[string]string
		Examples            []struct{ Flow string }
	}](t, call("", "list", "--json").out)
	for _, k := range kinds {
		if k.Summary == "" || k.Pack == "" || k.Lines["emits"] == "" || len(k.Examples) == 0 {
			t.Errorf("%s is not described: %+v", k.Kind, k)
		}
		text := call("", "nodes", k.Kind)
		if text.code != 0 || !strings.HasPrefix(text.out, k.Kind+"  "+k.Summary) {
			t.Errorf("%s: got %+v", k.Kind, text)
		}
		for _, s := range k.Settings {
			if !strings.Contains(text.out, "\n  "+s.Name+"  ") {
				t.Errorf("%s does not show its setting %s", k.Kind, s.Name)
			}
		}
	}
	if !slices.ContainsFunc(kinds, func(k struct {
		Kind, Pack, Summary string
		Settings            []struct{ Name, Doc string }
		Lines               map[string]string
		Examples            []struct{ Flow string }
	}) bool {
		return k.Kind == "filter" && k.Pack == "flow"
	}) {
		t.Error("there is no filter")
	}
	golden(t, "nodes-filter.txt", call("", "nodes", "filter").out)
}

func TestFmt(t *testing.T) {
	const messy = "flow:   f\nnodes:\n      a:  {use:   generate,with: {count: 3}}   # three\n      b: {use: drop, in: a}\n"
	folder(t, map[string]string{"f.yaml": messy})
	r := call("", "fmt", "f.yaml")
	if r.code != 0 || r.err != "" || r.out == messy || !strings.Contains(r.out, "# three") {
		t.Fatalf("got %+v", r)
	}
	call(messy, "fmt", "-").want(t, 0, r.out, "")
	call("", "fmt", "--check", "f.yaml").want(t, 1, "f.yaml\n", "")
	call(messy, "fmt", "-l", "-").want(t, 1, "stdin\n", "")
	call("", "fmt", "-w", "f.yaml").want(t, 0, "", "")
	if read(t, "f.yaml") != r.out {
		t.Error("the file and standard output differ")
	}
	call("", "fmt", "--check", ".").want(t, 0, "", "")
	call("a: [\n", "fmt", "-").want(t, 2, "", "stdin:...")
	if files, _ := os.ReadDir("."); len(files) != 1 {
		t.Errorf("there are %v", files)
	}
}

func TestNewRunsAsItIs(t *testing.T) {
	folder(t, nil)
	call("", "new", "sales", "-o", "sub").want(t, 0, "wrote sub/sales.yaml and sub/sales.csv\nrun it:\n  flowrun run sub/sales.yaml\n", "")
	call("", "check", "--strict", "sub/sales.yaml").want(t, 0, "sub/sales.yaml: ok, 5 nodes, 4 edges\n", "")
	call("", "run", "-q", "sub/sales.yaml").want(t, 0, "", "")
	want := `{"customer":"ada","orders":3,"spent":243.4,"largest":61.2}
{"customer":"grace","orders":1,"spent":120,"largest":120}
`
	if got := read(t, "sub/sales-result.jsonl"); got != want {
		t.Errorf("got %s", got)
	}
	// The data is of its type in every field, also in those that the flow does not read.
	write(t, "sub/all.yaml", strings.Replace(read(t, "sub/sales.yaml"), "amount >= 20", `string(day) != "" && id > 0 && amount >= 20`, 1))
	call("", "run", "-q", "sub/all.yaml").want(t, 0, "", "")
	call("", "new", "sales", "-o", "sub").want(t, 2, "", "flowrun: sub/sales.yaml already exists\n  hint: give another name: flowrun new NAME\n")
	call("", "fmt", "--check", "sub").want(t, 0, "", "")
}

func TestNewChains(t *testing.T) {
	folder(t, nil)
	call("", "new", "chain", "file.read/filter/map/group/sort/unique/file.write").want(t, 0, "wrote chain.yaml and chain.csv\n...", "")
	r := call("", "check", "chain.yaml")
	if strings.Contains(r.err, "FILL_IN") || r.code != 2 || !strings.Contains(r.err, `"amount"`) {
		// `sort` reads what `group` leaves, so its field is unknown: that is for the user.
		t.Errorf("got %+v", r)
	}
	call("", "new", "ok", "file.read/filter/map/sort/route/file.write").want(t, 0, "wrote ok.yaml and ok.csv\nrun it:\n  flowrun run ok.yaml\n", "")
	call("", "run", "-q", "ok.yaml").want(t, 0, "", "")
	if got := read(t, "ok-result.jsonl"); strings.Count(got, "\n") != 4 {
		t.Errorf("got %s", got)
	}
	call("", "new", "fill", "file.read/join/drop").want(t, 0, "wrote fill.yaml and fill.csv\nthere is something to fill in yet; to see what:\n  flowrun check fill.yaml\n", "")
}

func TestDocsAreDeterministic(t *testing.T) {
	dir := folder(t, map[string]string{"kinds/gone.md": "<!-- Generated by `make docs`; change the declarations instead. -->\n\n# gone\n", "kinds/mine.md": "# by hand\n"})
	call("", "docs", dir).want(t, 0, "", "")
	first := map[string]string{}
	filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
		if !e.IsDir() {
			first[path] = read(t, path)
		}
		return nil
	})
	call("", "docs", dir).want(t, 0, "", "")
	for path, text := range first {
		if read(t, path) != text {
			t.Errorf("%s changes", path)
		}
	}
	for _, name := range []string{"kinds/README.md", "kinds/filter.md", "kinds/file.read.md", "schema.json", "diagnostics.md", "expressions.md", "nodes.md", "commands.md", "kinds/mine.md"} {
		if first[filepath.Join(dir, name)] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	if _, err := os.Stat("kinds/gone.md"); err == nil {
		t.Error("the page of a kind that is gone stayed")
	}
}
