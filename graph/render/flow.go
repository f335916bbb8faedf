package render

import (
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
)

// This file makes the scene of a flow.

// FromFlow makes the scene of a flow. A flow that has errors is drawn as far as
// it is known. The error port and other side outputs are shown where something
// reads them; the number of workers where the flow gives it, since the same flow
// must have the same picture on every machine.
func FromFlow(f *graph.Flow) *Scene {
	s := &Scene{Title: f.Name, About: redact.Text(f.About)}
	from, to := map[*graph.Output]End{}, map[*graph.Input]End{}
	for i, n := range f.Nodes {
		c := newCard(n)
		for _, in := range n.In {
			to[in] = End{i, len(c.In)}
			c.In = append(c.In, inputPort(in))
		}
		for _, out := range n.Out {
			if isSide(out) && len(out.Edges) == 0 {
				continue
			}
			from[out] = End{i, len(c.Out)}
			c.Out = append(c.Out, portOf(out.Name, out.Carries))
		}
		s.Cards = append(s.Cards, c)
	}
	for _, e := range f.Edges {
		start, hasStart := from[e.FromPort]
		end, hasEnd := to[e.ToPort]
		if hasStart && hasEnd {
			s.Wires = append(s.Wires, wireOf(e, start, end))
		}
	}
	return s
}

// newCard is the card of a node without its ports.
func newCard(n *graph.Node) *Card {
	return &Card{ID: n.ID, Kind: n.Kind, Detail: telling(n.Config), Workers: workers(n), Marks: nodeMarks(n), About: redact.Text(n.Engine.About), Icon: iconOf(n)}
}

func isSide(out *graph.Output) bool { return out.Side || out.Name == graph.ErrorPort }

func workers(n *graph.Node) string {
	if n.Engine.Workers.Max < 2 || n.Spec != nil && n.Spec.Workers == graph.Single {
		return ""
	}
	return "×" + strings.ReplaceAll(n.Engine.Workers.String(), "-", "–")
}

// nodeMarks are what holds a node back, gathers for it, or gives its items up early.
func nodeMarks(n *graph.Node) []Mark {
	var all []Mark
	e := &n.Engine
	for _, m := range []Mark{
		{SignRate, "rate: " + e.Rate.String()}, {SignBreaker, "breaker: " + e.Breaker.String()}, {SignBatch, "batch: " + e.Batch.String()},
	} {
		if !strings.HasSuffix(m.Text, ": ") {
			all = append(all, m)
		}
	}
	if e.Ack == graph.AckEarly && n.Acknowledges() {
		all = append(all, Mark{SignAck, "ack: early: a crash loses what is on its way"})
	}
	return all
}

func wireOf(e *graph.Edge, from, to End) *Wire {
	w := &Wire{From: from, To: to, Side: isSide(e.FromPort), Capacity: shortCount(e.Contract.Capacity)}
	if w.Capacity != strconv.Itoa(e.Contract.Capacity) {
		w.About = strconv.Itoa(e.Contract.Capacity) + " items"
	}
	if e.Contract.Bytes > 0 {
		w.About = strings.TrimPrefix(w.About+", at most "+e.Contract.Bytes.String(), ", ")
	}
	w.Marks = marks(&e.Contract)
	return w
}

// marks are what a queue does besides holding items.
func marks(c *graph.Contract) []Mark {
	var all []Mark
	signs := map[string]Sign{"spill": SignSpill, "fail": SignFail, "drop_newest": SignDrop, "drop_oldest": SignDrop}
	if sign, ok := signs[c.OnFull]; ok {
		all = append(all, Mark{sign, "on_full: " + c.OnFull})
	}
	if c.Isolate {
		all = append(all, Mark{SignIsolate, "isolate: a slow reader here holds up nobody else"})
	}
	if c.Priority.Value != "" {
		all = append(all, Mark{SignPriority, "priority: " + redact.Text(c.Priority.Value)})
	}
	if c.Delay.Value != "" {
		all = append(all, Mark{SignDelay, "delay: " + redact.Text(c.Delay.Value)})
	}
	return all
}

