package flowtest

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/scheduler"
)

// This file reads test files, and makes a flow of each case.

// Suffix is how the names of test files end.
const Suffix = "_test.yaml"

// Kinds knows the kinds of a program. A nodes.Registry does.
type Kinds interface {
	graph.Catalog
	scheduler.Operators
}

// Options of Load.
type Options struct {
	// LookupEnv finds variables that neither the file nor the flow sets; nil finds
	// nothing.
	LookupEnv func(string) (string, bool)
	// Limit is how long a case may run on the wall; 0: half a minute.
	Limit time.Duration

	patience time.Duration // how much longer it may take to end by itself then; 0: Limit once more
	// Warnings says that the list of Load has the warnings of the flow too.
	Warnings bool
}

// A File is a test file whose cases are ready to run. It must be closed.
type File struct {
	Path  string
	Flow  string // the path of the flow
	Cases []*Case

	kinds   Kinds
	options Options
	src     *diag.Source // of the flow
	dir     string       // for what cases write
}

// Load reads a test file and compiles the flow for each of its cases. With errors
// in the list nothing can be run. The file is nil only if it cannot be read.
func Load(src *diag.Source, kinds Kinds, options Options) (*File, diag.List) {
	var list diag.List
	written := readFile(src, &list)
	if written == nil {
		return nil, list
	}
	f := &File{Path: src.Name, kinds: kinds, options: options}
	if f.options.Limit <= 0 {
		f.options.Limit = 30 * time.Second
	}
	f.findFlow(src, written, &list)
	if f.src == nil {
		return f, list
	}
	var err error
	if f.dir, err = os.MkdirTemp("", "flowrun-test-"); err != nil {
		list.Add(diag.NoFile, diag.Span{Source: src}, "there is no folder for what the tests write: %v", err)
		return f, list
	}
	for i := range written.Tests {
		c := &Case{file: f, text: &written.Tests[i], dir: filepath.Join(f.dir, fmt.Sprint(i+1)), set: map[string]string{}}
		c.Name = c.text.Name.Value
		for _, vars := range []assignments{written.Vars, c.text.Vars} {
			for _, v := range vars {
				c.set[v.Key] = v.Value.Value
			}
		}
		c.compile(&list)
		if options.Warnings {
			list = append(list, c.warnings()...)
		}
		f.Cases = append(f.Cases, c)
	}
	sortList(&list)
	return f, list
}

// Close removes what the cases wrote.
func (f *File) Close() error {
	if f.dir == "" {
		return nil
	}
	return os.RemoveAll(f.dir)
}

// findFlow reads the flow that the file names, or the one that has its name.
func (f *File) findFlow(src *diag.Source, written *fileText, list *diag.List) {
	f.Flow = strings.TrimSuffix(src.Name, Suffix) + ".yaml"
	at := diag.Span{Source: src, Line: 1, Col: 1}
	if written.Flow.Value != "" {
		f.Flow, at = filepath.Join(filepath.Dir(src.Name), filepath.FromSlash(written.Flow.Value)), written.Flow.At
	} else if !strings.HasSuffix(src.Name, Suffix) {
		list.Add(diag.MissingKey, at, "the file does not say which flow it tests").WithHint("add `flow: NAME.yaml`, or call the file NAME%s", Suffix)
		return
	}
	text, err := os.ReadFile(f.Flow)
	if err != nil {
		d := list.Add(diag.NoFile, at, "the flow %s cannot be read: %v", f.Flow, err)
		if written.Flow.Value == "" {
			d.WithHint("say which flow it is: `flow: NAME.yaml`")
		}
		return
	}
	f.src = diag.NewSource(f.Flow, text)
}

// sortList orders problems by file and place, and says none twice: every case
// compiles the flow anew.
func sortList(list *diag.List) {
	slices.SortStableFunc(*list, func(a, b diag.Diagnostic) int {
		return cmp.Or(strings.Compare(nameOf(a.At), nameOf(b.At)), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Col, b.At.Col))
	})
	*list = slices.CompactFunc(*list, func(a, b diag.Diagnostic) bool { return a.At == b.At && a.Message == b.Message })
}

func nameOf(at diag.Span) string {
	if at.Source == nil {
		return ""
	}
	return at.Source.Name
}

