package sql

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes/nodetest"
	"github.com/flowrun/flowrun/nodes/std"
)

var kit = nodetest.New(std.Nodes, Nodes)

func TestKinds(t *testing.T) { kit.Conform(t, Nodes...) }

// load compiles a flow that may ask its peers, in a folder. URL stands for the address.
func load(t testing.TB, dir, url, flow string, files map[string]string) (*graph.Flow, diag.List) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	source := diag.NewSource(filepath.Join(dir, "flow.yaml"), []byte(strings.ReplaceAll(flow, "URL", "'"+url+"'")))
	return graph.Load(source, kit.Registry(t), graph.Options{Peers: context.Background()})
}

// perform loads and runs a flow that must be right.
func perform(t testing.TB, dir, url, flow string, files map[string]string) nodetest.Result {
	t.Helper()
	f, list := load(t, dir, url, flow, files)
	if list.HasErrors() {
		t.Fatal(nodetest.Printed(list))
	}
	r := kit.RunFlow(t, f, nodetest.Setup{})
	r.Dir = dir
	noCanary(t, r.Log, nodetest.Printed(list), r.Told())
	return r
}

// noCanary fails if a text has the password.
func noCanary(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, canary) {
			t.Errorf("the password is shown:\n%s", text)
		}
	}
}

func parsed(t testing.TB, text string) *types.Type {
	t.Helper()
	typ, err := types.Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// A request whose item finds no row gets lost only where the item does.
func TestLookupPasses(t *testing.T) {
	for kind, lost := range map[string]string{"left": "", "inner": "nobody reads it.unmatched"} {
		_, problems := kit.Load(t, `nodes:
  ask: {use: http.listen, with: {address: "127.0.0.1:1", as: "{n: int}", respond: reply}}
  it: {use: sql.lookup, in: ask, with: {url: "sqlite::memory:", table: t, on: {n: id}, kind: `+kind+`, as: "{name: string}"}}
  a: {use: http.reply, in: it}
`, nil)
		if lost == "" && problems.HasErrors() || lost != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, lost)) {
			t.Errorf("%s: %v", kind, problems)
		}
	}
}

// No database is asked for a reply.
func TestLookupOfReplies(t *testing.T) {
	_, problems := kit.Load(t, `nodes:
  ask: {use: http.listen, with: {address: "127.0.0.1:1", as: "{n: int}", respond: reply}}
  it: {use: sql.lookup, in: ask, with: {url: "sqlite::memory:", table: t, on: {reply: id}, as: "{name: string}"}}
  a: {use: http.reply, in: it}
`, nil)
	if len(problems) != 1 || problems[0].Message != "it: a reply is no data, so nothing can be looked up by reply" {
		t.Error(problems)
	}
}
