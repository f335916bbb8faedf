package graph_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
)

// A passing is a node that reads requests, and what is lost in it. Its outputs are answered
// by the nodes of then; without any, its output out is.
type passing struct {
	node, then string
	lost       string // a part of the message, "" if nothing is lost
}

// passings has, for each kind that reads something and gives something, what becomes of
// requests in it.
var passings = map[string][]passing{
	"balance": {
		{"in: ask, with: {outputs: [a, b]}", "a: {use: http.reply, in: it.a}\n  b: {use: http.reply, in: it.b}", ""},
		{"in: ask, with: {outputs: [a, b]}", "a: {use: http.reply, in: it.a}\n  b: {use: drop, in: it.b}", "b (drop) leaves requests to ask without an answer: it takes items and does not answer them"},
	},
	"batch":       {{"in: ask, with: {count: 2}", "one: {use: unbatch, in: it}\n  a: {use: http.reply, in: one}", ""}},
	"changed":     {{"in: ask, with: {by: k}", "", "items that do not differ"}},
	"concat":      {{"in: [ask, ask]", "", ""}},
	"debounce":    {{"in: ask, with: {quiet: 1s}", "", "items that another one follows"}},
	"delay":       {{"in: ask, with: {for: 1s}", "", ""}},
	"filter":      {{"in: ask, with: {where: n > 1}", "", "items for which `where` is not true"}},
	"flatten":     {{"in: ask, with: {field: list}", "", "items whose list is empty"}, {"in: ask, with: {field: list, keep_empty: true}", "", ""}},
	"gather":      {{"in: ask, with: {id: k, count: 2}", "each: {use: flatten, in: it, with: {field: parts}}\n  a: {use: http.reply, in: each}", ""}},
	"group":       {{"in: ask, on_error: dead, with: {set: {m: 10 / max(n), r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}\n  b: {use: http.reply, in: it.errors}", "where m cannot be computed"}, {"in: ask, with: {by: k, set: {r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}", ""}, {"in: ask, with: {by: reply, set: {n: count()}}", "", ""}, {"in: ask, with: {set: {r: {value: collect(reply), where: n > 1}}}", "a: {use: http.reply, in: it, with: {to: r}}", "items for which `where` of r is not true"}},
	"http.call":   {{"in: ask, with: {url: 'http://h/', into: got}", "", ""}},
	"join":        {{"in: {left: ask, right: some}, with: {on: n, prefix: r_}", "", "nobody reads it.unmatched"}, {"in: {left: ask, right: some}, with: {on: n, prefix: r_}", "a: {use: http.reply, in: it}\n  b: {use: http.reply, in: it.unmatched}", ""}, {"in: {left: ask, right: some}, with: {on: n, kind: left, prefix: r_}", "", ""}, {"in: {left: ask, right: some}, with: {on: n, kind: semi, prefix: r_}", "", "nobody reads it.unmatched"}, {"in: {left: ask, right: some}, with: {on: n, kind: anti, prefix: r_}", "", "items that have a partner"}, {"in: {left: some, right: ask}, with: {on: n, prefix: r_}", "a: {use: http.reply, in: it, with: {to: r_reply}}", "items of right that no item of left asks for"}, {"in: {left: some, right: ask}, with: {on: n, kind: full, prefix: r_}", "a: {use: http.reply, in: it, with: {to: r_reply}}", ""}},
	"latest":      {{"in: [ask, some], with: {as: [a, b]}", "a: {use: http.reply, in: it, with: {to: a.reply}}", "items that come before"}, {"in: [ask, some], with: {as: [a, b], start: early}", "a: {use: http.reply, in: it, with: {to: a.reply}}", ""}},
	"limit":       {{"in: ask, with: {count: 3}", "", "items behind the first `count`"}},
	"log":         {{"in: ask", "", ""}},
	"map":         {{"in: ask, with: {set: {m: n + 1}}", "", ""}, {"in: ask, with: {rename: {reply: r}}", "a: {use: http.reply, in: it, with: {to: r}}", ""}, {"in: ask, with: {set: {m: n}, select: m}", "a: {use: drop, in: it}", "nothing behind ask answers"}, {"in: ask, with: {set: {x: 1 / n}}, on_error: skip", "", "on_error: skip leaves out items that fail"}, {"in: ask, with: {set: {x: 1 / n}}, on_error: dead", "", "nobody reads it.errors"}, {"in: ask, with: {set: {x: 1 / n}}, on_error: dead", "a: {use: http.reply, in: it}\n  b: {use: http.reply, in: it.errors, with: {status: 422, body: {error: error}}}", ""}},
	"merge":       {{"in: [ask, ask]", "", ""}},
	"partition":   {{"in: ask, with: {by: k, outputs: [a, b]}", "a: {use: http.reply, in: it.a}", "nobody reads it.b"}},
	"route":       {{"in: ask, with: {cases: {a: n > 1}}", "a: {use: http.reply, in: it.a}", "nobody reads it.else"}, {"in: ask, with: {cases: {a: n > 1}}", "a: {use: http.reply, in: it.a}\n  b: {use: http.reply, in: it.else}", ""}},
	"sample":      {{"in: ask, with: {every: 3}", "", "items that are not in the sample"}},
	"sample_time": {{"in: ask, with: {every: 1s}", "", "items that are not the last"}},
	"scan":        {{"in: ask, with: {set: {s: sum(n)}}", "", ""}},
	"skip":        {{"in: ask, with: {count: 3}", "", "the first `count` items"}},
	"skip_until":  {{"in: ask, with: {where: n > 1}", "", "items before the condition is true"}},
	"skip_while":  {{"in: ask, with: {where: n > 1}", "", "items before the condition is false"}},
	"sort":        {{"in: ask, with: {by: n}", "", ""}, {"in: ask, with: {by: n, limit: 3}", "", "items behind the first `limit`"}},
	"start_with":  {{"in: bare, with: {rows: [{n: 1}]}", "a: {use: drop, in: it}\n  b: {use: http.reply, in: ask}", ""}},
	"take_until":  {{"in: ask, with: {where: n > 1}", "", "items after the one"}},
	"take_while":  {{"in: ask, with: {where: n > 1}", "", "items from the first one on"}},
	"throttle":    {{"in: ask, with: {every: 1s}", "", "items that come too soon"}},
	"unbatch":     {{"in: lists", "", ""}},
	"unique":      {{"in: ask, with: {by: k}", "", "items whose key has been there"}},
	"window":      {{"in: ask, with: {time: at, size: 1h, set: {r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}", "nobody reads it.late"}, {"in: ask, with: {time: at, size: 1h, set: {r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}\n  b: {use: http.reply, in: it.late}", ""}, {"in: ask, with: {time: at, size: 1h, every: 2h, set: {r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}\n  b: {use: http.reply, in: it.late}", "items between two windows are in none"}, {"in: ask, with: {count: 2, every: 3, set: {r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}", "items between two windows are in none"}, {"in: ask, on_error: dead, with: {count: 3, set: {s: sum(n), r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}\n  b: {use: http.reply, in: it.errors}", "where s cannot be computed, what comes to it.errors is not the items"}, {"in: ask, on_error: dead, with: {count: 3, by: reply, set: {s: sum(n)}}", "a: {use: http.reply, in: it}\n  b: {use: http.reply, in: it.errors}", ""}, {"in: ask, on_error: dead, with: {count: 3, by: {q: 1 / n}, set: {c: max(n), r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}\n  b: {use: http.reply, in: it.errors}", ""}, {"in: ask, with: {count: 3, set: {r: collect(reply)}}", "a: {use: http.reply, in: it, with: {to: r}}", ""}},
	"window_join": {{"in: {left: ask, right: some}, with: {on: n, time: at, within: 1m, prefix: r_}", "a: {use: http.reply, in: it}\n  b: {use: http.reply, in: it.late_left}", "items that find no partner"}, {"in: {left: ask, right: some}, with: {on: n, time: at, within: 1m, kind: left, prefix: r_}", "", "nobody reads it.late_left"}},
	"zip":         {{"in: [ask, some], with: {as: [a, b]}", "a: {use: http.reply, in: it, with: {to: a.reply}}", "items go no further for which another input has none"}, {"in: [ask, some], with: {as: [a, b], longest: true}", "a: {use: http.reply, in: it, with: {to: a.reply}}", ""}},

	"test.first":    {{"in: {left: ask, right: some}", "", "it does not promise that each item leaves it"}},
	"test.optional": {{"in: {in: ask}", "a: {use: http.reply, in: it.a}\n  b: {use: http.reply, in: it.b}", "it does not promise"}},
}

