package graph

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/redact"
)

// This file makes a flow of a text: it runs the passes, which are in files called pass.

// Options for Load.
type Options struct {
	// Set gives values to variables, over the defaults of the file.
	Set map[string]string
	// LookupEnv finds variables that neither Set nor the file knows, and those
	// written as ${env:X}. Nil finds nothing.
	LookupEnv func(string) (string, bool)
	// Stdin is what a source that reads standard input may look ahead into, to
	// infer its type; the run must read from the same. Nil: it is not known yet.
	Stdin *bufio.Reader
	// Root, if set, encloses the flow: kinds see the files below it and no others,
	// while checking and in a run. The name of the source is a path in it then, and
	// paths in settings are relative to the folder of that. It must stay open as
	// long as the flow is used.
	Root *os.Root
	// MaxNodes bounds how many nodes a flow may have, for texts of strangers; 0:
	// as many as the text holds.
	MaxNodes int
	// Peers, if not nil, lets kinds ask what they will talk to in a run, such as a database
	// for the types of its columns. It bounds how long they ask.
	Peers context.Context
	// Edit, if not nil, may change the tree of the text before anything else is
	// made of it. Tests of flows exchange nodes by it.
	Edit func(root *config.Value)
}

// Load compiles a flow. It gives everything it found: errors, after which the
// flow must not run but what could be made of it can be drawn, and warnings. The
// flow is nil only if the text as such cannot be read.
func Load(src *diag.Source, cat Catalog, opts Options) (*Flow, diag.List) {
	c := &compiler{src: src, cat: cat, opts: opts, flow: &Flow{Dir: filepath.Dir(src.Name), stdin: opts.Stdin, root: opts.Root, loading: true, At: diag.Span{Source: src, Line: 1, Col: 1}}}
	src.Cover(redact.Columns)
	for _, p := range passes {
		p.run(c)
		if c.stop {
			break
		}
	}
	c.list.Sort()
	c.flow.loading = false
	if c.root == nil {
		return nil, c.list
	}
	return c.flow, c.list
}

// The passes, in order. Each adds to the flow what its comment says, and works
// on what the ones before could make sense of.
var passes = []struct {
	name string
	run  func(*compiler)
}{
	{"parse", (*compiler).parse},              // the tree of the text
	{"variables", (*compiler).variables},      // ${NAME} replaced in scalars
	{"types", (*compiler).declareTypes},       // the declared types
	{"limits", (*compiler).declareLimits},     // bounds of the flow as a whole
	{"nodes", (*compiler).declareNodes},       // nodes with their kinds and settings
	{"connect", (*compiler).connect},          // edges
	{"cycles", (*compiler).orderNodes},        // topological order, or the cycle
	{"infer", (*compiler).inferTypes},         // the type on every port
	{"contracts", (*compiler).checkContracts}, // priorities and delays of edges
	{"needs", (*compiler).gatherNeeds},        // the fields that each port must carry
	{"deadlock", (*compiler).rejectDeadlocks}, // queues that could block for good
	{"lint", (*compiler).lint},                // what works but looks wrong
	{"acks", (*compiler).checkAcks},           // sources that acknowledge what a crash would lose
	{"answers", (*compiler).checkAnswers},     // requests that could stay without an answer
	{"protect", (*compiler).checkProtection},  // rates, breakers and batches
	{"effects", (*compiler).checkEffects},     // engine settings that have no effect
}

// A compiler is one call of Load.
type compiler struct {
	src  *diag.Source
	cat  Catalog
	opts Options
	list diag.List
	flow *Flow
	root *config.Value
	stop bool // nothing further can be said

	words map[string]string // see Builder.Words

	byID      map[string]*Node
	wiring    map[*Node]*config.Value // the `in` of each node
	written   map[*Node]*config.Value // the engine's settings of each node
	contracts map[*Edge]*config.Value // what stands beside the source of each edge
	settings  map[*Node]*config.Value // what is written under `with` of each node
	misread   map[*Node]bool          // some of that is wrong
	hosted    map[*Node][]*Node       // the kinds that each node calls by itself
	typeSpans map[string]diag.Span
	values    map[*Output]bool // outputs by which Go values leave; nil: not known yet
	cyclic    bool
}

// word gives a word of a flow file as whoever reads the messages would say it.
func (c *compiler) word(s string) string {
	if w, ok := c.words[s]; ok {
		return w
	}
	return s
}

// parse reads the text and the head of the file.
func (c *compiler) parse() {
	c.root = config.Parse(c.src, &c.list)
	if c.root == nil {
		c.stop = true
		return
	}
	if c.root.Kind != config.Mapping {
		c.list.Add(diag.BadYAML, c.root.Span, "a flow is a mapping with the keys flow and nodes, got %s", c.root.Describe()).
			Hint = diag.Hint{Verb: "new", Rest: " writes a flow to begin with"}
		c.stop = true
		return
	}
	for _, e := range c.root.Entries {
		c.readKey(e)
	}
	if c.flow.Name == "" && !c.root.Has("flow") {
		c.flow.Name = nameOf(c.src.Name)
	}
	if !c.root.Has("nodes") {
		c.reportNoNodes(c.root.Span)
	}
	if c.opts.Edit != nil {
		c.opts.Edit(c.root)
	}
}

// readKey reads a key of the file. What is below a section is for later passes.
func (c *compiler) readKey(e config.Entry) {
	switch {
	case e.Key == "flow":
		c.flow.Name = c.text(e.Value)
		c.flow.At = e.Value.Span
		if e.Value.Kind == config.Scalar {
			c.checkFlowName(c.flow.Name, e.Value.Span)
		}
	case e.Key == "about":
		c.flow.About = c.text(e.Value)
	case flowKeys.has(e.Key):
		if e.Value.Kind != config.Mapping && !e.Value.IsNull() {
			c.list.Add(diag.WrongValue, e.Value.Span, "want a mapping under %s, got %s", e.Key, e.Value.Describe())
		}
	case e.Key == "tests":
		c.list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).
			Hint = diag.Hint{Text: "tests stand in a file of their own, NAME_test.yaml, which `", Verb: "test", Rest: "` runs"}
	case e.Key == "edges":
		c.list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).WithHint("an edge is written at its end: `in: source` on the node that reads")
	default:
		c.list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).DidYouMean(e.Key, flowKeys.names())
	}
}

// text reads a scalar that is a text.
func (c *compiler) text(v *config.Value) string {
	if v.Kind != config.Scalar {
		c.list.Add(diag.WrongValue, v.Span, "want a text, got %s", v.Describe())
		return ""
	}
	return v.Text
}

// nameOf gives a flow without a name that of its file.
func nameOf(path string) string {
	name := filepath.Base(path)
	return name[:len(name)-len(filepath.Ext(name))]
}

// validName checks names: of nodes and ports in lower case, of flows more freely.
func validName(s string, free bool) bool {
	for i, r := range s {
		switch {
		case 'a' <= r && r <= 'z', free && (r == '-' || 'A' <= r && r <= 'Z'):
		case i > 0 && (r == '_' || '0' <= r && r <= '9'):
		default:
			return false
		}
	}
	return s != ""
}

func (c *compiler) checkFlowName(name string, at diag.Span) {
	if !validName(name, true) {
		c.list.Add(diag.BadName, at, "flow name %q: want letters, digits, - and _", name)
	}
}

// nearestName makes an id of a name that is none, in small letters and with
// underscores, if that is all it needs.
func nearestName(s string) string {
	better := strings.NewReplacer("-", "_", " ", "_", ".", "_").Replace(strings.ToLower(s))
	if !validName(better, false) {
		return ""
	}
	return better
}
