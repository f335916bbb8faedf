package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/nodes/nodetest"
)

// What was answered 200 is in the file, whenever the flow is stopped; what was
// answered otherwise may be.
func TestTakenIsNotLost(t *testing.T) {
	const flow = `nodes:
  in: {use: http.listen, with: {address: "shop:80", as: "{id: int}", pending: 20}}
  even: {use: filter, in: in, with: {where: id % 2 == 0}}
  out: {use: file.write, in: even, with: {path: out.jsonl, append: true}}
`
	for after := 1; after <= 40; after += 3 {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			answered, codes := map[int]bool{}, map[string]int{}
			world := func(ctx context.Context, n *nodetest.Network, stop func()) {
				if !n.Await(ctx, "shop:80") {
					return
				}
				var clients sync.WaitGroup
				for c := range 8 {
					clients.Go(func() {
						client := n.Client()
						defer client.CloseIdleConnections()
						for i := 0; ctx.Err() == nil && i < 50; i++ {
							id := c*50 + i
							got := post(ctx, client, "http://shop:80/", fmt.Sprintf(`{"id":%d}`, id))
							mu.Lock()
							codes[got[:min(3, len(got))]]++
							if strings.HasPrefix(got, "200") {
								answered[id] = true
							}
							enough := len(answered) >= after
							mu.Unlock()
							if enough {
								stop()
							}
						}
					})
				}
				clients.Wait()
			}
			r := kit.Run(t, flow, nil, nodetest.Setup{World: world, Workers: 3})
			if r.Err != nil {
				t.Fatal(r.Told())
			}
			written := map[int]int{}
			for line := range strings.Lines(r.File("out.jsonl")) {
				var row struct{ ID int }
				if err := json.Unmarshal([]byte(line), &row); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				written[row.ID]++
			}
			for id := range answered {
				if id%2 == 0 && written[id] != 1 {
					t.Errorf("after %d: %d was answered 200 and is there %d times", after, id, written[id])
				}
			}
			if len(answered) < after {
				t.Errorf("after %d: only %d were answered 200: %v", after, len(answered), codes)
			}
		})
	}
}