// A Case is one run of the flow. It runs once.
type Case struct {
	Name string
	// Virtual runs a function on virtual time. The default will do; a Go test may
	// give
	//
	//	func(f func()) { synctest.Test(t, func(*testing.T) { f() }) }
	//
	// so that a goroutine that is left behind fails that test.
	Virtual func(func())

	file *File
	text *caseText
	dir  string
	set  map[string]string

	base  *graph.Flow // as it would run outside of tests
	flow  *graph.Flow // as the case changed it
	stdin *bufio.Reader

	feeds   []*feed
	stubs   []*stub
	faults  []*fault
	expects []*expectation
	taps    map[string]*expectation // by the id of a sink
	writes  []*expectedFile
	sinks   map[string]string // the folder in which a sink writes, by its id
	overdue func() bool       // whether the time on the wall is over
}

// compile makes the flow of the case: first as it is, to know its types, then as
// the case changes it.
func (c *Case) compile(list *diag.List) {
	var found diag.List
	c.taps, c.sinks = map[string]*expectation{}, map[string]string{}
	c.declare(&found)
	if c.base = c.load(false, &found); c.base != nil && !found.HasErrors() {
		c.resolve(&found)
		if !found.HasErrors() {
			c.flow = c.load(true, &found)
			c.finish(&found)
		}
	}
	*list = append(*list, found...)
}

// load compiles the flow, and adds what is wrong with it to the list.
func (c *Case) load(changed bool, list *diag.List) *graph.Flow {
	e := &editor{c: c, changed: changed, list: list}
	c.stdin = bufio.NewReaderSize(&stdin{c: c}, 1<<16)
	flow, found := graph.Load(c.file.src, &catalog{c.file.kinds, c}, graph.Options{
		Set: c.set, LookupEnv: c.file.options.LookupEnv, Stdin: c.stdin, Edit: e.edit,
	})
	for _, d := range found {
		if d.Severity == diag.Error {
			*list = append(*list, d)
		}
	}
	return flow
}

// Standard input is the text that a feed gives to a source that reads it. Which one
// does is known when the tree of the flow has been looked at, so it is asked for by
// the first read.
type stdin struct {
	c    *Case
	text io.Reader
}

// Read implements io.Reader.
func (s *stdin) Read(p []byte) (int, error) {
	if s.text == nil {
		s.text = strings.NewReader("")
		for _, f := range s.c.feeds {
			if f.stdin {
				s.text = strings.NewReader(*f.Text)
			}
		}
	}
	return s.text.Read(p)
}

// declare takes what the case says of the flow.
func (c *Case) declare(list *diag.List) {
	for _, p := range c.text.Feed {
		node, port := portName(p.Key)
		c.feeds = append(c.feeds, &feed{feedText: &p.Value, at: p.At, node: node, port: port})
	}
	for _, p := range c.text.Stub {
		c.stubs = append(c.stubs, &stub{at: p.At, node: p.Key, texts: p.Value})
	}
	for _, p := range c.text.Fail {
		c.faults = append(c.faults, &fault{at: p.At, node: p.Key, texts: p.Value})
		for _, s := range c.stubs {
			if s.node == p.Key {
				list.Add(diag.Conflict, p.At, "%s is a stub: a rule with error makes it fail", p.Key)
			}
		}
	}
	for _, p := range c.text.Expect {
		c.expects = append(c.expects, &expectation{expectText: &p.Value, key: p.At, on: p.Key, dir: filepath.Dir(c.file.Path)})
	}
	for _, p := range c.text.Writes {
		c.writes = append(c.writes, &expectedFile{writeText: &p.Value, at: p.At, path: p.Key, dir: filepath.Dir(c.file.Path)})
	}
}

// node finds a node of the flow that the case speaks of.
func (c *Case) node(id string, at diag.Span, list *diag.List) *graph.Node {
	if n := c.base.Node(id); n != nil {
		return n
	}
	var ids []string
	for _, n := range c.base.Nodes {
		ids = append(ids, n.ID)
	}
	list.Add(diag.UnknownNode, at, "the flow has no node %q", id).DidYouMean(id, ids)
	return nil
}

// resolve finds the ports that the case speaks of, and their types.
func (c *Case) resolve(list *diag.List) {
	for _, f := range c.feeds {
		if n := c.node(f.node, f.at, list); n != nil {
			f.resolve(n, list)
		}
	}
	for _, s := range c.stubs {
		n := c.node(s.node, s.at, list)
		switch {
		case n == nil:
		case len(n.In) == 0:
			list.Add(diag.Conflict, s.at, "%s is a source, and a stub answers items", s.node).WithHint("write its items under feed")
		case len(n.Out) == 1:
			list.Add(diag.Conflict, s.at, "%s is a sink: nothing comes out of it", s.node).WithHint("sinks do nothing in tests anyway; fail: {%s: MESSAGE} makes it fail", s.node)
		default:
			for _, o := range n.Out[:len(n.Out)-1] {
				p := o.Port
				p.Type = nil
				s.ports, s.gives = append(s.ports, p), append(s.gives, o.Carries)
			}
		}
	}
	for _, f := range c.faults {
		c.node(f.node, f.at, list)
	}
	for _, p := range c.text.With {
		c.node(p.Key, p.At, list)
	}
	for _, id := range c.text.Real {
		if n := c.node(id.Value, id.At, list); n != nil && len(n.Out) > 1 {
			list.Add(diag.Conflict, id.At, "%s is no sink", id.Value).WithHint("every node but sinks and stubs is the real one")
		}
	}
	for _, e := range c.expects {
		e.resolve(c, list)
	}
	if c.text.Fails != nil && c.text.Fails.Node.Value != "" {
		c.node(c.text.Fails.Node.Value, c.text.Fails.Node.At, list)
	}
}

