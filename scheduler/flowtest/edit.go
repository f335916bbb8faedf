package flowtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// An editor changes the tree of a flow as a case says: without changed only as far as
// the types of the flow may depend on it, to find out about them.
type editor struct {
	c       *Case
	changed bool
	list    *diag.List
	nodes   *config.Value // the mapping `nodes`
}

func feedID(i int) string  { return fmt.Sprintf("test_feed_%d", i+1) }
func watchID(i int) string { return fmt.Sprintf("test_watch_%d", i+1) }

func (e *editor) edit(root *config.Value) {
	if e.nodes = root.Get("nodes"); e.nodes == nil || e.nodes.Kind != config.Mapping {
		return
	}
	e.override()
	e.takeSinks()
	e.feed()
	if !e.changed {
		return
	}
	for i, s := range e.c.stubs {
		if v := e.node(s.node); v != nil {
			replace(v, stubPrefix, i, s.at)
			if s.counts() {
				set(v, "workers", scalar(config.Int, "1", s.at))
			}
		}
	}
	for _, f := range e.c.faults {
		if v := e.node(f.node); v != nil && f.texts.counts() {
			set(v, "workers", scalar(config.Int, "1", f.at))
		}
	}
	e.watch()
	e.cut()
}

func (s *stub) counts() bool { return s.texts.counts() }

// counts reports whether a rule asks for the numbers of items.
func (r rules) counts() bool {
	return slices.ContainsFunc(r, func(t ruleText) bool { return len(t.Item) > 0 })
}

// node finds the mapping of a node.
func (e *editor) node(id string) *config.Value {
	v := e.nodes.Get(id)
	if v == nil || v.Kind != config.Mapping {
		return nil
	}
	return v
}

func scalar(t config.Type, text string, at diag.Span) *config.Value {
	return &config.Value{Kind: config.Scalar, Type: t, Text: text, Span: at}
}

func mapping(at diag.Span, pairs ...any) *config.Value {
	m := &config.Value{Kind: config.Mapping, Span: at}
	for i := 0; i < len(pairs); i += 2 {
		m.Entries = append(m.Entries, config.Entry{Key: pairs[i].(string), KeySpan: at, Value: pairs[i+1].(*config.Value)})
	}
	return m
}

// set sets a key of a mapping.
func set(v *config.Value, key string, value *config.Value) {
	if entry := v.Entry(key); entry != nil {
		entry.Value = value
		return
	}
	v.Entries = append(v.Entries, config.Entry{Key: key, KeySpan: value.Span, Value: value})
}

// use is the kind that a node names, with the place of the name.
func use(v *config.Value) (kind string, at diag.Span) {
	if u := v.Get("use"); u != nil && u.Kind == config.Scalar {
		return u.Text, u.Span
	}
	return "", v.Span
}

// replace puts a kind of this package in the place of the kind of a node. What
// belongs to the engine stays.
func replace(v *config.Value, prefix string, slot int, at diag.Span) {
	kind, useAt := use(v)
	set(v, "use", scalar(config.String, prefix+kind, useAt))
	set(v, "with", mapping(at, "slot", scalar(config.Int, strconv.Itoa(slot), at)))
}

// copyTree copies what the test file wrote: compiling replaces variables in it.
func copyTree(v *config.Value) *config.Value {
	if v == nil {
		return nil
	}
	c := *v
	c.Entries, c.Items = slices.Clone(v.Entries), slices.Clone(v.Items)
	for i := range c.Entries {
		c.Entries[i].Value = copyTree(c.Entries[i].Value)
	}
	for i := range c.Items {
		c.Items[i] = copyTree(c.Items[i])
	}
	return &c
}

