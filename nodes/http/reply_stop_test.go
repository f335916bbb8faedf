package http_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// This file has requests that meet the end of something: of the patience of their sender, of
// their time, or of the flow.

// Whoever does not read its answer holds nothing for longer than a while.
func TestUnreadAnswer(t *testing.T) {
	for _, path := range []string{"/", "/none"} {
		synctest.Test(t, func(t *testing.T) {
			var got string
			r := kit.Run(t, `nodes:
  ask: {use: http.listen, with: {address: "shop:80", as: "{id: int}", respond: reply, timeout: 1m}}
  a: {use: http.reply, in: ask, with: {body: id}}
`, nil, nodetest.Setup{World: func(ctx context.Context, n *nodetest.Network, stop func()) {
				defer stop()
				n.Await(ctx, "shop:80")
				nodes.Sleep(ctx, time.Second)
				conn, err := n.DialContext(ctx, "tcp", "shop:80")
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: shop\r\nContent-Length: 8\r\n\r\n{\"id\":1}")
				nodes.Sleep(ctx, 3*time.Minute)
				all, _ := io.ReadAll(conn)
				got = string(all)
			}})
			if r.Err != nil || got != "" {
				t.Errorf("%v, and it still gets %q", r.Err, got)
			}
		})
	}
}

// A listener at whose address another one goes on answers that the flow has no use for more.
func TestEndedBesideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second string
		r := kit.Run(t, `nodes:
  one: {use: http.listen, with: {address: "shop:80", path: /one, as: "{id: int}", respond: reply, else: {status: 404}}}
  two: {use: http.listen, with: {address: "shop:80", path: /two, as: "{id: int}", respond: accepted}}
  few: {use: limit, in: two, with: {count: 1}}
  a: {use: http.reply, in: one}
  d: {use: drop, in: few}
`, nil, nodetest.Setup{World: func(ctx context.Context, n *nodetest.Network, stop func()) {
			n.Await(ctx, "shop:80")
			nodes.Sleep(ctx, time.Second)
			client := n.Client()
			defer client.CloseIdleConnections()
			first = post(ctx, client, "http://shop:80/two", `{"id":1}`)
			nodes.Sleep(ctx, time.Second)
			second = post(ctx, client, "http://shop:80/two", `{"id":2}`)
			stop()
		}})
		if r.Err != nil || !strings.HasPrefix(first, "202") || !strings.HasPrefix(second, "503") {
			t.Errorf("%v, %q, %q", r.Err, first, second)
		}
	})
}

// Requests come while a flow is stopped, senders go away, and times are over: each gets one
// answer, and none is left behind.
func TestStopWithRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := map[int]int{}
		r := kit.Run(t, `nodes:
  ask: {use: http.listen, with: {address: "shop:80", as: "{id: int}", respond: reply, timeout: 100ms}}
  way: {use: route, in: ask, with: {cases: {quick: id % 2 == 0}}}
  few: {use: limit, in: ask, with: {count: 3}}
  soon: {use: http.reply, in: few, with: {to: reply}}
  late: {use: delay, in: way.else, with: {for: 100ms}}
  a: {use: http.reply, in: way.quick, with: {body: id}, workers: 3}
  b: {use: http.reply, in: late, with: {body: id}, workers: {min: 1, max: 4}, order: none}
`, nil, nodetest.Setup{World: func(ctx context.Context, n *nodetest.Network, stop func()) {
			n.Await(ctx, "shop:80")
			nodes.Sleep(ctx, 10*time.Millisecond)
			answers := make(chan int)
			const many = 300
			for id := range many {
				go func() {
					nodes.Sleep(ctx, time.Duration(id)*time.Millisecond)
					conn, err := n.DialContext(ctx, "tcp", "shop:80")
					if err != nil {
						answers <- -1 // nobody listens any more
						return
					}
					defer conn.Close()
					r, _ := nethttp.NewRequest(nethttp.MethodPost, "http://shop/", strings.NewReader(fmt.Sprintf(`{"id":%d}`, id)))
					if r.Write(conn); id%7 == 0 {
						answers <- 0 // it goes away
						return
					}
					res, err := nethttp.ReadResponse(bufio.NewReader(conn), r)
					if err != nil {
						answers <- -1
						return
					}
					io.Copy(io.Discard, res.Body)
					answers <- res.StatusCode
				}()
			}
			go func() {
				nodes.Sleep(ctx, 200*time.Millisecond)
				stop()
			}()
			for range many {
				counts[<-answers]++
			}
		}})
		if r.Err != nil {
			t.Error(r.Told())
		}
		known := counts[-1] + counts[0] + counts[200] + counts[503] + counts[504]
		if counts[200] == 0 || counts[504] == 0 || known != 300 {
			t.Errorf("%v", counts)
		}
	})
}
