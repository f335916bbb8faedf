package graph

import (
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
)

// The pass that reads nodes: their kinds, their settings, their ports.

// foreignKeys are what people write who come from elsewhere, each with what it is
// called here.
var foreignKeys = map[string]string{
	"inputs": "in", "input": "in", "from": "in", "depends": "in", "depends_on": "in", "source": "in",
	"type": "use", "uses": "use", "kind": "use",
	"threads": "workers", "parallelism": "workers", "concurrency": "workers", "replicas": "workers",
	"rate_limit": "rate", "circuit_breaker": "breaker", "batching": "batch",
	"config": "with", "params": "with", "settings": "with", "options": "with",
}

// declareNodes reads the nodes: their kinds, their settings, their ports.
func (c *compiler) declareNodes() {
	c.byID, c.wiring = map[string]*Node{}, map[*Node]*config.Value{}
	section := c.root.Get("nodes")
	if section == nil {
		return
	}
	if section.Kind == config.Null || section.Kind == config.Mapping && len(section.Entries) == 0 {
		c.reportNoNodes(section.Span)
	}
	if most := c.opts.MaxNodes; most > 0 && len(section.Entries) > most {
		c.list.Add(diag.TooLarge, section.Span, "the flow has %d nodes; at most %d are allowed here", len(section.Entries), most)
		c.stop = true
		return
	}
	for _, e := range section.Entries {
		if d := c.checkID(e.Key, e.KeySpan); d != nil && nearestName(e.Key) != "" {
			d.WithHint("write %s", nearestName(e.Key))
		}
		if e.Value.Kind != config.Mapping {
			c.list.Add(diag.WrongValue, e.Value.Span, "node %q: want a mapping with `use`, got %s", e.Key, e.Value.Describe())
		}
		n := &Node{ID: e.Key, At: e.KeySpan, UseAt: e.KeySpan, Engine: DefaultEngine()}
		c.readNode(n, e.Value)
		c.flow.Nodes = append(c.flow.Nodes, n)
		c.byID[n.ID] = n
	}
}

func (c *compiler) reportNoNodes(at diag.Span) {
	c.list.Add(diag.MissingKey, at, "the flow has no nodes").WithHint("write them under `nodes:`, each with `use: KIND`")
}

// checkID gives what is wrong with the id of a node, nil if nothing is.
func (c *compiler) checkID(id string, at diag.Span) *diag.Diagnostic {
	if validName(id, false) {
		return nil
	}
	return c.list.Add(diag.BadName, at, "node id %q: want a lower-case letter, then letters, digits and _", id)
}

func (c *compiler) readNode(n *Node, tree *config.Value) {
	engine := &config.Value{Kind: config.Mapping, Span: tree.Span}
	var with *config.Value
	var foreign []config.Entry
	for _, e := range tree.Entries {
		elsewhere := foreignKeys[e.Key]
		switch {
		case e.Key == "use":
			n.UseAt = e.Value.Span
			n.Kind = c.text(e.Value)
		case e.Key == "with":
			with = e.Value
		case e.Key == "in":
			c.wiring[n] = e.Value
		case engineSchema().Has(e.Key):
			engine.Entries = append(engine.Entries, e)
		case elsewhere != "":
			c.list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key).WithHint("did you mean %q?", elsewhere)
		default:
			foreign = append(foreign, e)
		}
	}
	c.readEngine(n, engine)
	if c.resolveKind(n, tree) {
		n.Config = c.cat.New(n.Kind)
		c.readSettings(n, with)
		c.checkWorkers(n, engine)
	}
	c.foreignSettings(n, foreign)
	c.openPorts(n)
}

// readSettings reads the settings of the kind of a node.
func (c *compiler) readSettings(n *Node, with *config.Value) {
	before := len(c.list)
	n.Spec.Config.DecodeAt(with, n.At, n.Config, &c.list)
	if c.settings == nil {
		c.settings, c.misread = map[*Node]*config.Value{}, map[*Node]bool{}
	}
	c.settings[n], c.misread[n] = with, c.list[before:].HasErrors()
	c.openSecrets(n, with)
}

// readEngine reads the engine's settings of a node.
func (c *compiler) readEngine(n *Node, tree *config.Value) {
	engineSchema().DecodeAt(tree, n.At, &n.Engine, &c.list)
	c.checkEngine(n, tree)
}

// foreignSettings reports keys that stand beside `use` but belong elsewhere.
func (c *compiler) foreignSettings(n *Node, entries []config.Entry) {
	for _, e := range entries {
		d := c.list.Add(diag.UnknownKey, e.KeySpan, "unknown key %q", e.Key)
		contract := contractSchema().Meant(e.Key)
		switch {
		case contract == "capacity" || contract == "bytes" || contract == "on_full":
			d.WithHint("the bound of a queue stands on its edge: in: {from: NODE, capacity: 4096}")
		case n.Spec != nil && n.Spec.Config.Has(e.Key):
			d.WithHint("%q is a setting of %s: put it under `with:`", e.Key, n.Kind)
		case contract != "":
			d.WithHint("%s stands on an edge: in: {from: NODE, %s: ...}", contract, contract)
		default:
			d.DidYouMean(e.Key, append(nodeKeys.names(), engineSchema().Names()...))
		}
	}
}

