package http_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	nethttp "net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/nodetest"
)

// A crowd is clients that ask a listener at shop:80, each over a connection of its own.
type crowd struct {
	mu      sync.Mutex
	answers map[string]string // by body: status, text and the headers that begin with X-
	after   map[string]time.Duration
}

// ask sends the bodies at once, and then does what then says, while they wait.
func (c *crowd) ask(bodies []string, then func(ctx context.Context, stop func())) nodetest.World {
	return func(ctx context.Context, n *nodetest.Network, stop func()) {
		if !n.Await(ctx, "shop:80") {
			return
		}
		// The run begins with the first look of the engine: before, there is 503.
		nodes.Sleep(ctx, 10*time.Millisecond)
		var all sync.WaitGroup
		for _, body := range bodies {
			all.Go(func() {
				client := n.Client()
				defer client.CloseIdleConnections()
				start := time.Now()
				// The last answers may come as the run ends.
				got := askFor(context.WithoutCancel(ctx), client, body)
				c.mu.Lock()
				defer c.mu.Unlock()
				c.answers[body], c.after[body] = got, time.Since(start)
			})
		}
		if then != nil {
			then(ctx, stop)
		}
		all.Wait()
		stop()
	}
}

// answered waits until so many are.
func (c *crowd) answered(ctx context.Context, n int) {
	for {
		c.mu.Lock()
		have := len(c.answers)
		c.mu.Unlock()
		if have >= n || nodes.Sleep(ctx, time.Millisecond) != nil {
			return
		}
	}
}

// count is how many are answered.
func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers)
}

// askFor sends a body and gives what comes back.
func askFor(ctx context.Context, client *nethttp.Client, body string) string {
	r, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, "http://shop:80/", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	got := strings.TrimSpace(fmt.Sprintf("%d %s", res.StatusCode, strings.TrimSpace(string(text))))
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		if strings.HasPrefix(name, "X-") && name != "X-Content-Type-Options" {
			got += fmt.Sprintf(" %s=%s", name, res.Header.Get(name))
		}
	}
	return got
}

// run has a crowd ask a flow.
func run(t *testing.T, flow string, files map[string]string, bodies []string, then func(c *crowd, ctx context.Context, stop func())) (*crowd, nodetest.Result) {
	t.Helper()
	c := &crowd{answers: map[string]string{}, after: map[string]time.Duration{}}
	var during func(ctx context.Context, stop func())
	if then != nil {
		during = func(ctx context.Context, stop func()) { then(c, ctx, stop) }
	}
	return c, kit.Run(t, flow, files, nodetest.Setup{World: c.ask(bodies, during), Workers: 3})
}

// Ten thousand ask at once, and go three ways: through a condition, a join and a window that
// answers a hundred together. Each gets the one answer that is its own.
func TestTenThousandRequests(t *testing.T) {
	const flow = `nodes:
  ask: {use: http.listen, with: {address: "shop:80", as: "{id: int}", respond: reply, pending: 20000, timeout: 1h}}
  way: {use: route, in: ask, with: {cases: {odd: id % 2 == 1}}}
  names: {use: file.read, with: {path: names.csv}}
  named: {use: join, in: {left: way.odd, right: names}, with: {on: {id: number}}}
  known: {use: http.reply, in: named, with: {body: {id: id, name: name}}}
  nobody: {use: http.reply, in: named.unmatched, with: {status: 404, headers: {X-Id: string(id)}}}
  hundred: {use: window, in: way.else, with: {count: 100, set: {n: count(), all: collect(reply), least: min(id)}}}
  together: {use: http.reply, in: hundred, with: {to: all, body: '"one of " + string(n)'}}
`
	names := "number,name\n"
	var bodies []string
	for i := range 10_000 {
		bodies = append(bodies, fmt.Sprintf(`{"id":%d}`, i))
		if i%3 == 0 {
			names += fmt.Sprintf("%d,n%d\n", i, i)
		}
	}
	bodies = bodies[:9_950] // so the last window has fewer than a hundred: 4,975 are even
	synctest.Test(t, func(t *testing.T) {
		c, r := run(t, flow, map[string]string{"names.csv": names}, bodies, func(c *crowd, ctx context.Context, stop func()) {
			c.answered(ctx, 9_950-75)
			stop()
		})
		if r.Err != nil {
			t.Fatal(r.Told())
		}
		counts := map[string]int{}
		for i, body := range bodies {
			want := "200 one of 100"
			switch {
			case i%2 == 1 && i%3 == 0:
				want = fmt.Sprintf(`200 {"id":%d,"name":"n%d"}`, i, i)
			case i%2 == 1:
				want = fmt.Sprintf("404 X-Id=%d", i)
			case c.answers[body] == "200 one of 75":
				want = c.answers[body]
			}
			if got := c.answers[body]; got != want {
				t.Fatalf("%s: %s, want %s", body, got, want)
			}
			counts[want]++
		}
		if counts["200 one of 100"] != 4_900 || counts["200 one of 75"] != 75 {
			t.Errorf("%d in full windows, %d in the last", counts["200 one of 100"], counts["200 one of 75"])
		}
		if strings.Contains(r.Log, "nobody waited") {
			t.Errorf("answered twice: %s", r.Log)
		}
	})
}

