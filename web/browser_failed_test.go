package web_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
	"github.com/flowrun/flowrun/scheduler"
	"github.com/flowrun/flowrun/web"
)

// An item that failed is shown with its place in the flow, the row and where that was read,
// and what to do, also when the run ended before anybody looked.
func TestFailedItemsOnThePage(t *testing.T) {
	b := openBrowser(t, 1400, 900)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "orders.csv"), []byte("id,qty,price,password\n1,2,3,geheim\n2,0,5,geheim\nx,1,1,geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const text = `flow: shop
nodes:
  orders: {use: file.read, on_error: skip, with: {path: orders.csv, as: "{id: int, qty: int, price: int, password: string}"}}
  each:
    use: map
    in: orders
    on_error: skip
    with:
      set:
        unit: price / qty
  out: {use: file.write, in: each, with: {path: out.csv}}
`
	registry, err := nodes.NewRegistry(std.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	flow, list := graph.Load(diag.NewSource(filepath.Join(dir, "shop.yaml"), []byte(text)), registry, graph.Options{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	run, err := scheduler.New(flow, registry, scheduler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	server := serve(t, flow, run, web.Options{})
	for node, want := range map[string][]string{ // how many came out, and parts of the text
		"each":   {"1", "division by zero: 5 / 0", "shop.yaml:10:15", "unit: price / qty", "^^^^^^^^^^^", `"qty":0`, "•••"},
		"orders": {"2", `want int, got "x"`, "orders.csv:4", "x,1,1,•••"},
	} {
		b.open(server.URL + "/?sel=" + node)
		b.until(`document.querySelector("#inspector .error")`)
		b.until(`[...document.querySelectorAll("#inspector .figures.four b")][1].textContent === "` + want[0] + `"`)
		text := b.text("#inspector")
		for _, part := range want[1:] {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in the inspector: %s", node, part, text)
			}
		}
		if strings.Contains(text, "geheim") {
			t.Errorf("%s: the inspector shows a secret: %s", node, text)
		}
	}
	b.clean(server.URL)
}
