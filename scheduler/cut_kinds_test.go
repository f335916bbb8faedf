package scheduler_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the kinds of the flows that are cut at random. Each node of them keeps a
// log of what it was called for, in the order of the calls of its serial part, with the
// cuts among them; what it should have sent follows from the log by interpret.

// A logged call of an operator.
type logged struct {
	what  byte // i: an item, e: an end, t: a time, c: a cut
	port  int
	edge  int
	n     int64  // of an item
	last  bool   // of an end: of the port
	epoch uint64 // of a cut
}

// A cutLog is the log of a node.
type cutLog struct {
	mu     sync.Mutex
	events []logged
}

func (l *cutLog) add(e ...logged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e...)
}

// upTo gives the log before a cut, which may not be there.
func (l *cutLog) upTo(epoch uint64) (events []logged, met bool) {
	for i, e := range l.events {
		if e.what == 'c' && e.epoch == epoch {
			return l.events[:i], true
		}
	}
	return l.events, false
}

// sent is what a node sends, by port: out, other, errors.
type sent [3][]int64

// interpret gives what a function sends for a log: what does it, item by item.
func interpret(function string, events []logged) (s sent) {
	count, right := 0, 0
	for _, e := range events {
		switch e.what {
		case 't':
			s[0] = append(s[0], -2)
		case 'e':
			if function == "ends" && e.last {
				s[0] = append(s[0], -3)
			}
		case 'i':
			count++
			switch function {
			case "same", "ends", "head":
				s[0] = append(s[0], e.n)
			case "twice":
				s[0] = append(s[0], e.n, e.n)
			case "odd":
				if e.n%2 != 0 {
					s[0] = append(s[0], e.n)
				}
			case "fork":
				s[e.n&1] = append(s[e.n&1], e.n)
			case "bad":
				port := 0
				if e.n%5 == 0 {
					port = 2
				}
				s[port] = append(s[port], e.n)
			case "third": // depends on the order
				if count%3 == 0 {
					s[0] = append(s[0], e.n)
				}
			case "right": // reads its right input first
				if e.port == 1 {
					right++
				} else {
					s[0] = append(s[0], e.n+1000*int64(right))
				}
			}
		}
	}
	return s
}

// cutKinds makes the kinds of a run; each node finds its log, and chance of its own.
type cutKinds struct {
	logs   map[string]*cutLog
	flight func() uint64
	seed   uint64
}

func (c *cutKinds) log(env *nodes.Env) *cutLog {
	if c.logs[env.Node.ID] == nil {
		c.logs[env.Node.ID] = &cutLog{}
	}
	return c.logs[env.Node.ID]
}

// kinds declares them. The setting mode of a node is its function.
func (c *cutKinds) kinds() []nodes.Decl {
	many := graph.Port{Name: "in", Any: true, Arity: graph.Many}
	chain := many
	chain.ReadOrder = graph.InOrder
	left, right := graph.Port{Name: "left", Any: true}, graph.Port{Name: "right", Any: true, ReadOrder: graph.First}
	var all []nodes.Decl
	add := func(name string, single bool, make func(*opKind, *nodes.Env) *op, in ...graph.Port) {
		opts := []nodes.Option{nodes.OutPort(graph.Port{Name: "out", Any: true, Side: true}), nodes.OutPort(graph.Port{Name: "other", Any: true, Side: true})}
		for _, p := range in {
			opts = append(opts, nodes.InPort(p))
		}
		if single {
			opts = append(opts, nodes.Workers(graph.Single))
		}
		all = append(all, nodes.Kind(name, "For a test.", &opKind{make: make}, opts...))
	}
	add("feed", true, c.feed)
	add("feeds", false, c.feeds)
	add("serial", true, c.serial, many)
	add("chain", true, c.serial, chain)
	add("timed", true, c.timed, many)
	add("crew", false, c.crew, many)
	add("right", true, c.right, left, right)
	return all
}

// base is what all but sources have: a log with its cuts.
func (c *cutKinds) base(k *opKind, env *nodes.Env) (*op, *cutLog) {
	l := c.log(env)
	return &op{
		flush: func() error { l.add(logged{what: 'c', epoch: c.flight()}); return nil },
		end: func(_ context.Context, e nodes.EndedEdge, out nodes.Out) error {
			l.add(logged{what: 'e', port: e.Port, edge: e.Edge, last: e.Last})
			if k.Mode == "ends" && e.Last {
				return out.Emit(0, batchOf(item{N: -3}))
			}
			return nil
		},
	}, l
}