// override puts settings of the case over those of the flow.
func (e *editor) override() {
	for _, p := range e.c.text.With {
		v := e.node(p.Key)
		switch {
		case v == nil: // resolve says so
		case p.Value.Kind != config.Mapping:
			if !e.changed {
				e.list.Add(diag.WrongValue, p.Value.Span, "want settings, got %s", p.Value.Describe()).WithHint("with: {%s: {SETTING: VALUE}}", p.Key)
			}
		default:
			with := v.Get("with")
			if with == nil || with.Kind != config.Mapping {
				with = mapping(p.At)
				set(v, "with", with)
			}
			for _, s := range copyTree(p.Value.Value).Entries {
				set(with, s.Key, s.Value)
				with.Entry(s.Key).KeySpan = s.KeySpan
			}
		}
	}
}

// upwards leads, from the folder of a sink, to where its paths begin, so that `..` in
// them does not lead out of it.
var upwards = filepath.Join(slices.Repeat([]string{"up"}, 8)...)

// takeSinks lets sinks that write files write them in the folder of the case, and
// puts nodes that only keep their items in the place of other sinks.
func (e *editor) takeSinks() {
	for i := range e.nodes.Entries {
		id, v := e.nodes.Entries[i].Key, e.nodes.Entries[i].Value
		if v.Kind != config.Mapping || slices.ContainsFunc(e.c.text.Real, func(r config.Name) bool { return r.Value == id }) {
			continue
		}
		kind, at := use(v)
		spec, ok := e.c.file.kinds.Spec(kind)
		if !ok || len(spec.Out) > 0 {
			continue
		}
		if _, branches := e.c.file.kinds.New(kind).(graph.Brancher); branches {
			continue
		}
		path := v.Get("with").Get("path")
		switch {
		case !hasPath(spec):
			if e.changed {
				slot := -1
				if x := e.c.taps[id]; x != nil {
					slot = slices.Index(e.c.expects, x)
				}
				replace(v, sinkPrefix, slot, at)
			}
		case path != nil && path.Kind == config.Scalar && path.Text != "-":
			dir := filepath.Join(e.c.dir, id)
			e.c.sinks[id] = filepath.Join(dir, upwards)
			moved := *path
			moved.Text = filepath.ToSlash(e.c.sinks[id]) + "/" + path.Text
			set(v.Get("with"), "path", scalar(config.String, moved.Text, path.Span))
		}
	}
}

// hasPath reports whether a kind has a setting path: the file it is about.
func hasPath(spec *graph.Spec) bool {
	return slices.ContainsFunc(spec.Config.Fields(), func(f config.FieldInfo) bool { return f.Name == "path" })
}

// feed puts feeds in the place of sources, and on inputs.
func (e *editor) feed() {
	for i, f := range e.c.feeds {
		v := e.node(f.node)
		if v == nil {
			continue
		}
		kind, _ := use(v)
		spec, ok := e.c.file.kinds.Spec(kind)
		if !ok {
			continue
		}
		source := len(spec.In) == 0
		switch {
		case source && f.Items == nil && hasPath(spec):
			e.redirect(f, v)
		case source && f.Text != nil:
			if !e.changed {
				e.list.Add(diag.Conflict, f.feedText.at, "text is for sources that read a file, and %s has no setting path", kind).WithHint("write items")
			}
		case !e.changed && f.As == nil:
		case source:
			if f.port == "" {
				f.port = "out"
			}
			f.ports = slices.Clone(spec.Out)
			if e.changed {
				f.ports = nil
				for _, o := range e.c.base.Node(f.node).Out {
					if o.Name != graph.ErrorPort {
						f.ports = append(f.ports, o.Port)
					}
				}
			}
			for k := range f.ports {
				f.ports[k].Type = nil
			}
			replace(v, feedPrefix, i, f.at)
		case e.changed:
			e.feedInput(i, f, v)
		}
	}
}