// checkEngine looks at the engine's settings of a node, of which tree says what is
// written.
func (c *compiler) checkEngine(n *Node, tree *config.Value) {
	if c.written == nil {
		c.written = map[*Node]*config.Value{}
	}
	c.written[n] = tree
	if n.Engine.Order == "key" && len(n.Engine.Key) == 0 {
		c.list.Add(diag.MissingKey, keySpan(tree, "order", n.At), "order: key needs the fields of the key").WithHint("add `key: [field]`")
	}
	if n.Engine.Order != "key" && len(n.Engine.Key) > 0 {
		c.list.Add(diag.Conflict, keySpan(tree, "key", n.At), "key is for order: key")
	}
	if r := n.Engine.Retry; r.InitialInterval > r.MaxInterval {
		c.refuseIntervals(n, tree.Get("retry"))
	}
}

// refuseIntervals is for a first wait that is longer than the longest one. One of the two
// may be the default, which nobody sees.
func (c *compiler) refuseIntervals(n *Node, retry *config.Value) {
	first, longest := n.Engine.Retry.InitialInterval, n.Engine.Retry.MaxInterval
	at := keySpan(retry, "initial_interval", keySpan(retry, "max_interval", n.At))
	initial, most := c.word("initial_interval"), c.word("max_interval")
	d := c.list.Add(diag.Conflict, at, "%s is %s, longer than %s, which is %s", initial, first, most, longest)
	switch {
	case !retry.Has("max_interval"):
		d.WithHint("%s is %s by default: raise it to at least %s", most, longest, first)
	case !retry.Has("initial_interval"):
		d.WithHint("%s is %s by default: lower it to at most %s", initial, first, longest)
	}
}

// checkWorkers refuses numbers that follow a load where there is none to follow.
func (c *compiler) checkWorkers(n *Node, tree *config.Value) {
	if !n.Engine.Workers.Elastic() {
		return
	}
	at := keySpan(tree, "workers", n.At)
	switch {
	case len(n.Spec.In) == 0:
		c.list.Add(diag.Conflict, at, "%s is a source: it has no queue whose load the number of workers could follow", n.ID).WithHint("write workers: %d", n.Engine.Workers.Max)
	case n.Engine.Order == "key":
		c.list.Add(diag.Conflict, at, "with order: key each worker has keys of its own, so their number is fixed").WithHint("write workers: %d", n.Engine.Workers.Max)
	default:
		return
	}
	n.Engine.Workers = FixedWorkers(n.Engine.Workers.Max)
}

func keySpan(tree *config.Value, key string, otherwise diag.Span) diag.Span {
	if e := tree.Entry(key); e != nil {
		return e.KeySpan
	}
	return otherwise
}

// resolveKind finds the kind of a node in the catalogue.
func (c *compiler) resolveKind(n *Node, tree *config.Value) bool {
	if n.Kind == "" {
		switch use := tree.Get("use"); {
		case tree.Kind != config.Mapping: // there is a message already
		case use == nil:
			c.list.Add(diag.MissingKey, n.At, "node %q does not say what it is", n.ID).Hint = listKinds("add `use: KIND`; ")
		case use.Kind == config.Scalar:
			c.list.Add(diag.UnknownKind, n.UseAt, "the kind of node %q has no name", n.ID).Hint = listKinds("")
		}
		return false
	}
	spec, ok := c.cat.Spec(n.Kind)
	if !ok {
		d := c.list.Add(diag.UnknownKind, n.UseAt, "unknown kind %q", n.Kind)
		if d.Hint = KindHint(n.Kind, c.cat); d.Hint.IsZero() {
			d.Hint = listKinds("")
		}
		return false
	}
	n.Spec = spec
	return true
}

// listKinds tells how to see the kinds that there are.
func listKinds(before string) diag.Hint {
	return diag.Hint{Text: before, Verb: "nodes", Rest: " lists the kinds"}
}

// openPorts gives a node its ports: those of its kind, or those that its settings
// make, and the error port.
func (c *compiler) openPorts(n *Node) {
	if n.Spec == nil {
		return
	}
	for _, p := range n.Spec.In {
		n.In = append(n.In, &Input{Port: p})
	}
	out := n.Spec.Out
	if b, ok := n.Config.(Brancher); ok {
		out = b.Outputs()
	}
	for _, p := range out {
		n.Out = append(n.Out, &Output{Port: p, Carries: types.Error})
	}
	errors := Port{Name: ErrorPort, Doc: "Items that failed for good, under on_error: dead.", Type: ErrorItem, Side: true}
	if n.Spec.Dead != nil {
		errors.Type, errors.Go = n.Spec.Dead, true
	}
	n.Out = append(n.Out, &Output{Port: errors, Carries: errors.Type})
}