// process logs what an input has and sends what its function makes of it.
func process(k *opKind, env *nodes.Env, l *cutLog, state *[]logged) func(context.Context, nodes.Input, nodes.Out) error {
	return func(_ context.Context, in nodes.Input, out nodes.Out) error {
		if in.Made != nil {
			in.Data = in.Made.(record.Data)
			defer in.Data.Release()
		}
		for _, x := range values(in.Data) {
			e := logged{what: 'i', port: in.Port, edge: in.Edge, n: x.N}
			before := interpret(k.Mode, *state)
			if k.Mode == "third" || k.Mode == "right" || k.Mode == "head" { // those that look back
				*state = append(*state, e)
			} else {
				*state, before = []logged{e}, sent{}
			}
			after := interpret(k.Mode, *state)
			l.add(e)
			for port := range 2 {
				for _, n := range after[port][len(before[port]):] {
					if err := out.Emit(port, batchOf(item{n, string(rune('a' + n&1))})); err != nil {
						return err
					}
				}
			}
			for range after[2][len(before[2]):] {
				if err := out.Bad(nodes.BadItem{Err: errBad, Raw: fmt.Sprint(x.N)}); err != nil {
					return err
				}
			}
			if k.Mode == "head" && len(*state) == 20 {
				return nodes.ErrDone
			}
		}
		return nil
	}
}

func (c *cutKinds) serial(k *opKind, env *nodes.Env) *op {
	o, l := c.base(k, env)
	work := process(k, env, l, &[]logged{})
	wait := c.waits(env)
	o.process = func(ctx context.Context, in nodes.Input, out nodes.Out) error {
		wait()
		return work(ctx, in, out)
	}
	return o
}

// timed is serial, and sends something every few milliseconds as long as it has input, but
// not for ever: what is due comes before what arrives.
func (c *cutKinds) timed(k *opKind, env *nodes.Env) *op {
	o := c.serial(k, env)
	l := c.log(env)
	next, ended, left := time.Now(), false, 20
	end := o.end
	o.end = func(ctx context.Context, e nodes.EndedEdge, out nodes.Out) error {
		ended = ended || e.Last
		return end(ctx, e, out)
	}
	o.due = func() time.Time {
		if ended || left == 0 {
			return time.Time{}
		}
		return next
	}
	o.onTime = func(_ context.Context, now time.Time, out nodes.Out) error {
		next = now.Add(3 * time.Millisecond)
		left--
		l.add(logged{what: 't'})
		return out.Emit(0, batchOf(item{N: -2}))
	}
	return o
}

// crew works in parallel.
func (c *cutKinds) crew(k *opKind, env *nodes.Env) *op {
	o, l := c.base(k, env)
	o.process = process(k, env, l, &[]logged{})
	var mu sync.Mutex
	wait := c.waits(env)
	o.work = func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
		mu.Lock()
		d := in.Data.Retain()
		mu.Unlock()
		wait()
		return d, nil
	}
	return o
}

// right reads its right input to the end before its left one.
func (c *cutKinds) right(k *opKind, env *nodes.Env) *op {
	o, l := c.base(k, env)
	o.process = process(k, env, l, &[]logged{})
	over := false
	end := o.end
	o.end = func(ctx context.Context, e nodes.EndedEdge, out nodes.Out) error {
		over = over || e.Port == 1
		return end(ctx, e, out)
	}
	o.wants = func(port, _ int) bool { return over || port == 1 }
	return o
}

// A fed piece is the items from one number to another; its position is the latter.
type fed struct{ first, from, to int64 }

func (p fed) String() string { return fmt.Sprint(p.to) }

func (p fed) batch() *record.Batch {
	return batchOf(numbered(int(p.first+p.from), int(p.first+p.to))...)
}

// feed is a source; its position is how many items it has given. The mode is the first of
// them and how many there are.
func (c *cutKinds) feed(k *opKind, env *nodes.Env) *op {
	var p fed
	var many int64
	fmt.Sscanf(k.Mode, "%d+%d", &p.first, &many)
	chance := c.chance(env)
	return &op{
		next: func(ctx context.Context) (any, error) {
			if p.to == many {
				return nil, io.EOF
			}
			if d := chance.IntN(4); d > 0 {
				select {
				case <-time.After(time.Duration(chance.IntN(3000*d)) * time.Microsecond):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			p.from, p.to = p.to, min(many, p.to+1+chance.Int64N(9))
			return p, nil
		},
		process: func(_ context.Context, in nodes.Input, out nodes.Out) error {
			if d, ok := in.Made.(record.Data); ok {
				return out.Emit(0, d)
			}
			return out.Emit(0, in.Made.(fed).batch())
		},
	}
}

// feeds is feed with workers.
func (c *cutKinds) feeds(k *opKind, env *nodes.Env) *op {
	o := c.feed(k, env)
	wait := c.waits(env)
	o.work = func(_ context.Context, in nodes.Input, _ nodes.Out) (any, error) {
		wait()
		return in.Made.(fed).batch(), nil
	}
	return o
}

// waits gives something that takes a while now and then.
func (c *cutKinds) waits(env *nodes.Env) func() {
	var mu sync.Mutex
	chance := c.chance(env)
	return func() {
		mu.Lock()
		d := time.Duration(max(0, chance.IntN(4000)-1500)) * time.Microsecond
		mu.Unlock()
		if d > 0 {
			time.Sleep(d)
		}
	}
}

func (c *cutKinds) chance(env *nodes.Env) *rand.Rand {
	h := c.seed
	for _, b := range env.Node.ID {
		h = h*31 + uint64(b)
	}
	return rand.New(rand.NewPCG(c.seed, h))
}
