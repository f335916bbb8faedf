package http_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
)

// This file tries the promise of the check: in a flow that it accepts, each request gets an
// answer, whatever the flow does with it.

var (
	replyFlows = flag.Int("reply-flows", 60, "how many random flows answer requests")
	replySeed  = flag.Uint64("reply-seed", 1, "the seed of the first of them")
)

// A stream is items of a random flow that carry a reply.
type stream struct {
	port  string
	reply string // the field that has it
	list  bool   // there is a field list, of ints
}

// A scribe writes random flows.
type scribe struct {
	*rand.Rand
	text strings.Builder
	n    int // names so far
}

func (s *scribe) name(prefix string) string {
	s.n++
	return fmt.Sprintf("%s%d", prefix, s.n)
}

// some gives one of several texts.
func (s *scribe) some(texts ...string) string { return texts[s.IntN(len(texts))] }

// node writes a node and gives its name.
func (s *scribe) node(use, in, rest string) string {
	name := s.name("n")
	fmt.Fprintf(&s.text, "  %s: {use: %s, in: %s%s}\n", name, use, in, rest)
	return name
}

// from gives an input that reads a port, with what its edge may do.
func (s *scribe) from(port string) string {
	switch s.IntN(40) % 11 {
	case 0:
		return fmt.Sprintf("{from: %s, on_full: spill, capacity: %d}", port, 1+s.IntN(3))
	case 1:
		return fmt.Sprintf("{from: %s, isolate: true, capacity: %d}", port, 1+s.IntN(3))
	case 2:
		return fmt.Sprintf("{from: %s, priority: id}", port)
	case 3:
		return fmt.Sprintf("{from: %s, delay: %dms}", port, 1+s.IntN(50))
	case 4:
		return fmt.Sprintf("{from: %s, capacity: 1}", port)
	case 10:
		return fmt.Sprintf("{from: %s, priority: 100 / (id - 3)}", port)
	}
	return port
}

// engine gives settings that every node has.
func (s *scribe) engine() string {
	return s.some("", "", "", ", workers: 3", ", workers: {min: 1, max: 4}, order: none", ", workers: 3, order: key, key: id", ", batch: {count: 3, period: 20ms}", ", rate: 2000/s")
}

// answer ends a stream.
func (s *scribe) answer(x stream) {
	with := fmt.Sprintf("to: %s, headers: {X-Id: string(id)}", x.reply)
	switch s.IntN(4) {
	case 0:
		a := s.node("http.reply", s.from(x.port), s.engine()+", on_error: dead, with: {"+with+", body: 12 / (id - 1)}")
		s.node("http.reply", a+".errors", fmt.Sprintf(", with: {to: %s, status: 422, body: error}", x.reply))
	case 1:
		s.node("http.reply", x.port, ", with: {"+with+", status: 200 + id % 5, body: {id: id}}")
	default:
		s.node("http.reply", s.from(x.port), s.engine()+", with: {"+with+"}")
	}
}

// collected ends records that have a list of replies, or takes them apart again.
func (s *scribe) collected(port, field string) {
	if s.IntN(2) == 0 {
		s.node("http.reply", port, fmt.Sprintf(", with: {to: %s, body: string(n)}", field))
		return
	}
	as := s.some(field, "single")
	each := s.node("flatten", port, fmt.Sprintf(", with: {field: %s, as: %s}", field, as))
	s.node("http.reply", each, fmt.Sprintf(", with: {to: %s}", as))
}

// lookup gives the name of items to put beside a stream, by their field m.
func (s *scribe) lookup() string {
	name := s.name("g")
	fmt.Fprintf(&s.text, "  %s: {use: generate, with: {count: %d, set: {%s: n}}}\n", name, s.IntN(9), "m_"+name)
	cut := s.name("n")
	fmt.Fprintf(&s.text, "  %s: {use: map, in: %s, with: {select: [m_%s]}}\n", cut, name, name)
	return cut + " m_" + name
}