const asking = `
  ask: {use: http.listen, with: {address: "127.0.0.1:1", as: "{n: int, k: string, at: time, list: [int]}", respond: reply}}
`

// loadAsking compiles nodes behind a listener that has its requests answered, and beside it
// what else a kind may read.
func loadAsking(t *testing.T, nodes string) diag.List {
	t.Helper()
	text := "nodes:" + asking
	if strings.Contains(nodes, "some") {
		text += "  some: {use: generate, with: {count: 3, set: {n: n, at: 'time(\"2026-01-01T00:00:00Z\")'}}}\n"
	}
	if strings.Contains(nodes, "in: bare") {
		text += "  bare: {use: map, in: ask, with: {select: n}}\n"
	}
	if strings.Contains(nodes, "in: lists") {
		text += "  lists: {use: batch, in: ask, with: {count: 2}}\n"
	}
	_, list := graph.Load(diag.NewSource("flow.yaml", []byte(text+nodes)), kinds(t), graph.Options{})
	return list
}

// Every kind that passes items on says what becomes of them.
func TestPassings(t *testing.T) {
	registry := kinds(t)
	for _, kind := range registry.Kinds() {
		spec, _ := registry.Spec(kind)
		if len(spec.In) == 0 || spec.Config == nil || spec.In[0].Go {
			continue
		}
		if b, ok := registry.New(kind).(graph.Brancher); len(spec.Out) == 0 && !(ok && b != nil) {
			continue // a sink
		}
		if len(passings[kind]) == 0 {
			t.Errorf("%s is not tried", kind)
		}
		for _, p := range passings[kind] {
			t.Run(kind+" "+p.node, func(t *testing.T) {
				then := p.then
				if then == "" {
					then = "a: {use: http.reply, in: it}"
				}
				list := loadAsking(t, "  it: {use: "+kind+", "+p.node+"}\n  "+then+"\n")
				var told []string
				for _, d := range list {
					switch {
					case d.Code == diag.Unanswered:
						told = append(told, d.Message)
					case d.Severity == diag.Error:
						t.Error(d)
					}
				}
				switch {
				case p.lost == "" && len(told) > 0, p.lost != "" && (len(told) != 1 || !strings.Contains(told[0], p.lost)):
					t.Errorf("want %q, got %q", p.lost, told)
				}
			})
		}
	}
}