// redirect lets a source read another file, or a text of the case, by its own
// settings.
func (e *editor) redirect(f *feed, v *config.Value) {
	f.byPath = true
	with := v.Get("with")
	if with == nil || with.Kind != config.Mapping {
		return // the compiler says what is missing
	}
	if with.Has("follow") { // what is fed has an end
		set(with, "follow", scalar(config.Bool, "false", f.at))
		with.Entries = slices.DeleteFunc(with.Entries, func(e config.Entry) bool { return e.Key == "every" })
	}
	path := with.Get("path")
	if f.Text == nil {
		dir, err := filepath.Abs(filepath.Dir(e.c.file.Path))
		if err != nil {
			dir = "."
		}
		set(with, "path", scalar(config.String, filepath.Join(dir, filepath.FromSlash(f.From)), f.feedText.at))
		return
	}
	name := ""
	for p := path; p != nil; p = p.Items[0] {
		if name = p.Text; p.Kind != config.Sequence || len(p.Items) == 0 {
			break
		}
	}
	if name == "-" {
		f.stdin = true
		return
	}
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	file := filepath.Join(e.c.dir, "in-"+f.node+filepath.Ext(name))
	err := os.MkdirAll(e.c.dir, 0o700)
	if err == nil {
		err = os.WriteFile(file, []byte(*f.Text), 0o600)
	}
	if err != nil {
		e.list.Add(diag.NoFile, f.feedText.at, "the text cannot be put into a file: %v", err)
	}
	set(with, "path", scalar(config.String, file, path.Span))
}

// feedInput adds a node that feeds, and leads it to an input in place of what leads
// there.
func (e *editor) feedInput(i int, f *feed, v *config.Value) {
	f.ports = []graph.Port{{Name: f.port, Doc: "What the test feeds."}}
	id := feedID(i)
	at := f.at
	feeder := mapping(at, "use", scalar(config.String, feedPrefix+f.node+"."+f.port, at),
		"with", mapping(at, "slot", scalar(config.Int, strconv.Itoa(i), at)))
	e.nodes.Entries = append(e.nodes.Entries, config.Entry{Key: id, KeySpan: at, Value: feeder})
	from := scalar(config.String, id+"."+f.port, at)
	in := v.Get("in")
	switch {
	case in == nil:
	case in.Kind == config.Mapping && !in.Has("from"):
		set(in, f.port, withSource(in.Get(f.port), from))
	default:
		set(v, "in", withSource(in, from))
	}
}

// withSource puts a source in the place of another, whose contract stays.
func withSource(in, from *config.Value) *config.Value {
	if in == nil || in.Kind != config.Mapping {
		return from
	}
	set(in, "from", from)
	return in
}

// watch adds a node for each port that is expected. Its edge holds everything, so
// that nobody waits for it.
func (e *editor) watch() {
	for i, x := range e.c.expects {
		id, _ := portName(x.on)
		if e.c.taps[id] == x {
			continue
		}
		at := x.key
		in := mapping(at, "from", scalar(config.String, x.on, at), "capacity", scalar(config.Int, "100000000", at), "bytes", scalar(config.String, "1TB", at))
		value := mapping(at, "use", scalar(config.String, watchPrefix+x.on, at), "in", in,
			"with", mapping(at, "slot", scalar(config.Int, strconv.Itoa(i), at)))
		e.nodes.Entries = append(e.nodes.Entries, config.Entry{Key: watchID(i), KeySpan: at, Value: value})
	}
}

// cut takes nodes out of the flow that lead nowhere any more, because what they led
// to is fed.
func (e *editor) cut() {
	gone := map[*graph.Edge]bool{}
	watched := map[string]bool{}
	for _, x := range e.c.expects {
		id, _ := portName(x.on)
		watched[id] = true
	}
	for _, f := range e.c.feeds {
		if in := e.c.base.Node(f.node).Input(f.port); f.input && in != nil {
			for _, edge := range in.Edges {
				gone[edge] = true
			}
		}
	}
	for _, n := range slices.Backward(e.c.base.Nodes) {
		edges, left := 0, 0
		for _, o := range n.Out {
			for _, edge := range o.Edges {
				if edges++; !gone[edge] {
					left++
				}
			}
		}
		if edges == 0 || left > 0 || watched[n.ID] {
			continue
		}
		for _, in := range n.In {
			for _, edge := range in.Edges {
				gone[edge] = true
			}
		}
		e.nodes.Entries = slices.DeleteFunc(e.nodes.Entries, func(x config.Entry) bool { return x.Key == n.ID })
	}
}