// shortCount writes a capacity in at most five characters: 8192, 64k, 1.5M.
func shortCount(n int) string {
	if n < 10_000 {
		return strconv.Itoa(n)
	}
	x := float64(n)
	for _, unit := range []string{"k", "M", "G"} {
		if x /= 1000; x < 999.5 || unit == "G" {
			decimals := 0
			if x < 99.95 {
				decimals = 1
			}
			return strings.TrimSuffix(strconv.FormatFloat(x, 'f', decimals, 64), ".0") + unit
		}
	}
	panic("unreachable")
}

// inputPort shows what arrives, or what the kind asks for where nothing does. A
// record without a name is written as the number of its fields here: their names
// stand where it comes from, in the same colour.
func inputPort(in *graph.Input) Port {
	if len(in.Edges) == 0 {
		return portOf(in.Name, in.Type)
	}
	t := in.Arriving()
	p := portOf(in.Name, t)
	if t.Kind == types.KindRecord && t.Name == "" && len(t.Fields) > 1 {
		p.Type = optional(t, "{"+count(len(t.Fields), "field")+"}")
		p.Full = t.String()
	}
	return p
}

// portOf shows a type by its name; a record that has none by its fields' names,
// since nothing longer fits on a card. Types that are written alike look alike.
func portOf(name string, t *types.Type) Port {
	if t == nil || t.Kind == types.KindError {
		return Port{Name: name}
	}
	p := Port{Name: name, Type: shortType(t), Key: t.NotNull().String()}
	switch {
	case t.Name != "" && t.Kind == types.KindRecord:
		p.Full = t.Name + " = " + t.Expanded()
	case t.String() != p.Type:
		p.Full = t.String()
	}
	return p
}

// shortType is the type with records that have no name reduced to field names.
func shortType(t *types.Type) string {
	switch {
	case t.Name != "":
	case t.Kind == types.KindList:
		return optional(t, "["+shortType(t.Elem)+"]")
	case t.Kind == types.KindRecord:
		names := t.FieldNames()
		if t.Open {
			names = append(names, "...")
		}
		return optional(t, "{"+strings.Join(names, ", ")+"}")
	}
	return t.String()
}

func optional(t *types.Type, text string) string {
	if t.Nullable {
		return text + "?"
	}
	return text
}

// icons are the families of the kinds whose ports do not tell them.
var icons = map[string]Icon{
	"filter": IconFilter, "unique": IconFilter, "dedupe": IconFilter, "limit": IconFilter, "skip": IconFilter, "sample": IconFilter, "validate": IconFilter,
	"sort": IconSort, "group": IconGroup, "scan": IconGroup,
	"window": IconTime, "throttle": IconTime, "debounce": IconTime, "delay": IconTime, "tick": IconTime,
	"join": IconJoin, "lookup": IconJoin, "merge": IconJoin, "concat": IconJoin, "zip": IconJoin, "latest": IconJoin, "gather": IconJoin,
	"route": IconSplit, "balance": IconSplit, "partition": IconSplit,
	"machine": IconState, "actor": IconState,
	"exec": IconCall, "wasm": IconCall, "http.call": IconCall, "go": IconCall,
}

// iconOf is the sign of a node's kind: by its name, else by its ports.
func iconOf(n *graph.Node) Icon {
	if icon, ok := icons[strings.TrimPrefix(n.Kind, "go.")]; ok { // go.filter is the filter of the library
		return icon
	}
	outputs := 0
	for _, out := range n.Out {
		if !isSide(out) {
			outputs++
		}
	}
	many := len(n.In) > 1 || len(n.In) == 1 && n.In[0].Arity == graph.Many
	switch {
	case n.Spec == nil:
		return IconMap
	case len(n.In) == 0:
		return IconSource
	case outputs == 0:
		return IconSink
	case many:
		return IconJoin
	case outputs > 1:
		return IconSplit
	}
	return IconMap
}