// Paths of several nodes: which requests stay without an answer, and where that is told.
func TestUnanswered(t *testing.T) {
	for name, c := range map[string]struct{ nodes, want string }{
		"answered": {"  a: {use: http.reply, in: ask}\n", ""},
		"behind what does not end": {`
  way: {use: route, in: ask, with: {cases: {a: n > 1}}}
  all: {use: concat, in: [way.a, way.else]}
  a: {use: http.reply, in: all}
`, "all: it reads way.a to its end first, which does not come before the flow is stopped"},
		"looked up in what does not end": {`
  too: {use: http.listen, ack: early, with: {address: "127.0.0.1:2", as: "{n: int}"}}
  same: {use: map, in: too, with: {set: {m: n}}}
  j: {use: join, in: {left: ask, right: same}, with: {on: n, kind: left}}
  a: {use: http.reply, in: j}
`, "j: it reads same.out to its end first, which does not come before the flow is stopped"},
		"looked up in the first of what does not end": {`
  too: {use: http.listen, ack: early, with: {address: "127.0.0.1:2", as: "{n: int}"}}
  few: {use: limit, in: too, with: {count: 3}}
  same: {use: map, in: few, with: {set: {m: n}}}
  j: {use: join, in: {left: ask, right: same}, with: {on: n, kind: left}}
  a: {use: http.reply, in: j}
`, ""},
		"a queue with a priority": {`
  m: {use: map, in: ask, with: {rename: {reply: r}}, on_error: dead}
  a: {use: http.reply, in: {from: m, priority: 1 / n}, with: {to: r}}
  b: {use: http.reply, in: m.errors}
`, "m: items whose place in the queue of a cannot be computed come to m.errors without the reply"},
		"a queue with a priority, and the same reply": {`
  m: {use: map, in: ask, with: {set: {k: 1 / n}}, on_error: dead}
  a: {use: http.reply, in: {from: m, priority: 1 / n}}
  b: {use: http.reply, in: m.errors}
`, ""},
		"a queue with a priority behind the listener": {"  a: {use: http.reply, in: {from: other, priority: 1 / n}}\n  other: {use: merge, in: {from: ask, priority: 1 / n}}\n", ""},
		"many rows, put together again": {`
  rows: {use: map, in: ask, with: {set: {n: 'max(1, len(list))'}}}
  each: {use: flatten, in: rows, with: {field: list, as: row, keep_empty: true}}
  all: {use: gather, in: each, with: {id: reply, count: n}}
  a: {use: http.reply, in: all, with: {to: id, body: 'map(parts, #.row)'}}
`, ""},
		"put together by something else": {`
  all: {use: gather, in: ask, with: {id: k, count: 2}}
  few: {use: map, in: all, with: {set: {rs: 'map(parts, #.reply)', ns: 'map(parts, #.n)'}, drop: parts}}
  a: {use: http.reply, in: few, with: {to: rs, body: ns}}
`, ""},
		"never":            {"  a: {use: drop, in: ask}\n", "ask: nothing behind ask answers its requests"},
		"beside an answer": {"  a: {use: http.reply, in: ask}\n  f: {use: filter, in: ask, with: {where: n > 1}}\n  d: {use: drop, in: f}\n", ""},
		"three places": {`
  big: {use: filter, in: ask, with: {where: n > 1}}
  way: {use: route, in: big, with: {cases: {a: n > 10}}}
  m: {use: map, in: way.a, with: {set: {x: 1 / n}}, on_error: skip}
  a: {use: http.reply, in: m}
`, "big: items for which `where` is not true go no further; way: nobody reads way.else; m: on_error: skip leaves out items that fail"},
		"the better of two branches": {`
  f: {use: filter, in: ask, with: {where: n > 1}}
  g: {use: filter, in: f, with: {where: n > 2}}
  a: {use: http.reply, in: g}
  h: {use: filter, in: ask, with: {where: n > 1}}
  b: {use: http.reply, in: h}
`, "h: items for which `where` is not true go no further"},
		"a queue that drops":      {"  a: {use: http.reply, in: {from: ask, on_full: drop_oldest}}\n", "a: with on_full: drop_oldest a full queue drops items"},
		"the answer itself fails": {"  a: {use: http.reply, in: ask, with: {body: 1 / n}, on_error: skip}\n", "a: on_error: skip leaves out items that fail"},
		"failed items answered":   {"  a: {use: http.reply, in: ask, with: {body: 1 / n}, on_error: dead}\n  b: {use: http.reply, in: a.errors, with: {status: 500}}\n", ""},
		"two replies of one listener": {`
  b: {use: map, in: ask, with: {select: [n, reply]}}
  z: {use: zip, in: [ask, b], with: {as: [x, y], longest: true}}
  a: {use: http.reply, in: z, with: {to: x.reply}}
`, "a: its items carry 2 replies to ask, and it answers one of them"},
		"met again": {`
  b: {use: map, in: ask, with: {select: [n, reply], rename: {n: m}}}
  j: {use: join, in: {left: ask, right: b}, with: {on: reply, kind: full}}
  a: {use: http.reply, in: j}
`, ""},
		"two listeners": {`
  too: {use: http.listen, with: {address: "127.0.0.1:2", as: "{n: int}", respond: reply}}
  a: {use: http.reply, in: ask}
  d: {use: drop, in: too}
`, "too: nothing behind too answers its requests"},
		"two listeners put together": {`
  too: {use: http.listen, with: {address: "127.0.0.1:2", as: "{n: int, k: string, at: time, list: [int]}", respond: reply}}
  all: {use: merge, in: [ask, too]}
  f: {use: filter, in: all, with: {where: n > 1}}
  a: {use: http.reply, in: f}
`, "f: items for which `where` is not true go no further; f: items for which `where` is not true go no further"},
		"the answer of others": {`
  too: {use: http.listen, with: {address: "127.0.0.1:2", as: "{m: int}", respond: reply}}
  z: {use: zip, in: [ask, too], with: {as: [x, y], longest: true}}
  a: {use: http.reply, in: z, with: {to: x.reply}}
`, "too: nothing behind too answers its requests"},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			for _, d := range loadAsking(t, c.nodes) {
				switch {
				case d.Code == diag.Unanswered && strings.HasPrefix(d.Message, "nothing behind "):
					told = append(told, strings.Fields(d.Message)[2]+": "+d.Message)
				case d.Code == diag.Unanswered:
					node, _, _ := strings.Cut(d.Message, " ")
					_, why, _ := strings.Cut(d.Message, " without an answer: ")
					told = append(told, node+": "+why)
				case d.Severity == diag.Error:
					t.Error(d)
				}
			}
			if got := strings.Join(told, "; "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What cannot be done with a reply, and what is said of it.
func TestRepliesAreNoData(t *testing.T) {
	for nodes, want := range map[string]string{
		`  m: {use: map, in: ask, with: {set: {r: "n > 1 ? reply : null"}}}`:                                                                    "a reply can only be carried along and compared",
		`  m: {use: map, in: ask, with: {set: {r: string(reply)}}}`:                                                                             "string()",
		`  m: {use: map, in: ask, with: {set: {r: reply ?? reply}}}`:                                                                            "",
		`  m: {use: map, in: ask, with: {set: {r: '[reply][0]'}}}`:                                                                              "a reply can only be carried along and compared",
		`  m: {use: map, in: ask, with: {set: {r: json(reply)}}}`:                                                                               "a reply can only be carried along and compared, and here it is reply",
		`  m: {use: map, in: ask, with: {set: {r: 'json({r: reply})'}}}`:                                                                        "here it is {r: reply}",
		`  m: {use: map, in: ask, with: {set: {r: '[1, reply]'}}}`:                                                                              "",
		`  m: {use: map, in: ask, with: {set: {r: 'reply == reply', s: 'reply in [reply]', t: '{x: reply}', u: '[reply]', v: 'len([reply])'}}}`: "-",
		`  m: {use: map, in: ask, with: {select: [n, reply]}}
  w: {use: file.write, in: m, with: {path: x.csv}}`: "w (file.write) cannot write the field reply: a reply is no data",
		`  m: {use: map, in: ask, with: {set: {r: reply + 1}}}`:                      "",
		`  m: {use: map, in: ask, with: {set: {r: reply < reply}}}`:                  "",
		`  g: {use: group, in: ask, with: {set: {r: first(reply)}}}`:                 "first() would keep one reply",
		`  g: {use: group, in: ask, with: {set: {r: max(reply)}}}`:                   "max() wants something that has an order",
		`  s: {use: sort, in: ask, with: {by: reply}}`:                               "cannot sort by reply",
		`  w: {use: file.write, in: ask, with: {path: x.jsonl}}`:                     "w (file.write) cannot write the field reply: a reply is no data",
		`  p: {use: http.post, in: ask, with: {url: "http://h/"}}`:                   "p (http.post) cannot write the field reply",
		`  e: {use: exec.write, in: ask, with: {command: [cat]}}`:                    "e (exec.write) cannot write the field reply",
		`  s: {use: socket.write, in: ask, with: {connect: "tcp://h:1"}}`:            "s (socket.write) cannot write the field reply",
		`  c: {use: http.call, in: ask, with: {url: "http://h/", body: reply}}`:      "c: reply cannot be sent: a reply is no data",
		`  c: {use: http.call, in: ask, with: {url: "http://h/", body: {r: reply}}}`: "c: reply cannot be sent: a reply is no data",
		`  c: {use: http.call, in: ask, with: {url: "http://h/", method: POST}}`:     "-",
		`  r: {use: http.reply, in: ask, with: {body: '{r: reply, n: n}'}}`:          "-",
		`  r: {use: http.reply, in: ask, with: {body: '[reply]'}}`:                   "r: [reply] cannot be sent: a reply is no data",
		`  r: {use: http.reply, in: ask, with: {to: n}}`:                             "`to` must be a reply, got int",
		`  r: {use: http.reply, in: ask, with: {to: k, status: 200.5}}`:              "status must be int",
		`  r: {use: http.reply, in: ask, with: {headers: {Content-Length: '"1"'}}}`:  "no header that an answer can be given",
		`  m: {use: map, in: ask, with: {drop: reply}}
  r: {use: http.reply, in: m}`: "r: its items have no field reply",
	} {
		list := loadAsking(t, nodes+"\n  answer: {use: http.reply, in: ask}\n")
		var told []string
		for _, d := range list {
			if d.Severity == diag.Error {
				told = append(told, d.Message)
			}
		}
		if all := strings.Join(told, "; "); want == "-" && all != "" || want != "-" && (all == "" || !strings.Contains(all, want)) {
			t.Errorf("%s\n  got  %s\n  want %s", nodes, all, want)
		}
	}
	// What a broken node gives is not known, so nothing is said of what comes behind it.
	broken := printed(t, "flow.yaml", "nodes:"+asking+`  odd: {use: map, in: ask, with: {select: {a: 1}}, on_error: dead}
  m: {use: map, in: odd, with: {set: {y: n}}, on_error: dead}
  a: {use: http.reply, in: m, with: {body: y}}
  b: {use: http.reply, in: m.errors, with: {status: 422, body: error}}
  c: {use: http.reply, in: odd.errors, with: {status: 422, body: error}}
`, graph.Options{})
	if !strings.Contains(broken, "want a name") || strings.Contains(broken, "no field reply") {
		t.Error(broken)
	}
	for as, want := range map[string]string{
		"{n: int, reply: int}": `the items have a field "reply", by which they are answered`,
		"{n: int, r: reply}":   "the type reply cannot be written",
	} {
		text := "nodes:\n  ask: {use: http.listen, with: {address: \"127.0.0.1:1\", as: \"" + as + "\", respond: reply}}\n  a: {use: drop, in: ask}\n"
		if got := printed(t, "flow.yaml", text, graph.Options{}); !strings.Contains(got, want) {
			t.Errorf("%s: %s", as, got)
		}
	}
}
