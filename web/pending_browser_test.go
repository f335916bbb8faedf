package web_test

import (
	"net/http/httptest"
	"testing"
)

// TestPendingInABrowser opens the list while a flow is still being checked: the flow
// takes its place there by itself.
func TestPendingInABrowser(t *testing.T) {
	b := openBrowser(t, 1000, 700)
	k := newCacheKit(t, false, map[string]string{"slow.yaml": "flow: slow\nabout: here at last\nnodes: {}\n", "quick.yaml": "flow: quick\nnodes: {}\n"})
	goOn := make(chan struct{})
	k.hold = func(name string) {
		if name == "slow.yaml" {
			<-goOn
		}
	}
	server := httptest.NewServer(k.folder)
	defer server.Close()
	b.visit(server.URL + "/")
	b.until(`document.querySelectorAll("[data-pending]").length === 1 && document.getElementById("pending").textContent.startsWith("1 still")`)
	b.accessible()
	close(goOn)
	b.until(`document.querySelector(".flows").textContent.includes("here at last") && document.getElementById("pending").textContent === "All are checked."`)
	b.clean(server.URL)
}
