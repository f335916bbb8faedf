package graph

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// This file is the pass that follows requests through a flow which is to answer them. Their
// items carry a reply (see types.Reply), and each of them must come to a node that answers.
//
// A path is followed from output to output. Of several readers of an output it is enough
// that one answers; of several outputs of a node, all must lead to an answer. Items may be
// lost on the way: by what a node is for (filter), by an output that nobody reads, by a
// queue that drops, by on_error. Each such place is a leak, and an error of the flow.

// An Asker is implemented by settings structs of sources whose items are requests. Asks
// says whether the flow must answer each of them; it is called after Infer.
type Asker interface{ Asks() bool }

// An Answerer is implemented by settings structs of sinks that answer requests. Answers gives
// the type of the replies by which it does; it is called after Infer.
type Answerer interface{ Answers() *types.Type }

// A Passer is implemented by settings structs of kinds that pass items on, if more is to be
// said than Spec.Passes and Spec.Loses say. It is called after Infer.
type Passer interface{ Passes(in string) Ways }

// Ways say what becomes of an item that comes in by one port, and with it of its fields.
type Ways struct {
	Out []string // it leaves by one of these outputs, or what was made of it does
	// Lost says of which items that is not so, "" if it is so of all. It is a sentence, such
	// as "items that have no partner go no further".
	Lost string
	// Remedy says what to do about those, such as "put a route in its place"; "": the usual.
	Remedy string
	// Fails says what that is made of several items may fail as such, so that it comes to the
	// error port without the fields of the items, "" if nothing. It is a sentence too.
	Fails string
}

// ways gives what becomes of the items of an input.
func (n *Node) ways(in string) Ways {
	if p, ok := n.Config.(Passer); ok {
		return p.Passes(in)
	}
	w := Ways{Out: n.outputNames(), Lost: n.Spec.Loses}
	if !n.Spec.Passes && w.Lost == "" {
		w.Lost = "it does not promise that each item leaves it"
	}
	return w
}

// checkAnswers looks at the paths of all requests.
func (c *compiler) checkAnswers() {
	if c.list.HasErrors() {
		return // a path that is not there would be called missing
	}
	for _, n := range c.flow.Nodes {
		if a, ok := n.Config.(Asker); ok && a.Asks() {
			c.checkAnswersTo(n)
		}
	}
}

func (c *compiler) checkAnswersTo(source *Node) {
	f := followed{c: c, id: source.ID, seen: map[*Output]path{}, goesOn: map[*Node]bool{}}
	var all path
	for _, out := range source.Out {
		if out.Carries.Replies(f.id) > 0 {
			all = all.and(f.output(source, out))
		}
	}
	if all.answered {
		all = all.and(f.failed(source, nil, Ways{}))
	}
	if !all.answered {
		c.list.Add(diag.Unanswered, source.At, "nothing behind %s answers its requests", source.ID).
			WithHint("end its path in {use: http.reply, in: ..., with: {body: ...}}")
		return
	}
	for _, l := range all.leaks {
		c.list.Add(diag.Unanswered, l.at, "%s (%s) leaves requests to %s without an answer: %s", l.node.ID, l.node.Kind, source.ID, l.why).
			WithNote(source.At, "%s has its requests answered by the flow", source.ID).
			WithHint("%s, or write `else: {status: 404}` under `with` of %s: the answer to what gets no other", cmp.Or(l.remedy, "lead them to an http.reply as well"), source.ID)
	}
}

// A leak is a place where a request gets lost.
type leak struct {
	node   *Node
	at     diag.Span
	why    string // a sentence
	remedy string // "": the usual one
}

// A path is what becomes of requests from some place on.
type path struct {
	answered bool // some of them
	leaks    []leak
}

// and gives what becomes of requests some of which go one way and some the other.
func (p path) and(q path) path {
	leaks := slices.Clone(p.leaks)
	for _, l := range q.leaks {
		if !slices.Contains(leaks, l) {
			leaks = append(leaks, l)
		}
	}
	return path{p.answered || q.answered, leaks}
}

// better reports whether requests that go both ways are to be followed on this one.
func (p path) better(q path) bool {
	if p.answered != q.answered {
		return p.answered
	}
	return len(p.leaks) < len(q.leaks)
}

// lost is a path that ends at a node.
func lost(n *Node, why string, args ...any) path {
	return path{leaks: []leak{{n, n.At, fmt.Sprintf(why, args...), ""}}}
}

// but gives a path that ends with what is to be done about it.
func (p path) but(remedy string, args ...any) path {
	p.leaks[0].remedy = fmt.Sprintf(remedy, args...)
	return p
}

// followed are the requests of one source.
type followed struct {
	c    *compiler
	id   string // of the source
	seen map[*Output]path

	goesOn map[*Node]bool // what endless has found
}

// output follows what leaves by an output.
func (f *followed) output(n *Node, out *Output) path {
	if p, ok := f.seen[out]; ok {
		return p
	}
	status := 404
	if out.Name == ErrorPort {
		status = 500
	}
	best := lost(n, "nobody reads %s.%s", n.ID, out.Name).but("answer them by {use: http.reply, in: %s.%s, with: {status: %d}}", n.ID, out.Name, status)
	for i, e := range out.Edges {
		if p := f.edge(e); i == 0 || p.better(best) {
			best = p
		}
	}
	f.seen[out] = best
	return best
}

