package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/jsonl"
	"github.com/flowrun/flowrun/graph/redact"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/scheduler"
)

// This file looks at what the nodes of a trial emit.

// A trial is one under way. It gives the scheduler the operators of the nodes, each
// with someone who looks at what it emits.
type trial struct {
	operators scheduler.Operators
	limits    Limits
	flow      *graph.Flow
	seen      map[*graph.Node]*observation
	bytes     atomic.Int64 // carried by all ports
	shown     atomic.Int64 // bytes of all that is kept to be shown
	late      atomic.Bool
}

// maxShown bounds all that is kept to be shown, in bytes.
const maxShown = 4 << 20

// Operator implements scheduler.Operators.
func (t *trial) Operator(n *graph.Node, env *nodes.Env) (nodes.Operator, error) {
	s := &observation{trial: t, node: n, source: len(n.In) == 0}
	t.seen[n] = s
	if isSink(n) {
		for _, in := range n.In {
			s.ports = append(s.ports, newPort(in.Name, in.Arriving()))
		}
		return sinkOp{s}, nil
	}
	for _, out := range outputs(n) {
		s.ports = append(s.ports, newPort(out.Name, out.Carries))
	}
	op, err := t.operators.Operator(n, env)
	if err != nil {
		return nil, err
	}
	env.Intercept(nodes.Intercept{Around: s.around})
	return op, nil
}

// A sinkOp stands in for a node that would change something: it takes everything, and
// keeps what comes first.
type sinkOp struct{ *observation }

// Process implements nodes.Operator.
func (s sinkOp) Process(_ context.Context, in nodes.Input, _ nodes.Out) error {
	return s.note(in.Port, in.Data)
}

// An observation is what was seen of a node. Its methods may be called from any goroutine.
type observation struct {
	trial  *trial
	node   *graph.Node
	source bool

	mu    sync.Mutex
	ports []*port
	taken int // rows of a source
}

// A port is one under observation.
type port struct {
	name    string
	typ     *types.Type
	encoder *jsonl.Encoder // of typ
	items   int64
	rows    [][]string
}

func newPort(name string, t *types.Type) *port {
	return &port{name: name, typ: t, encoder: jsonl.NewEncoder(t)}
}

// around looks at what a call emits.
func (s *observation) around(ctx context.Context, _ nodes.Call, out nodes.Out, next func(context.Context, nodes.Out) error) error {
	return next(ctx, watchedOut{out, s})
}

// A watchedOut looks at what passes, and ends a source that has given its sample.
type watchedOut struct {
	nodes.Out
	s *observation
}

// Emit implements nodes.Out.
func (o watchedOut) Emit(port int, d record.Data) error {
	d, last := o.s.sample(d)
	if err := o.s.note(port, d); err != nil {
		d.Release()
		return err
	}
	if err := o.Out.Emit(port, d); err != nil {
		return err
	}
	if last {
		return nodes.ErrDone
	}
	return nil
}

// sample cuts what a source gives after its last wanted row.
func (s *observation) sample(d record.Data) (wanted record.Data, last bool) {
	if !s.source {
		return d, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.trial.limits.Rows - s.taken; d.Len() > left {
		cut := d.Slice(0, left)
		d.Release()
		d = cut
	}
	s.taken += d.Len()
	return d, s.taken == s.trial.limits.Rows
}

// note counts what passes a port and keeps the first items. The error says that a
// limit is reached.
func (s *observation) note(i int, d record.Data) error {
	n := d.Len()
	if n == 0 || i >= len(s.ports) { // the error port is the engine's
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, limits := s.ports[i], &s.trial.limits
	p.items += int64(n)
	for row := 0; row < n && len(p.rows) < limits.Shown && s.trial.shown.Load() < maxShown; row++ {
		cells := p.cells(d, row, limits.Text)
		for _, c := range cells {
			s.trial.shown.Add(int64(len(c)))
		}
		p.rows = append(p.rows, cells)
	}
	if p.items > limits.Items {
		return fmt.Errorf("port %s has more than %d items, which is where a trial ends", p.name, limits.Items)
	}
	// What a sink takes was counted by its sender.
	if !isSink(s.node) && s.trial.bytes.Add(int64(d.Bytes())) > limits.Bytes {
		return fmt.Errorf("the flow moves more than %d MB, which is where a trial ends", limits.Bytes>>20)
	}
	return nil
}

// cells gives one item as JSON, without its secrets, field by field if it is a record.
func (p *port) cells(d record.Data, i, most int) []string {
	whole := []byte(redact.JSON(string(p.json(d, i))))
	if !p.typ.IsRecord() {
		return []string{cut(whole, most)}
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(whole, &fields) != nil {
		return []string{cut(whole, most)}
	}
	cells := make([]string, len(p.typ.Fields))
	for i, f := range p.typ.Fields {
		cells[i] = cut(fields[f.Name], most)
	}
	return cells
}

func (p *port) json(d record.Data, i int) []byte {
	switch d := d.(type) {
	case *record.Batch:
		return p.encoder.AppendRow(nil, d, d.Row(i))
	case record.GoItems:
		if text, err := record.JSON(d.At(i)); err == nil {
			return text
		}
	}
	return []byte(`"an item that is not JSON"`)
}

// cut shortens a text.
func cut(text []byte, most int) string {
	if len(text) <= most {
		return string(text)
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return string(text[:most]) + "…"
}

func (s *observation) result() []Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Port
	for _, p := range s.ports {
		columns := []string{""}
		if p.typ.IsRecord() {
			columns = p.typ.FieldNames()
		}
		all = append(all, Port{p.name, p.items, columns, p.rows})
	}
	return all
}