// What requests get, whatever becomes of them in the flow.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		nodes  string
		bodies []string
		want   map[string]string
		logs   string // what the log says, "" if nothing is late
		fails  bool   // the run
		stop   time.Duration
	}{
		"forms of answers": {
			nodes: `
  way: {use: route, in: ask, with: {cases: {text: id == 1, number: id == 2, list: id == 3, nothing: id == 4, null: id == 5}}}
  a: {use: http.reply, in: way.text, with: {body: '"twice " + string(id * 2)', status: 200 + id}}
  b: {use: http.reply, in: way.number, with: {body: id * 1.5}}
  c: {use: http.reply, in: way.list, with: {body: '[id, id + 1]', headers: {X-A: '"a"', X-B: s}}}
  d: {use: http.reply, in: way.nothing, with: {status: 204}}
  e: {use: http.reply, in: way.null, with: {body: s}}
  f: {use: http.reply, in: way.else, with: {body: {id: id, s: s}, to: reply}}
`,
			bodies: []string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`, `{"id":5}`, `{"id":6,"s":"x"}`, `{"id":true}`},
			want: map[string]string{`{"id":1}`: "201 twice 2", `{"id":2}`: "200 3", `{"id":3}`: "200 [3,4] X-A=a", `{"id":4}`: "204", `{"id":5}`: "200",
				`{"id":6,"s":"x"}`: `200 {"id":6,"s":"x"}`, `{"id":true}`: `400 field "id": want int, got true`},
		},
		"failed items": {
			nodes: `
  part: {use: map, in: ask, with: {set: {p: 12 / (id - 2)}}, on_error: dead}
  a: {use: http.reply, in: part, with: {body: p}}
  b: {use: http.reply, in: part.errors, with: {status: 422, body: '"no: " + error'}}
`,
			bodies: []string{`{"id":1}`, `{"id":2}`, `{"id":4}`},
			want:   map[string]string{`{"id":1}`: "200 -12", `{"id":2}`: "422 no: division by zero: 12 / 0", `{"id":4}`: "200 6"},
		},
		"an item that ends the run": {
			nodes: `
  slow: {use: delay, in: ask, with: {for: 'duration(string(id) + "s")'}}
  part: {use: map, in: slow, with: {set: {p: 12 / (id - 2)}}}
  a: {use: http.reply, in: part, with: {body: p}}
`,
			bodies: []string{`{"id":1}`, `{"id":2}`, `{"id":3}`},
			want:   map[string]string{`{"id":1}`: "200 -12", `{"id":2}`: "503 the flow has ended, and what became of this is not known", `{"id":3}`: "503 the flow has ended, and what became of this is not known"},
			fails:  true,
		},
		"a status that is none": {
			nodes: `
  a: {use: http.reply, in: ask, with: {status: id}, on_error: dead}
  b: {use: http.reply, in: a.errors, with: {status: 500, body: error}}
`,
			bodies: []string{`{"id":1}`, `{"id":201}`},
			want:   map[string]string{`{"id":1}`: "500 1 is no status of an answer: want one from 200 to 599", `{"id":201}`: "201"},
		},
		"a header with a line end": {
			nodes: `
  a: {use: http.reply, in: ask, with: {headers: {X-S: s, X-T: text/html}}, on_error: dead}
  b: {use: http.reply, in: a.errors, with: {status: 500, body: error}}
`,
			bodies: []string{`{"id":1,"s":"a\tö"}`, `{"id":2,"s":"a\r\nX-T: 1"}`, `{"id":3,"s":"\u0000"}`, `{"id":4}`},
			want: map[string]string{`{"id":1,"s":"a\tö"}`: "200 X-S=a\tö X-T=text/html", `{"id":2,"s":"a\r\nX-T: 1"}`: `500 the header X-S cannot have a line end or a null byte in it: "a\r\nX-T: 1"`,
				`{"id":3,"s":"\u0000"}`: `500 the header X-S cannot have a line end or a null byte in it: "\x00"`, `{"id":4}`: "200 X-T=text/html"},
		},
		"many rows, put together again": {
			nodes: `
  list: {use: map, in: ask, with: {set: {list: "id > 1 ? [id, id + 1] : []", n: "id > 1 ? 2 : 1"}}}
  each: {use: flatten, in: list, with: {field: list, as: row, keep_empty: true}}
  twice: {use: map, in: each, with: {set: {twice: row * 2}}, workers: 3}
  all: {use: gather, in: twice, with: {id: reply, count: n}}
  a: {use: http.reply, in: all, with: {to: id, body: 'map(parts, #.twice)'}}
`,
			bodies: []string{`{"id":1}`, `{"id":2}`, `{"id":3}`},
			want:   map[string]string{`{"id":1}`: "200 [null]", `{"id":2}`: "200 [4,6]", `{"id":3}`: "200 [6,8]"},
		},
		"two answers": {
			nodes: `
  a: {use: http.reply, in: ask, with: {body: '"first"'}}
  later: {use: delay, in: ask, with: {for: 1s}}
  b: {use: http.reply, in: later, with: {body: '"second"'}}
`,
			bodies: []string{`{"id":1}`, `{"id":2}`},
			want:   map[string]string{`{"id":1}`: "200 first", `{"id":2}`: "200 first"},
			logs:   `"answers":2`,
		},
		"too late": {
			nodes: `
  later: {use: delay, in: ask, with: {for: 'duration(string(id) + "m")'}}
  b: {use: http.reply, in: later}
`,
			bodies: []string{`{"id":4}`, `{"id":6}`},
			want:   map[string]string{`{"id":4}`: "200", `{"id":6}`: "504 the flow has it, and is not done with it in time"},
			logs:   `"answers":1`, stop: 7 * time.Minute,
		},
		"a group, answered when the flow is stopped": {
			nodes: `
  sum: {use: group, in: ask, with: {set: {sum: sum(id), all: collect(reply)}}}
  b: {use: http.reply, in: sum, with: {to: all, body: sum}}
`,
			bodies: []string{`{"id":4}`, `{"id":6}`},
			want:   map[string]string{`{"id":4}`: "200 10", `{"id":6}`: "200 10"},
			stop:   time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				flow := "nodes:\n  ask: {use: http.listen, with: {address: 'shop:80', as: '{id: int, s: string?}', respond: reply, timeout: 5m}}" + c.nodes
				crowd, r := run(t, flow, nil, c.bodies, func(crowd *crowd, ctx context.Context, stop func()) {
					if c.stop > 0 {
						nodes.Sleep(ctx, c.stop)
						stop()
					}
				})
				if (r.Err != nil) != c.fails {
					t.Error(r.Told())
				}
				for body, want := range c.want {
					if got := crowd.answers[body]; got != want {
						t.Errorf("%s: %s, want %s", body, got, want)
					}
				}
				if strings.Count(r.Log, "nobody waited") > 1 {
					t.Error("the log says it several times")
				}
				if late := strings.Contains(r.Log, "nobody waited"); late != (c.logs != "") || !strings.Contains(r.Log, c.logs) {
					t.Errorf("the log: %s", r.Log)
				}
			})
		})
	}
}

// With else, what comes to no reply is answered all the same: as soon as the flow is done
// with it, and, where that is not known, when its time is over.
func TestElse(t *testing.T) {
	const soon = 2 * time.Second // cuts are drawn more often than that
	for name, c := range map[string]struct {
		nodes string
		slow  bool // the answer comes when the time is over
	}{
		"left out":        {"  f: {use: filter, in: ask, with: {where: id > 1}}\n  a: {use: http.reply, in: f}\n", false},
		"failed":          {"  f: {use: filter, in: ask, with: {where: 6 % (id - 1) == 0}, on_error: skip}\n  a: {use: http.reply, in: f}\n", false},
		"not answered":    {"  f: {use: filter, in: ask, with: {where: id > 1}}\n  a: {use: http.reply, in: f}\n  d: {use: drop, in: ask}\n", false},
		"held, then left": {"  h: {use: delay, in: ask, with: {for: 10s}}\n  f: {use: filter, in: h, with: {where: id > 1}}\n  a: {use: http.reply, in: f}\n", false},
		"ack: early":      {"  f: {use: filter, in: ask, with: {where: id > 1}}\n  h: {use: delay, in: f, with: {for: 100ms}}\n  a: {use: http.reply, in: h}\n", false},
		"looked up":       {"  made: {use: generate, with: {count: 3}}\n  n: {use: filter, in: made, with: {where: n != 1}}\n  f: {use: join, in: {left: ask, right: n}, with: {on: {id: n}}}\n  a: {use: http.reply, in: f}\n", false},
		"kept":            {"  f: {use: filter, in: ask, with: {where: id > 1}}\n  w: {use: window, in: f, with: {count: 1, set: {all: collect(reply)}}}\n  a: {use: http.reply, in: w, with: {to: all}}\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				flow := "nodes:\n  ask: {use: http.listen, with: {address: 'shop:80', as: '{id: int}', respond: reply, timeout: 1m, else: {status: 409, body: '{\"why\": \"not for us\"}'}}}\n" + c.nodes
				if name == "ack: early" { // which has no effect
					flow = strings.Replace(flow, "listen,", "listen, ack: early,", 1)
				}
				crowd, r := run(t, flow, nil, []string{`{"id":1}`, `{"id":2}`}, nil)
				if r.Err != nil {
					t.Fatal(r.Told())
				}
				if got := crowd.answers[`{"id":1}`]; got != `409 {"why": "not for us"}` {
					t.Errorf("what comes to no reply: %s", got)
				}
				if got := crowd.answers[`{"id":2}`]; got != "200" {
					t.Errorf("what does: %s", got)
				}
				after := crowd.after[`{"id":1}`]
				if name == "held, then left" {
					after -= 10 * time.Second
				}
				if slow := after > soon; slow != c.slow || after < 0 {
					t.Errorf("answered after %s", after)
				}
			})
		})
	}
}

// A status that is the same for all items is looked at by the check.
func TestConstantStatus(t *testing.T) {
	for status, wrong := range map[string]bool{"42": true, "' 600 '": true, "-1": true, "199": true, "200": false, "599": false, "qty": false, "'qty > 1 ? 200 : 404'": false} {
		_, list := kit.Load(t, "nodes:\n  ask: {use: http.listen, with: {address: ':80', as: '{qty: int}', respond: reply}}\n  a: {use: http.reply, in: ask, with: {status: "+status+"}}\n", nil)
		if told := nodetest.Printed(list); strings.Contains(told, "is no status of an answer: want one from 200 to 599") != wrong || list.HasErrors() != wrong {
			t.Errorf("%s: %s", status, told)
		}
	}
}
