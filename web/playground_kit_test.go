package web_test

import (
	"cmp"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/render"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler/trial"
	"github.com/flowrun/flowrun/web"
)

const ordersFlow = `flow: orders
about: What did each customer buy?

nodes:
  orders:
    use: file.read
    with: {path: data/orders.csv}

  large:
    use: filter
    in: orders
    with: {where: amount > 100}

  spent:
    use: group
    in: large
    with:
      by: [customer]
      set: {orders: count(), spent: sum(amount)}

  report:
    use: file.write
    in: spent
    with: {path: out/spent.csv}
`

const orders = "id,customer,amount\n1,ann,120.5\n2,bob,80\n3,ann,220\n4,cy,300\n"

// A ground is a folder that is served with its playground.
type ground struct {
	*httptest.Server
	dir string
}

// playground serves a folder with a flow and its data. It gives nothing up because the
// machine is slow.
func playground(t *testing.T, o web.FolderOptions, canRun bool, limits trial.Limits) ground {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "served")
	for name, text := range map[string]string{
		"orders.yaml": ordersFlow, "data/orders.csv": orders, "sub/other.yaml": "nodes:\n  a: {use: file.read, with: {path: ../data/orders.csv}}\n  b: {use: drop, in: a}\n",
		"secret.yaml": "nodes:\n  a: {use: nothing, with: {password: hunter2}}\n", "../outside.csv": "treasure\n1\n", ".env": "KEY=hunter2\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside.csv", filepath.Join(dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	limits.Time = cmp.Or(limits.Time, time.Hour) // a trial ends when it has its rows, however long that takes here
	o.Catalog, o.Playground = registry, &web.Playground{Root: root, Limits: limits}
	if canRun {
		o.Playground.Try = func(ctx context.Context, j trial.Job) trial.Result { return j.Run(ctx, registry) }
	}
	if o.Layout == nil {
		o.Layout = render.Layout
	}
	o.Paths = func() ([]string, error) {
		return []string{filepath.Join(dir, "orders.yaml"), filepath.Join(dir, "secret.yaml"), filepath.Join(dir, "sub/other.yaml")}, nil
	}
	o.Load = func(path string) (*graph.Flow, diag.List) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		return graph.Load(diag.NewSource(path, text), registry, graph.Options{})
	}
	f := web.NewFolder(o.Patient())
	t.Cleanup(f.Close)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return ground{server, dir}
}

// address is that of the playground with a flow of the folder.
func (g ground) address(flow string) string {
	return g.URL + "/playground?flow=" + filepath.Join(g.dir, flow)
}