// edge follows what goes over an edge.
func (f *followed) edge(e *Edge) path {
	p := f.node(e)
	if e.Contract.Rank != nil && e.From.Engine.OnError == "dead" && !f.sameReply(e) {
		p = p.and(lost(e.From, "items whose place in the queue of %s cannot be computed come to %s.%s without the reply", e.To.ID, e.From.ID, ErrorPort))
	}
	switch e.Contract.OnFull {
	case "drop_newest", "drop_oldest":
		full := lost(e.To, "with on_full: %s a full queue drops items", e.Contract.OnFull).but("let it wait or spill")
		full.leaks[0].at = e.At
		p = p.and(full)
	}
	return p
}

// sameReply reports whether what fails on the way out of a node by an edge comes to its error
// port with the reply: that has the fields of its inputs, under the names that they have there.
func (f *followed) sameReply(e *Edge) bool {
	failed := e.From.Output(ErrorPort).Carries
	return e.Type.IsRecord() && slices.ContainsFunc(e.Type.Fields, func(t types.Field) bool {
		other, ok := failed.Field(t.Name)
		return ok && t.Type.IsReply() && t.Type.Replies(f.id) > 0 && other.Type.Replies(f.id) > 0
	})
}

// node follows what comes into a node.
func (f *followed) node(e *Edge) (p path) {
	n, came := e.To, e.Type.Replies(f.id)
	if a, ok := n.Config.(Answerer); ok {
		p.answered = a.Answers().Replies(f.id) > 0
		switch {
		case !p.answered:
			return lost(n, "it answers the requests of others")
		case came > 1:
			p = p.and(lost(n, "its items carry %d replies to %s, and it answers one of them", came, f.id).but("leave all but one out by {use: map, with: {drop: ...}} if they are the same"))
		}
		return p.and(f.failed(n, e, Ways{}))
	}
	if len(n.outputNames()) == 0 {
		return lost(n, "it takes items and does not answer them")
	}
	if first := f.endlessBefore(e); first != nil {
		p = p.and(lost(n, "it reads %s.%s to its end first, which does not come before the flow is stopped", first.From.ID, first.FromPort.Name))
	}
	ways := n.ways(e.ToPort.Name)
	for _, name := range ways.Out {
		out := n.Output(name)
		switch goes := out.Carries.Replies(f.id); {
		case goes == 0:
			p = p.and(lost(n, "the items of %s.%s do not carry the reply any more", n.ID, name))
			continue
		case goes < came:
			p = p.and(lost(n, "of %d replies in an item, %s.%s carries %d", came, n.ID, name, goes))
		}
		p = p.and(f.output(n, out))
	}
	if ways.Lost != "" {
		p = p.and(lost(n, "%s", ways.Lost).but("%s", ways.Remedy))
	}
	return p.and(f.failed(n, e, ways))
}

// endlessBefore finds an edge that the reader of another one reads to its end before it, and
// that has none; nil if there is no such edge.
func (f *followed) endlessBefore(e *Edge) *Edge {
	for _, in := range e.To.In {
		for i, other := range in.Edges {
			first := in.ReadOrder == First && e.ToPort.ReadOrder != First ||
				in == e.ToPort && in.ReadOrder == InOrder && i < slices.Index(in.Edges, e)
			if first && f.endless(other.From) {
				return other
			}
		}
	}
	return nil
}

// endless reports whether a node goes on as long as requests come: they come to it, and it
// does not end by itself.
func (f *followed) endless(n *Node) bool {
	goesOn, known := f.goesOn[n]
	if known {
		return goesOn
	}
	_, goesOn = n.Config.(Asker)
	goesOn = goesOn || slices.ContainsFunc(n.In, func(in *Input) bool {
		return n.ways(in.Name).Lost == "" && slices.ContainsFunc(in.Edges, func(e *Edge) bool { return f.endless(e.From) })
	})
	f.goesOn[n] = goesOn
	return goesOn
}

// failed follows items that fail on a node to which they came by an edge, nil for its source.
// Where they end the run, that answers them.
func (f *followed) failed(n *Node, by *Edge, ways Ways) path {
	if n.Engine.OnError == "fail" || !f.c.acting(n).Has(SettingOnError) {
		return path{}
	}
	if n.Engine.OnError == "skip" {
		return lost(n, "on_error: skip leaves out items that fail").but("write on_error: dead, and answer %s.%s", n.ID, ErrorPort)
	}
	out := n.Output(ErrorPort)
	switch {
	case len(out.Edges) == 0:
		return f.output(n, out)
	case out.Carries.Replies(f.id) == 0, by != nil && !carriesFrom(out, by, f.id):
		return lost(n, "%s.%s does not carry the reply", n.ID, ErrorPort)
	}
	p := f.output(n, out)
	if ways.Fails != "" {
		p = p.and(lost(n, "%s", ways.Fails))
	}
	return p
}

// carriesFrom reports whether an error port has the replies of what comes by an edge: those
// that are fields of their own.
func carriesFrom(failed *Output, e *Edge, id string) bool {
	n := 0
	if e.Type.IsRecord() {
		for _, t := range e.Type.Fields {
			if other, ok := failed.Carries.Field(t.Name); ok && t.Type.IsReply() && other.Type.IsReply() {
				n += t.Type.Replies(id)
			}
		}
	}
	return n == e.Type.Replies(id)
}