// step does something with a stream and gives what comes of it.
func (s *scribe) step(x stream) []stream {
	in, with := s.from(x.port), s.engine()
	next := func(port string) []stream { x.port = port; return []stream{x} }
	both := func(a, b string) []stream {
		y := x
		x.port, y.port = a, b
		return []stream{x, y}
	}
	dead := func(n string) []stream { // what fails goes on by itself, with the name that the reply had
		s.node("http.reply", n+".errors", fmt.Sprintf(", with: {to: %s, status: 422}", x.reply))
		return next(n)
	}
	field := s.name("x")
	switch s.IntN(27) {
	case 0:
		return next(s.node("map", in, with+fmt.Sprintf(", with: {set: {%s: id * 2}}", field)))
	case 1:
		was := x.reply
		x.reply = field
		n := s.node("map", in, with+fmt.Sprintf(", with: {rename: {%s: %s}}", was, field))
		return next(n)
	case 2:
		return dead(s.node("map", in, with+fmt.Sprintf(", on_error: dead, with: {set: {%s: 12 / (id - 2)}}", field)))
	case 3:
		return next(s.node("log", x.port, ", with: {every: 1000}"))
	case 4:
		return next(s.node("merge", in, ""))
	case 5:
		return next(s.node("delay", in, fmt.Sprintf(", with: {for: '%s', pending: %d}", s.some(`duration(string(id % 7) + "s")`, `duration("20ms")`), 1+s.IntN(30))))
	case 6:
		return dead(s.node("delay", x.port, ", on_error: dead, with: {for: 'duration(string(3 - id) + \"s\")'}"))
	case 7:
		return next(s.node("scan", x.port, fmt.Sprintf(", with: {by: k, set: {%s: %s}}", field, s.some("count()", "sum(id)", "last(k)"))))
	case 8:
		n := s.node("balance", x.port, ", with: {outputs: [a, b]}")
		return both(n+".a", n+".b")
	case 9:
		n := s.node("partition", x.port, fmt.Sprintf(", with: {by: %s, outputs: [a, b]}", s.some("k", "id", x.reply)))
		return both(n+".a", n+".b")
	case 10, 11:
		n := s.node("route", in, with+fmt.Sprintf(", with: {match: %s, cases: {a: id %% 3 == 0, b: k == \"a\"}}", s.some("first", "all")))
		z := x
		z.port = n + ".else"
		return append(both(n+".a", n+".b"), z)
	case 12:
		n := s.node("route", in, with+", on_error: dead, with: {match: all, cases: {a: id > 4, b: 7 / (id - 4) > 1}}")
		z := x
		z.port = n + ".else"
		dead(n)
		return append(both(n+".a", n+".b"), z)
	case 13:
		n := s.node("batch", x.port, fmt.Sprintf(", with: {count: %d%s}", 1+s.IntN(5), s.some("", ", period: 30ms")))
		return next(s.node("unbatch", n, ""))
	case 14:
		id := s.some("id % 4", "k", x.reply)
		n := s.node("gather", x.port, fmt.Sprintf(", with: {id: %s, count: %s%s}", id, s.some("1", "2", "'id > 3 ? 1 : null'"), s.some("", ", timeout: 40ms")))
		if id == x.reply {
			s.node("http.reply", n, ", with: {to: id, body: 'map(parts, #.k)'}")
			return nil
		}
		n = s.node("flatten", n, fmt.Sprintf(", with: {field: parts, as: %s}", field))
		return next(s.unfold(n, field, &x, ""))
	case 15, 16:
		g, m, _ := strings.Cut(s.lookup(), " ")
		on := s.some("id", "id", field)
		left := x.port
		if on == field { // a key that may be null
			left = s.node("map", x.port, fmt.Sprintf(", with: {set: {%s: 'id > 3 ? id : null'}}", field))
		}
		kind := s.some("inner", "left", "right", "full", "semi")
		n := s.node("join", fmt.Sprintf("{left: %s, right: %s}", left, g), s.some("", ", workers: 3", ", workers: {min: 1, max: 4}, order: none")+fmt.Sprintf(", with: {on: {%s: %s}, kind: %s, prefix: r%s_}", on, m, kind, field))
		if kind == "full" || kind == "right" { // whose id may be null
			n = s.node("map", n, ", with: {set: {id: id ?? 0}}")
			if x.list {
				n = s.node("map", n, ", with: {set: {list: 'list ?? []'}}")
			}
		}
		if kind == "left" || kind == "full" {
			return next(n)
		}
		lone := strings.TrimSuffix(n, ".out")
		if kind == "right" {
			lone = s.before(n, x.list)
		}
		return both(n, lone+".unmatched")
	case 17:
		n := s.node("window", x.port, fmt.Sprintf(", with: {count: %d%s%s, set: {n: count(), r: collect(%s)}}", 2+s.IntN(4), s.some("", ", every: 1", ", every: 2", ", every: 7"), s.some("", ", by: k", ", by: {q: id % 3}"), x.reply))
		s.collected(n, "r")
		return nil
	case 18:
		at := s.node("map", x.port, fmt.Sprintf(`, with: {set: {%s: 'time("2026-01-01T00:00:00Z") + duration(string(id) + "m")'}}`, field))
		shape := s.some("size: 3m", "size: 4m, every: 2m", "session: 2m", "size: 1m, every: 2m")
		n := s.node("window", at, fmt.Sprintf(", with: {time: %s, %s%s%s, set: {n: count(), r: collect(%s)}}", field, shape, s.some("", ", lateness: 2m"), s.some("", ", by: k"), x.reply))
		s.collected(n, "r")
		return next(n + ".late")
	case 19:
		n := s.node("group", x.port, fmt.Sprintf(", with: {%sset: {n: %s, r: collect(%s)}}", s.some("", "by: k, ", "by: {q: id % 2}, "), s.some("count()", "max(id)"), x.reply))
		s.collected(n, "r")
		return nil
	case 20:
		return next(s.node("sort", x.port, fmt.Sprintf(", with: {by: %s}", s.some("id", "k"))))
	case 21, 22:
		g, _, _ := strings.Cut(s.lookup(), " ")
		use := s.some("zip", "latest")
		with := map[string]string{"zip": "longest: true", "latest": "start: early"}[use]
		n := s.node(use, fmt.Sprintf("[%s, %s]", x.port, g), fmt.Sprintf(", with: {as: [%s, o%s], %s}", field, field, with))
		return next(s.unfold(n, field, &x, "?"))
	case 23:
		if !x.list {
			return next(x.port)
		}
		x.list = false
		return next(s.node("flatten", in, fmt.Sprintf(", with: {field: list, as: %s, keep_empty: %s}", field, s.some("true", "true", "true", "false"))))
	case 24:
		s.node("drop", s.node("filter", x.port, ", with: {where: id > 2}"), "")
		return next(x.port)
	case 25:
		return next(s.node("concat", fmt.Sprintf("[%s]", x.port), ""))
	default:
		use, with, _ := strings.Cut(s.some("filter|where: id > 0", "limit|count: 3", "unique|by: k", "sample|every: 2", "skip|count: 1"), "|")
		return next(s.node(use, x.port, ", with: {"+with+"}")) // which the check refuses
	}
}

