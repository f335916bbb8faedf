package http_test

import (
	"context"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/nodes/file"
	"github.com/flowrun/flowrun/nodes/flow"
	"github.com/flowrun/flowrun/nodes/http"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

var kit = nodetest.New(http.Nodes, file.Nodes, flow.Nodes)

func TestKinds(t *testing.T) {
	kit.Peers("http.listen", shop).Conform(t, http.Nodes...)
}

// shop sends the orders of the example, and stops the flow.
func shop(ctx context.Context, n *nodetest.Network, stop func()) {
	if !n.Await(ctx, "127.0.0.1:8080") {
		return
	}
	client := n.Client()
	defer client.CloseIdleConnections()
	for _, order := range []string{`{"id": 1, "amount": 9.5}`, `{"id": 2, "amount": 20}`} {
		if got := post(ctx, client, "http://127.0.0.1:8080/orders", order); got != "200 " {
			println(got)
		}
	}
	stop()
}

// post sends a body and gives the status and the answer.
func post(ctx context.Context, client *nethttp.Client, url, body string) string {
	r, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, strings.TrimSpace(string(text)))
}