// resolve finds what is expected: a port of a node, or what arrives at a sink.
func (e *expectation) resolve(c *Case, list *diag.List) {
	id, port := portName(e.on)
	n := c.node(id, e.key, list)
	if n == nil {
		return
	}
	if len(n.Out) == 1 && (port == "" || n.Input(port) != nil) {
		if c.taps[id] != nil {
			list.Add(diag.DuplicateKey, e.key, "what arrives at %s is expected already", id).WithNote(c.taps[id].key, "here")
		}
		c.taps[id] = e
		return
	}
	if n.Output(port) == nil && n.Input(port) != nil {
		list.Add(diag.UnknownPort, e.key, "%s is an input: expectations are on outputs and on sinks", e.on).
			WithHint("expect what %s gives", n.Input(port).Edges[0].From.ID)
	}
	if port == graph.ErrorPort && n.Engine.OnError != "dead" {
		list.Add(diag.Conflict, e.key, "%s stays empty: %s has on_error: %s", e.on, id, n.Engine.OnError).
			WithHint("expect the failure by fails:, or write on_error: dead in the flow")
	}
}

// resolve finds out what is fed.
func (f *feed) resolve(n *graph.Node, list *diag.List) {
	var names []string
	if len(n.In) > 0 {
		f.input = true
		for _, in := range n.In {
			names = append(names, in.Name)
			if in.Name == f.port || f.port == "" && len(n.In) == 1 {
				f.port = in.Name
				if f.As == nil {
					f.typ = in.Arriving()
				}
				if f.Text != nil {
					list.Add(diag.Conflict, f.at, "text is for sources that read a file, and %s is an input", f.node+"."+f.port)
				}
				return
			}
		}
		d := list.Add(diag.UnknownPort, f.at, "%s has no input %q", f.node, f.port).DidYouMean(f.port, names)
		switch {
		case f.port == "":
			d.Message = fmt.Sprintf("%s has %d inputs, say which", f.node, len(n.In))
		case n.Output(f.port) != nil:
			d.Message = fmt.Sprintf("%s.%s is an output of a node that is no source", f.node, f.port)
			d.WithHint("feed what reads it, or write what comes out under stub")
		}
		return
	}
	own := n.Out[:len(n.Out)-1]
	for _, o := range own {
		names = append(names, o.Name)
		if o.Name == f.port || f.port == "" && (len(own) == 1 || o.Name == "out") {
			f.port = o.Name
			if f.As == nil {
				f.typ = o.Carries
			}
			return
		}
	}
	list.Add(diag.UnknownPort, f.at, "%s has no output %q", f.node, f.port).DidYouMean(f.port, names)
}

// finish reads what needs the types of the flow.
func (c *Case) finish(list *diag.List) {
	if list.HasErrors() {
		return
	}
	for _, n := range c.flow.Nodes {
		if was := c.base.Node(n.ID); was != nil {
			n.Engine.OnError = was.Engine.OnError // a watch on errors must not change it
		}
		n.Engine.Retry.Jitter = 0
	}
	for _, edge := range c.flow.Edges {
		_, edge.Contract.Watched = edge.To.Config.(*watchKind)
	}
	for i, f := range c.feeds {
		if f.byPath {
			continue
		}
		id := f.node
		if f.input {
			id = feedID(i)
		}
		out := c.flow.Node(id).Output(f.port)
		var needed []bool
		if f.typ.IsRecord() {
			needed = out.Needed.Mask(f.typ)
		}
		f.read(filepath.Dir(c.file.Path), needed, list)
	}
	for _, f := range c.faults {
		if n := c.flow.Node(f.node); n != nil {
			f.check(n, list)
		}
	}
	for id, e := range c.taps {
		if n := c.flow.Node(id); n != nil && e.typ == nil {
			e.typ = n.In[0].Arriving()
			e.check(list)
		}
	}
	for _, w := range c.writes {
		w.check(c, list)
	}
}