// before gives the join in front of the nodes written last.
func (s *scribe) before(n string, list bool) string {
	back := 1
	if list {
		back = 2
	}
	var at int
	fmt.Sscanf(n, "n%d", &at)
	return fmt.Sprintf("n%d", at-back)
}

// unfold makes a stream of items that are a field of others, and may be null.
func (s *scribe) unfold(port, field string, x *stream, null string) string {
	id, list := field+".id", field+".list"
	if null != "" {
		id, list = field+".id ?? 0", field+".list ?? []"
	}
	set, names := fmt.Sprintf("id: '%s', k: '%s.k', %s: '%s.%s'", id, field, x.reply, field, x.reply), "id, k, "+x.reply
	if x.list {
		set, names = set+fmt.Sprintf(", list: '%s'", list), names+", list"
	}
	return s.node("map", port, fmt.Sprintf(", with: {set: {%s}, select: [%s]}", set, names))
}

// flow writes a flow.
func (s *scribe) flow() string {
	s.text.WriteString("nodes:\n  ask: {use: http.listen, with: {address: \"shop:80\", as: \"{id: int, k: string?, list: [int]}\", respond: reply, timeout: 1h, pending: 100}}\n")
	open := []stream{{"ask", "reply", true}}
	for range 1 + s.IntN(7) {
		if len(open) == 0 {
			break
		}
		i := s.IntN(len(open))
		x := open[i]
		open = append(append(open[:i:i], open[i+1:]...), s.step(x)...)
	}
	for _, x := range open {
		s.answer(x)
	}
	return s.text.String()
}

// Flows at random: what the check accepts answers every request.
func TestRandomReplies(t *testing.T) {
	accepted, refused := 0, 0
	for i := range *replyFlows {
		seed := *replySeed + uint64(i)
		s := &scribe{Rand: rand.New(rand.NewPCG(seed, 13))}
		flow := s.flow()
		var bodies []string
		for id := range 4 + s.IntN(20) {
			bodies = append(bodies, fmt.Sprintf(`{"id":%d,"k":%s,"list":%s}`, id, s.some(`"a"`, `"b"`, "null"), s.some("[]", "[1]", "[1,2,3]")))
		}
		s.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
		ok := synctestFlow(t, seed, flow, bodies)
		if ok {
			accepted++
		} else {
			refused++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d flows answered, %d refused", accepted, refused)
	if accepted < refused {
		t.Error("most flows are refused")
	}
}

// synctestFlow runs one flow; false if the check refuses it.
func synctestFlow(t *testing.T, seed uint64, flow string, bodies []string) (accepted bool) {
	_, problems := kit.Load(t, flow, nil)
	for _, d := range problems {
		if d.Severity == diag.Error && d.Code != diag.Unanswered {
			t.Fatalf("seed %d: %s\n%s", seed, d, flow)
		}
	}
	if problems.HasErrors() {
		return false
	}
	synctest.Test(t, func(t *testing.T) {
		c, r := run(t, flow, nil, bodies, func(c *crowd, ctx context.Context, stop func()) {
			for range 20 {
				if nodes.Sleep(ctx, time.Second) != nil || c.count() == len(bodies) {
					break
				}
			}
			stop()
		})
		if r.Err != nil {
			if !strings.Contains(r.Err.Error(), "division by zero") && !strings.Contains(r.Err.Error(), "for items that") {
				t.Fatalf("seed %d: %v\n%s", seed, r.Err, flow)
			}
			return // it ends the run, which answers
		}
		for _, body := range bodies {
			got := c.answers[body]
			_, id, _ := strings.Cut(got, "X-Id=")
			if !strings.HasPrefix(got, "20") && !strings.HasPrefix(got, "422") || id != "" && id != "0" && !strings.HasPrefix(body, `{"id":`+id+",") {
				t.Errorf("seed %d: %s got %q after %s", seed, body, got, c.after[body])
			}
		}
		if t.Failed() {
			t.Log(flow)
		}
	})
	return true
}
